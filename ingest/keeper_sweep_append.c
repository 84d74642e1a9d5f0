/* The CANCELs of all sweeps that are at APPEND: produced together, and waited for once. */
#include "ingest/keeper_sweep.h"

#include "core/clock.h"
#include "core/crash.h"
#include "core/log.h"
#include "schemas/grabs.h"

#include <poll.h>
#include <stdio.h>

static bool produce_cancel(struct keeper *keeper, const struct sweep *sweep, struct swept *grab, struct err *err)
{
    struct grab_event event;
    grab_event_cancel(&event, grab->grab_id, grab->user_id, sweep->coupon_id, sweep->room_id, sweep->epoch,
                      grab->try_key);
    return keeper_produce(keeper, grab->partition, &event, grab, err);
}

/* The grab that a report is of: NULL when it is late, of a barrier that was not waited for any longer. */
static struct swept *reported_grab(const struct keeper *keeper, const void *opaque, struct sweep **ret_sweep)
{
    uintptr_t at = (uintptr_t)opaque;
    for (struct sweep *sweep = keeper->sweeps; sweep != NULL; sweep = sweep->next) {
        const struct swept_list *list = &sweep->list;
        if (at < (uintptr_t)list->grab || at >= (uintptr_t)(list->grab + list->count))
            continue;
        *ret_sweep = sweep;
        return &list->grab[(at - (uintptr_t)list->grab) / sizeof *list->grab];
    }
    return NULL;
}

static void take_report(const struct kafka_delivery *delivery, void *arg)
{
    struct sweep *sweep = NULL;
    struct swept *grab = reported_grab(arg, delivery->opaque, &sweep);
    if (grab == NULL)
        return;
    grab->appended = delivery->report == KAFKA_PERSISTED;
    sweep->reports--;
}

static bool reports_are_awaited(const struct keeper *keeper)
{
    for (const struct sweep *sweep = keeper->sweeps; sweep != NULL; sweep = sweep->next)
        if (sweep->reports > 0)
            return true;
    return false;
}

static void produce_all(struct keeper *keeper, struct sweep *sweep)
{
    struct err err = {0};
    for (size_t i = 0; i < sweep->list.count; i++) {
        if (sweep->list.grab[i].appended)
            continue;
        if (!produce_cancel(keeper, sweep, &sweep->list.grab[i], &err))
            break; /* the queue is full: the rest in the next round */
        sweep->reports++;
    }
    if (err.kind == ERR_NONE || sweep->reports > 0)
        return;
    log_warn("sweep: nothing could be appended; it is tried again", LOG_INT("coupon", sweep->coupon_id), LOG_ERR(&err));
    keeper->append_rest_ms = clock_boottime_ms() + SWEEP_APPEND_REST_MS;
    snprintf(keeper->append_waits, sizeof keeper->append_waits, "no CANCEL can be appended: %.340s", err.text);
}

/* One wait for all: a partition that takes no records costs a round its time once, not once for each coupon. The
 * producer's own delivery timeout bounds it. */
bool sweeps_append(struct keeper *keeper)
{
    struct err err = {0};
    bool any = false;
    for (struct sweep *sweep = keeper->sweeps; sweep != NULL; sweep = sweep->next) {
        if (sweep->at != SWEEP_APPEND || clock_boottime_ms() < keeper->append_rest_ms)
            continue;
        any = true;
        keeper->append_waits[0] = '\0';
        produce_all(keeper, sweep);
    }
    struct kafka_producer *producer = any ? keeper_producer(keeper, &err) : NULL;
    while (producer != NULL && reports_are_awaited(keeper)) {
        struct pollfd fd = {.fd = kafka_producer_fd(producer), .events = POLLIN};
        poll(&fd, 1, 100);
        kafka_producer_reports(producer, take_report, keeper);
    }
    if (any)
        CRASH_POINT("keeper.sweep_appended");
    return any;
}
