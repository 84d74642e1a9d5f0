#include "workers/idle.h"

#include <stdio.h>
#include <string.h>

void idle_add(struct idle *idle, int32_t partition, const struct seat_view *view)
{
    idle->assigned += view->assigned;
    idle->awaited_ms = view->awaited_ms;
    if (view->alarm[0] && ++idle->alarms == 1)
        memcpy(idle->alarm, view->alarm, sizeof idle->alarm);
    idle->let_go += view->assigned && view->let_go;
    if (view->waits[0] && ++idle->waiting == 1) {
        idle->waits_first = partition;
        memcpy(idle->waits, view->waits, sizeof idle->waits);
    }
}

static enum idle_verdict tell_awaited(int64_t awaited_for_ms, char *ret_why, size_t size)
{
    if (awaited_for_ms < IDLE_AWAITED_MS)
        return IDLE_UNDECIDED;
    snprintf(ret_why, size, "no partitions are assigned yet, for %lld s", (long long)awaited_for_ms / 1000);
    return IDLE_SOME;
}

enum idle_verdict idle_tell(const struct idle *idle, int64_t now_ms, char *ret_why, size_t size)
{
    ret_why[0] = '\0';
    if (idle->awaited_ms != 0)
        return tell_awaited(now_ms - idle->awaited_ms, ret_why, size);
    if (idle->alarms > 0)
        snprintf(ret_why, size, "%s", idle->alarm);
    else if (idle->waiting > 0)
        snprintf(ret_why, size, "%zu partitions cannot be taken over yet, the first is %d: %s", idle->waiting,
                 (int)idle->waits_first, idle->waits);
    else if (idle->let_go > 0)
        snprintf(ret_why, size, "%zu partitions have another owner, or none, and wait to be assigned again",
                 idle->let_go);
    return ret_why[0] ? IDLE_SOME : IDLE_NONE;
}
