/* The CANCELs of all sweeps that are at APPEND: produced together, and waited for together, as many at a time as the
 * producer's queue takes. A partition that takes none rests for as long as it was waited for, so that it has at most
 * half of the keeper's time. */
#include "ingest/keeper_sweep.h"

#include "core/clock.h"
#include "core/crash.h"
#include "core/log.h"
#include "core/service.h"
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

struct append_round {
    struct keeper *keeper;
    size_t tried, persisted;
    bool failed[ROUTE_PARTITIONS_MAX];
    struct err err; /* the last one; of a report or of the producer */
};

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
    struct append_round *round = arg;
    struct sweep *sweep = NULL;
    struct swept *grab = reported_grab(round->keeper, delivery->opaque, &sweep);
    if (grab == NULL)
        return;
    sweep->reports--;
    grab->appended = delivery->report == KAFKA_PERSISTED;
    round->persisted += grab->appended;
    if (grab->appended)
        return;
    round->failed[grab->partition] = true;
    err_set(&round->err, ERR_OUTAGE, "partition %d: %s", (int)grab->partition, delivery->error);
}

static bool reports_are_awaited(const struct keeper *keeper)
{
    for (const struct sweep *sweep = keeper->sweeps; sweep != NULL; sweep = sweep->next)
        if (sweep->reports > 0)
            return true;
    return false;
}

/* The producer's own delivery timeout bounds it. */
static void await_reports(struct append_round *round)
{
    struct kafka_producer *producer = keeper_producer(round->keeper, &round->err);
    while (producer != NULL && reports_are_awaited(round->keeper) && !service_stopping()) {
        struct pollfd fd = {.fd = kafka_producer_fd(producer), .events = POLLIN};
        poll(&fd, 1, 100);
        kafka_producer_reports(producer, take_report, round);
    }
}

/* False: the producer takes no more of them now. */
static bool produce_all(struct append_round *round, struct sweep *sweep)
{
    struct keeper *keeper = round->keeper;
    int64_t now_ms = clock_boottime_ms();
    for (; sweep->produced < sweep->list.count; sweep->produced++) {
        struct swept *grab = &sweep->list.grab[sweep->produced];
        if (grab->appended || round->failed[grab->partition] || now_ms < keeper->partition_rest_ms[grab->partition])
            continue;
        if (!produce_cancel(keeper, sweep, grab, &round->err))
            return false;
        sweep->reports++;
        round->tried++;
    }
    return true;
}

/* One filling of the producer's queue. False: all were tried, or this one came to nothing. */
static bool append_some(struct append_round *round)
{
    const size_t persisted = round->persisted;
    bool all = true;
    for (struct sweep *sweep = round->keeper->sweeps; all && sweep != NULL; sweep = sweep->next)
        all = sweep->at != SWEEP_APPEND || produce_all(round, sweep);
    await_reports(round);
    if (round->persisted == persisted)
        return false;
    keeper_goes_on(round->keeper, 0);
    return !all && !service_stopping();
}

/* `refused`: the producer took none, whatever the partition. */
static void partitions_rest(struct append_round *round, bool refused, int64_t begun_ms)
{
    struct keeper *keeper = round->keeper;
    const int64_t until_ms = sweep_rest_until_ms(begun_ms);
    for (int32_t p = 0; p < keeper->partitions; p++)
        if (refused || round->failed[p])
            keeper->partition_rest_ms[p] = until_ms;
}

/* As long as nothing at all is appended it is said, and another keeper may have the turn: it may be this one's link. */
static void tell_round(struct append_round *round)
{
    char *waits = round->keeper->append_waits;
    if (round->persisted > 0)
        waits[0] = '\0';
    if (round->persisted > 0 || round->err.kind == ERR_NONE)
        return;
    snprintf(waits, KEEPER_WHY_MAX, "no CANCEL can be appended: %.340s", round->err.text);
    log_warn("sweep: nothing could be appended; it is tried again", LOG_INT("tried", round->tried),
             LOG_ERR(&round->err));
}

bool sweeps_append(struct keeper *keeper)
{
    struct append_round round = {.keeper = keeper};
    const int64_t begun_ms = clock_boottime_ms();
    bool any = false;
    for (struct sweep *sweep = keeper->sweeps; sweep != NULL; sweep = sweep->next) {
        any = any || sweep->at == SWEEP_APPEND;
        sweep->produced = 0;
    }
    if (!any) {
        keeper->append_waits[0] = '\0';
        return false;
    }
    while (append_some(&round))
        ;
    partitions_rest(&round, round.tried == 0 && round.err.kind != ERR_NONE, begun_ms);
    tell_round(&round);
    CRASH_POINT("keeper.sweep_appended");
    return true;
}
