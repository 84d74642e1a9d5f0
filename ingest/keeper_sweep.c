/* The sweep: grabs that stayed pending past their hint get their end. protocol/sweep.h, step by step, for many grabs of
 * one coupon at a time. */
#include "ingest/keeper.h"
#include "ingest/keeper_swept.h"

#include "core/clock.h"
#include "core/crash.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/service.h"
#include "protocol/sweep.h"
#include "schemas/grabs.h"
#include "schemas/partition.h"

#include <assert.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sweep {
    struct sweep *next;
    uint64_t coupon_id;
    uint64_t epoch;
    uint32_t room_id;
    enum sweep_step at;
    int64_t wait_until_ms; /* CLOCK_BOOTTIME */
    struct swept_list list;
    size_t reports; /* of this round of appends, still to come */
};

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

void sweep_begin(struct keeper *keeper, const struct coupon *coupon, const struct stock_look *look)
{
    for (const struct sweep *s = keeper->sweeps; s != NULL; s = s->next)
        if (s->coupon_id == coupon->coupon_id)
            return;
    struct err err = {0};
    struct sweep *sweep = mem_alloc(sizeof *sweep);
    *sweep = (struct sweep){
        .coupon_id = coupon->coupon_id, .epoch = look->mark.epoch, .room_id = coupon->room_id, .at = SWEEP_CANCEL};
    if (!scan_pending(keeper, sweep, look->hold_ms, &err)) {
        log_warn("pending marks could not be read", LOG_INT("coupon", coupon->coupon_id), LOG_ERR(&err));
        keeper_drop_dead_links(keeper, &err);
    }
    if (err.kind != ERR_NONE || sweep->list.count == 0) {
        sweep_free(sweep);
        return;
    }
    sweep->next = keeper->sweeps;
    keeper->sweeps = sweep;
}

/* ---- CANCEL ---- */

enum { SWEEP_SLICE = 400 }; /* grabs of one script call or one statement */

static enum step_outcome cancel_slice(struct keeper *keeper, struct sweep *sweep, size_t from, size_t count,
                                      int64_t *hold_ms, struct err *err)
{
    char text[SWEEP_SLICE + 1][21];
    struct redis_arg args[SWEEP_SLICE + 1] = {stock_arg_u64(text[0], sweep->epoch)};
    for (size_t i = 0; i < count; i++)
        args[i + 1] = stock_arg_u64(text[i + 1], sweep->list.grab[from + i].grab_id);
    struct redis_reply *reply = stock_eval(keeper, STOCK_CANCEL, sweep->coupon_id, args, count + 1, err);
    if (reply == NULL)
        return STEP_NO_ANSWER;
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
    sweep->wait_until_ms = clock_boottime_ms() + step_wait_ms(hold_ms);
    if (kept > 0)
        log_info("sweep: grabs are cancelling", LOG_INT("coupon", sweep->coupon_id), LOG_INT("grabs", kept),
                 LOG_INT("epoch", sweep->epoch));
    CRASH_POINT("keeper.sweep_cancelling");
    return kept > 0 ? STEP_DONE : STEP_LOST;
}

/* ---- APPEND ---- */

static bool produce_cancel(struct keeper *keeper, const struct sweep *sweep, struct swept *grab, struct err *err)
{
    struct grab_event event;
    grab_event_cancel(&event, grab->grab_id, grab->user_id, sweep->coupon_id, sweep->room_id, sweep->epoch,
                      grab->try_key);
    return keeper_produce(keeper, grab->partition, &event, grab, err);
}

static void take_report(const struct kafka_delivery *delivery, void *arg)
{
    struct sweep *sweep = arg;
    uintptr_t at = (uintptr_t)delivery->opaque, begin = (uintptr_t)sweep->list.grab;
    if (at < begin || at >= (uintptr_t)(sweep->list.grab + sweep->list.count))
        return; /* late, of a barrier that was not waited for any longer */
    struct swept *grab = delivery->opaque;
    grab->appended = delivery->report == KAFKA_PERSISTED;
    sweep->reports--;
}

/* Waits for every report of this round: the producer's own delivery timeout bounds it. */
static void await_reports(struct kafka_producer *producer, struct sweep *sweep)
{
    while (sweep->reports > 0) {
        struct pollfd fd = {.fd = kafka_producer_fd(producer), .events = POLLIN};
        poll(&fd, 1, 100);
        kafka_producer_reports(producer, take_report, sweep);
    }
}

static enum step_outcome append_all(struct keeper *keeper, struct sweep *sweep, struct err *err)
{
    struct kafka_producer *producer = keeper_producer(keeper, err);
    if (producer == NULL)
        return STEP_NO_ANSWER;
    for (size_t i = 0; i < sweep->list.count; i++) {
        if (sweep->list.grab[i].appended)
            continue;
        if (!produce_cancel(keeper, sweep, &sweep->list.grab[i], err))
            break; /* the queue is full: the rest in the next round */
        sweep->reports++;
    }
    if (sweep->reports > 0)
        *err = (struct err){0}; /* goes on */
    await_reports(producer, sweep);
    CRASH_POINT("keeper.sweep_appended");
    for (size_t i = 0; i < sweep->list.count; i++)
        if (!sweep->list.grab[i].appended)
            return STEP_NO_ANSWER;
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

static enum step_outcome fold_all(struct keeper *keeper, struct sweep *sweep, struct err *err)
{
    swept_sort_places(&sweep->list);
    bool all_final = true;
    for (size_t at = 0, next; at < sweep->list.count; at = next) {
        next = swept_run(&sweep->list, at, SWEEP_SLICE);
        if (find_rows(keeper, &sweep->list.grab[at], next - at, err) != STEP_DONE)
            return STEP_NO_ANSWER;
        for (size_t i = at; i < next; i++)
            all_final = all_final && sweep->list.grab[i].final;
    }
    return all_final ? STEP_DONE : STEP_NO_ANSWER; /* not folded yet: look again at the next tick */
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
        return STEP_NO_ANSWER;
    redis_reply_free(reply); /* 0 for a grab says that another sweeper was first */
    return STEP_DONE;
}

static enum step_outcome finish_all(struct keeper *keeper, struct sweep *sweep, struct err *err)
{
    uint64_t ok = 0;
    for (size_t at = 0; at < sweep->list.count; at += SWEEP_SLICE) {
        size_t count = sweep->list.count - at < SWEEP_SLICE ? sweep->list.count - at : SWEEP_SLICE;
        if (finish_slice(keeper, sweep, at, count, err) != STEP_DONE)
            return STEP_NO_ANSWER;
    }
    for (size_t i = 0; i < sweep->list.count; i++)
        ok += sweep->list.grab[i].ok;
    metric_add(metric_counter("weir_keeper_swept_total", "Grabs that a sweep ended.", "end=\"ok\""), ok);
    metric_add(metric_counter("weir_keeper_swept_total", "Grabs that a sweep ended.", "end=\"void\""),
               sweep->list.count - ok);
    log_info("sweep is done", LOG_INT("coupon", sweep->coupon_id), LOG_INT("ok", ok),
             LOG_INT("void", sweep->list.count - ok));
    CRASH_POINT("keeper.sweep_finished");
    return STEP_DONE;
}

static enum step_outcome run_step(struct keeper *keeper, struct sweep *sweep, struct err *err)
{
    switch (sweep->at) {
    case SWEEP_CANCEL:
        return cancel_all(keeper, sweep, err);
    case SWEEP_WAIT:
        return clock_boottime_ms() >= sweep->wait_until_ms ? STEP_DONE : STEP_NO_ANSWER;
    case SWEEP_APPEND:
        return append_all(keeper, sweep, err);
    case SWEEP_FOLD:
        return fold_all(keeper, sweep, err);
    case SWEEP_FINISH:
        return finish_all(keeper, sweep, err);
    case SWEEP_DONE:
        break;
    }
    return STEP_DONE;
}

static void advance_one(struct keeper *keeper, struct sweep *sweep)
{
    enum step_outcome outcome = STEP_DONE;
    while (sweep->at != SWEEP_DONE && outcome == STEP_DONE && !service_stopping()) {
        struct err err = {0};
        outcome = run_step(keeper, sweep, &err);
        if (err.kind != ERR_NONE) {
            log_warn("sweep: a step did not come through; it is tried again", LOG_INT("coupon", sweep->coupon_id),
                     LOG_ERR(&err));
            keeper_drop_dead_links(keeper, &err);
        }
        sweep->at = sweep_next(sweep->at, outcome);
    }
}

void sweep_advance(struct keeper *keeper)
{
    for (struct sweep **link = &keeper->sweeps; *link != NULL;) {
        struct sweep *sweep = *link;
        advance_one(keeper, sweep);
        if (sweep->at != SWEEP_DONE) {
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
