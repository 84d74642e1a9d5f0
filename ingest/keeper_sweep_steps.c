/* The steps of a sweep; what comes after which is protocol/sweep.h's. */
#include "ingest/keeper_sweep.h"

#include "core/clock.h"
#include "core/crash.h"
#include "core/log.h"
#include "core/metrics.h"
#include "schemas/grabs.h"
#include "schemas/partition.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct redis_arg text_arg(const char *text)
{
    return (struct redis_arg){.data = text, .len = strlen(text)};
}

/* ---- CANCEL ---- */

enum { SWEEP_SLICE = 400 }; /* grabs of one script call or one statement */

/* A script that fails on the coupon's own keys fails again: a rebuild deletes them. */
static enum step_outcome script_failed(struct keeper *keeper, const struct sweep *sweep, const struct err *err)
{
    if (err->kind == ERR_DATA)
        keeper->spoilt_coupon = sweep->coupon_id;
    return STEP_NO_ANSWER;
}

static enum step_outcome cancel_slice(struct keeper *keeper, struct sweep *sweep, size_t from, size_t count,
                                      int64_t *hold_ms, struct err *err)
{
    char text[SWEEP_SLICE + 1][21];
    struct redis_arg args[SWEEP_SLICE + 1] = {stock_arg_u64(text[0], sweep->epoch)};
    for (size_t i = 0; i < count; i++)
        args[i + 1] = stock_arg_u64(text[i + 1], sweep->list.grab[from + i].grab_id);
    struct redis_reply *reply = stock_eval(keeper, STOCK_CANCEL, sweep->coupon_id, args, count + 1, err);
    if (reply == NULL)
        return script_failed(keeper, sweep, err);
    size_t len;
    int64_t hold = redis_reply_int(redis_reply_at(reply, 0));
    if (hold > *hold_ms)
        *hold_ms = hold;
    for (size_t i = 0; i < count; i++) {
        redis_reply_text(redis_reply_at(reply, i + 1), &len);
        sweep->list.grab[from + i].taken = len > 0;
    }
    redis_reply_free(reply);
    return STEP_DONE;
}

static void place_grab(const struct keeper *keeper, const struct sweep *sweep, struct swept *grab)
{
    struct grab_event event;
    grab_event_cancel(&event, grab->grab_id, grab->user_id, sweep->coupon_id, sweep->room_id, sweep->epoch,
                      grab->try_key);
    grab->partition = partition_of_user(grab->user_id, keeper->partitions);
    grab->slot = keeper->layout->layout->slot(keeper->stream, grab->partition, &event, keeper->offset_min);
}

static enum step_outcome cancel_all(struct keeper *keeper, struct sweep *sweep, struct err *err)
{
    int64_t hold_ms = 0;
    for (size_t at = 0; at < sweep->list.count; at += SWEEP_SLICE) {
        size_t count = sweep->list.count - at < SWEEP_SLICE ? sweep->list.count - at : SWEEP_SLICE;
        if (cancel_slice(keeper, sweep, at, count, &hold_ms, err) != STEP_DONE)
            return STEP_NO_ANSWER;
    }
    swept_keep_taken(&sweep->list);
    size_t kept = sweep->list.count;
    for (size_t i = 0; i < kept; i++)
        place_grab(keeper, sweep, &sweep->list.grab[i]);
    sweep->wait_until_ms = clock_boottime_ms() + sweep_wait_ms(hold_ms);
    if (kept > 0)
        log_info("sweep: grabs are cancelling", LOG_INT("coupon", sweep->coupon_id), LOG_INT("grabs", kept),
                 LOG_INT("epoch", sweep->epoch));
    CRASH_POINT("keeper.sweep_cancelling");
    return kept > 0 ? STEP_DONE : STEP_LOST;
}

/* ---- APPEND, after keeper_sweep_append.c ---- */

static enum step_outcome all_appended(const struct sweep *sweep)
{
    for (size_t i = 0; i < sweep->list.count; i++)
        if (!sweep->list.grab[i].appended)
            return STEP_NO_ANSWER;
    return STEP_DONE;
}

/* ---- FINISH ---- */

static enum step_outcome finish_slice(struct keeper *keeper, const struct sweep *sweep, size_t from, size_t count,
                                      struct err *err)
{
    char text[SWEEP_SLICE + 1][21];
    struct redis_arg args[SWEEP_SLICE * 2 + 1] = {stock_arg_u64(text[0], sweep->epoch)};
    for (size_t i = 0; i < count; i++) {
        args[i * 2 + 1] = stock_arg_u64(text[i + 1], sweep->list.grab[from + i].grab_id);
        args[i * 2 + 2] = text_arg(sweep->list.grab[from + i].ok ? "ok" : "void");
    }
    struct redis_reply *reply = stock_eval(keeper, STOCK_FINISH, sweep->coupon_id, args, count * 2 + 1, err);
    if (reply == NULL)
        return script_failed(keeper, sweep, err);
    redis_reply_free(reply); /* 0 for a grab says that another sweeper was first */
    return STEP_DONE;
}

static void tell_finished(const struct sweep *sweep, size_t count)
{
    uint64_t ok = 0;
    for (size_t i = 0; i < count; i++)
        ok += sweep->list.grab[i].ok;
    metric_add(metric_counter("weir_keeper_swept_total", "Grabs that a sweep ended.", "end=\"ok\""), ok);
    metric_add(metric_counter("weir_keeper_swept_total", "Grabs that a sweep ended.", "end=\"void\""), count - ok);
    log_info("sweep: grabs have their end", LOG_INT("coupon", sweep->coupon_id), LOG_INT("ok", ok),
             LOG_INT("void", count - ok), LOG_INT("left", sweep->list.count - count));
}

/* Those whose row is there: they leave the sweep, the others stay. */
static enum step_outcome finish_final(struct keeper *keeper, struct sweep *sweep, struct err *err)
{
    size_t final = swept_split_final(&sweep->list);
    for (size_t at = 0; at < final; at += SWEEP_SLICE) {
        size_t count = final - at < SWEEP_SLICE ? final - at : SWEEP_SLICE;
        if (finish_slice(keeper, sweep, at, count, err) != STEP_DONE)
            return STEP_NO_ANSWER;
    }
    if (final == 0)
        return STEP_DONE;
    tell_finished(sweep, final);
    swept_drop_first(&sweep->list, final);
    CRASH_POINT("keeper.sweep_finished");
    return STEP_DONE;
}

/* ---- FOLD ---- */

struct row_search {
    struct swept *grab; /* sorted by grab_id */
    size_t count;
};

static bool take_row(const struct value *cells, size_t count, void *arg)
{
    struct row_search *search = arg;
    assert(count == 2);
    struct swept *grab = swept_find(search->grab, search->count, cells[0].u64);
    if (grab != NULL) {
        grab->final = true;
        grab->ok = cells[1].u64 == GRAB_ROW_OK;
    }
    return true;
}

/* Looks for the rows of grabs of one partition and one table. The user ids are there for the layout that is clustered
 * by user. */
static enum step_outcome find_rows(struct keeper *keeper, struct swept *grab, size_t count, struct err *err)
{
    struct sql *sql = keeper_shard(keeper, route_shard(&keeper->route, grab->partition), err);
    if (sql == NULL)
        return STEP_NO_ANSWER;
    char table[TABLE_NAME_MAX];
    keeper->layout->layout->table(keeper->stream, grab->slot, table);
    struct buf text = {0};
    buf_printf(&text, "SELECT grab_id, grab_status FROM `%s` WHERE (user_id, grab_id) IN (",
               table); /* pairs: two lists would be their product to MySQL */
    struct value values[SWEEP_SLICE * 2];
    for (size_t i = 0; i < count; i++) {
        buf_append_str(&text, i == 0 ? "(?,?)" : ",(?,?)");
        values[i * 2] = value_u64(grab[i].user_id);
        values[i * 2 + 1] = value_u64(grab[i].grab_id);
    }
    buf_append_char(&text, ')');
    struct row_search search = {.grab = grab, .count = count};
    bool good = sql_select(sql, text.data, values, count * 2, take_row, &search, err);
    buf_free(&text);
    return good ? STEP_DONE : STEP_NO_ANSWER;
}

int64_t sweep_rest_until_ms(int64_t begun_ms)
{
    int64_t now_ms = clock_boottime_ms(), took_ms = now_ms - begun_ms;
    return now_ms + (took_ms > SWEEP_REST_MS ? took_ms : SWEEP_REST_MS);
}

/* Looks for the rows of one run, unless its shard was away just now: one that hangs has at most half of the keeper's
 * time. */
static void look_for_run(struct keeper *keeper, struct swept *grab, size_t count, struct err *err)
{
    int shard = route_shard(&keeper->route, grab->partition);
    int64_t *rest_ms = &keeper->shard_rest_ms[shard], begun_ms = clock_boottime_ms();
    if (begun_ms < *rest_ms || find_rows(keeper, grab, count, err) == STEP_DONE)
        return;
    const struct sql *sql = keeper->links.shard[shard];
    if (sql == NULL || !sql_alive(sql)) /* else it is this table that cannot be read, and others can */
        *rest_ms = sweep_rest_until_ms(begun_ms);
}

/* All are looked for, whatever happens to one of them. When some only are there, these are finished early: one shard
 * that is away, or one worker that is behind, keeps nobody else's unit. */
static enum step_outcome fold_all(struct keeper *keeper, struct sweep *sweep, struct err *err)
{
    swept_sort_places(&sweep->list);
    for (size_t at = 0, next; at < sweep->list.count; at = next) {
        next = swept_run(&sweep->list, at, SWEEP_SLICE);
        look_for_run(keeper, &sweep->list.grab[at], next - at, err);
    }
    if (swept_split_final(&sweep->list) == sweep->list.count)
        return STEP_DONE;
    (void)finish_final(keeper, sweep, err);
    return STEP_NO_ANSWER; /* look again at the next tick */
}

/* ---- the order ---- */

enum step_outcome sweep_run_step(struct keeper *keeper, struct sweep *sweep, struct err *err)
{
    switch (sweep->at) {
    case SWEEP_CANCEL:
        return cancel_all(keeper, sweep, err);
    case SWEEP_WAIT:
        return clock_boottime_ms() >= sweep->wait_until_ms ? STEP_DONE : STEP_NO_ANSWER;
    case SWEEP_APPEND:
        return all_appended(sweep);
    case SWEEP_FOLD:
        return fold_all(keeper, sweep, err);
    case SWEEP_FINISH:
        return finish_final(keeper, sweep, err);
    case SWEEP_DONE:
        break;
    }
    return STEP_DONE;
}
