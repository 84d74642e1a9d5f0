/* The sweep: grabs that stayed pending past their hint get their end. protocol/sweep.h, step by step, for many grabs of
 * one coupon at a time.
 *
 *     sweep_begin    the due grabs that are in no sweep yet -> a sweep, at CANCEL
 *     sweep_advance  CANCEL | WAIT: all of its grabs together
 *                    APPEND: each grab when its CANCEL is persisted; those whose partition takes none stay behind, in a
 *                    sweep of their own
 *                    FOLD | FINISH: each grab when its row is there. Those whose shard is away, or whose worker is
 *                    behind, stay.
 *                    An older sweep of the coupon that stands at the same step takes over what stays.
 */
#include "ingest/keeper_sweep.h"

#include "core/clock.h"
#include "core/log.h"
#include "core/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void sweep_free(struct sweep *sweep)
{
    swept_free(&sweep->list);
    free(sweep);
}

static struct redis_arg text_arg(const char *text)
{
    return (struct redis_arg){.data = text, .len = strlen(text)};
}

/* A hint is by Redis's clock. */
static bool read_redis_ms(struct redis_sync *redis, int64_t *ret_ms, struct err *err)
{
    struct redis_arg args[] = {text_arg("TIME")};
    struct redis_reply *reply = redis_sync_send(redis, args, 1, err);
    if (reply == NULL)
        return false;
    *ret_ms = redis_reply_int(redis_reply_at(reply, 0)) * 1000 + redis_reply_int(redis_reply_at(reply, 1)) / 1000;
    redis_reply_free(reply);
    return true;
}

/* Reads the pending marks, a page at a time, and keeps those that are due. */
static bool scan_pending(struct keeper *keeper, struct sweep *sweep, int64_t hold_ms, struct err *err)
{
    struct redis_sync *redis = keeper_redis(keeper, err);
    int64_t now_ms;
    if (redis == NULL || !read_redis_ms(redis, &now_ms, err))
        return false;
    struct stock_keys keys;
    stock_keys_of(sweep->coupon_id, &keys);
    char cursor[32] = "0";
    size_t len;
    do {
        struct redis_arg args[] = {text_arg("HSCAN"), text_arg(keys.name[STOCK_PENDING]), text_arg(cursor),
                                   text_arg("COUNT"), text_arg("1000")};
        struct redis_reply *reply = redis_sync_send(redis, args, sizeof args / sizeof *args, err);
        if (reply == NULL)
            return false;
        const struct redis_reply *pairs = redis_reply_at(reply, 1);
        for (size_t i = 0; i + 1 < redis_reply_count(pairs); i += 2)
            swept_add(&sweep->list, redis_reply_text(redis_reply_at(pairs, i), &len),
                      redis_reply_text(redis_reply_at(pairs, i + 1), &len), now_ms, hold_ms,
                      (size_t)keeper->config->sweep_grabs_max);
        snprintf(cursor, sizeof cursor, "%s", redis_reply_text(redis_reply_at(reply, 0), &len));
        redis_reply_free(reply);
    } while (strcmp(cursor, "0") != 0 && !service_stopping());
    swept_unique(&sweep->list);
    return true;
}

bool sweep_may_begin(const struct sweep *sweeps, uint64_t coupon_id, int64_t now_ms, int64_t hold_ms)
{
    int64_t pause_ms = step_wait_ms(hold_ms) / (SWEEPS_OF_COUPON_MAX - 3);
    size_t count = 0;
    for (const struct sweep *sweep = sweeps; sweep != NULL; sweep = sweep->next) {
        if (sweep->coupon_id != coupon_id)
            continue;
        count++;
        if (count == SWEEPS_OF_COUPON_MAX || now_ms - sweep->looked_ms < pause_ms)
            return false;
    }
    return true;
}

/* The ids of the grabs that this coupon's sweeps have already. */
static void note_swept(struct keeper *keeper, uint64_t coupon_id, int64_t now_ms, struct id_set *ret_ids)
{
    for (struct sweep *sweep = keeper->sweeps; sweep != NULL; sweep = sweep->next) {
        if (sweep->coupon_id != coupon_id)
            continue;
        sweep->looked_ms = now_ms;
        for (size_t i = 0; i < sweep->list.count; i++)
            id_set_add(ret_ids, sweep->list.grab[i].grab_id);
    }
}

static struct sweep *sweep_new(struct keeper *keeper, const struct coupon *coupon, const struct stock_look *look,
                               int64_t now_ms, struct err *err)
{
    struct id_set swept = {0};
    struct sweep *sweep = mem_alloc(sizeof *sweep);
    *sweep = (struct sweep){.coupon_id = coupon->coupon_id,
                            .epoch = look->mark.epoch,
                            .room_id = coupon->room_id,
                            .at = SWEEP_CANCEL,
                            .looked_ms = now_ms,
                            .list = {.leave_out = &swept}};
    note_swept(keeper, coupon->coupon_id, now_ms, &swept);
    bool good = scan_pending(keeper, sweep, look->hold_ms, err);
    sweep->list.leave_out = NULL;
    id_set_free(&swept);
    if (good && sweep->list.count > 0)
        return sweep;
    sweep_free(sweep);
    return NULL;
}

void sweep_begin(struct keeper *keeper, const struct coupon *coupon, const struct stock_look *look)
{
    struct err err = {0};
    int64_t now_ms = clock_boottime_ms();
    if (!sweep_may_begin(keeper->sweeps, coupon->coupon_id, now_ms, look->hold_ms))
        return;
    struct sweep *sweep = sweep_new(keeper, coupon, look, now_ms, &err);
    if (err.kind != ERR_NONE) {
        log_warn("pending marks could not be read", LOG_INT("coupon", coupon->coupon_id), LOG_ERR(&err));
        keeper_drop_dead_links(keeper);
    }
    if (sweep == NULL)
        return;
    sweep->next = keeper->sweeps;
    keeper->sweeps = sweep;
}

static void advance_one(struct keeper *keeper, struct sweep *sweep)
{
    enum step_outcome outcome = STEP_DONE;
    while (sweep->at != SWEEP_DONE && outcome == STEP_DONE && !service_stopping()) {
        struct err err = {0};
        outcome = sweep_run_step(keeper, sweep, &err);
        if (err.kind != ERR_NONE) {
            log_warn("sweep: a step did not come through; it is tried again", LOG_INT("coupon", sweep->coupon_id),
                     LOG_ERR(&err));
            keeper_drop_dead_links(keeper);
        }
        sweep->at = sweep_next(sweep->at, outcome);
    }
}

struct sweep *sweep_to_join(const struct sweep *sweep, size_t grabs_max)
{
    if (sweep->at != SWEEP_FOLD && sweep->at != SWEEP_APPEND)
        return NULL;
    for (struct sweep *older = sweep->next; older != NULL; older = older->next)
        if (older->coupon_id == sweep->coupon_id && older->epoch == sweep->epoch && older->at == sweep->at &&
            older->list.count + sweep->list.count <= grabs_max)
            return older;
    return NULL;
}

/* True: nothing is left of it. */
static bool sweep_ends(struct keeper *keeper, struct sweep *sweep)
{
    if (sweep->at == SWEEP_DONE)
        return true;
    struct sweep *older = sweep_to_join(sweep, (size_t)keeper->config->sweep_grabs_max);
    if (older != NULL)
        swept_move_from(&older->list, &sweep->list, 0);
    return older != NULL;
}

/* Those whose CANCEL is persisted do not wait for the others' partitions. */
static void leave_behind(struct sweep *sweep)
{
    size_t appended = swept_split_appended(&sweep->list);
    if (appended == 0 || appended == sweep->list.count)
        return;
    struct sweep *behind = mem_alloc(sizeof *behind);
    *behind = *sweep;
    behind->list = (struct swept_list){0};
    swept_move_from(&behind->list, &sweep->list, appended);
    sweep->next = behind;
}

void sweep_advance(struct keeper *keeper)
{
    for (struct sweep *sweep = keeper->sweeps; sweep != NULL; sweep = sweep->next)
        advance_one(keeper, sweep);
    bool appended = !service_stopping() && sweeps_append(keeper);
    if (service_stopping()) /* reports may still come: no grab moves any more */
        return;
    for (struct sweep *sweep = keeper->sweeps; appended && sweep != NULL; sweep = sweep->next) {
        if (sweep->at != SWEEP_APPEND)
            continue;
        leave_behind(sweep);
        advance_one(keeper, sweep);
    }
    for (struct sweep **link = &keeper->sweeps; *link != NULL;) {
        struct sweep *sweep = *link;
        if (!sweep_ends(keeper, sweep)) {
            link = &sweep->next;
            continue;
        }
        *link = sweep->next;
        sweep_free(sweep);
    }
}

void sweep_forget_all(struct keeper *keeper)
{
    while (keeper->sweeps != NULL) {
        struct sweep *sweep = keeper->sweeps;
        keeper->sweeps = sweep->next;
        sweep_free(sweep);
    }
}
