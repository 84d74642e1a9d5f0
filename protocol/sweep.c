#include "protocol/sweep.h"

#include "core/planted.h"

bool sweep_due(bool cancelling, int64_t hint_ms, int64_t now_ms, int64_t hold_ms)
{
    return cancelling || hint_ms <= now_ms || hint_ms > now_ms + hold_ms + SWEEP_SCAN_MS_MAX;
}

int64_t sweep_wait_ms(int64_t hold_ms)
{
    return PLANTED("cancel_at_once") ? 0 : step_wait_ms(hold_ms);
}

enum sweep_step sweep_next(enum sweep_step at, enum step_outcome outcome)
{
    if (outcome == STEP_LOST)
        return SWEEP_DONE;
    if (outcome == STEP_NO_ANSWER)
        return at;
    switch (at) {
    case SWEEP_CANCEL:
        return SWEEP_WAIT;
    case SWEEP_WAIT:
        return SWEEP_APPEND;
    case SWEEP_APPEND:
        return SWEEP_FOLD;
    case SWEEP_FOLD:
        return SWEEP_FINISH;
    case SWEEP_FINISH:
    case SWEEP_DONE:
        break;
    }
    return SWEEP_DONE;
}
