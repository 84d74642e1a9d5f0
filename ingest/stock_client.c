#include "ingest/stock_client.h"

#include "core/crash.h"
#include "core/log.h"
#include "ingest/ingest.h"

#include <assert.h>

/* ---- RESERVE: {epoch, hold_ms, room_id, then for each: code, existing, left}, or {} ---- */

enum { RESERVE_HEAD = 3, RESERVE_EACH = 3 };

static bool reserve_shape_ok(const struct stock_group *group, const struct redis_reply *reply)
{
    return redis_reply_count(reply) == RESERVE_HEAD + RESERVE_EACH * group->count &&
           redis_reply_int(redis_reply_at(reply, 0)) > 0 && redis_reply_int(redis_reply_at(reply, 1)) > 0;
}

static uint64_t reply_id(const struct redis_reply *reply)
{
    size_t len;
    const char *text = redis_reply_text(reply, &len);
    uint64_t id = 0;
    return len > 0 && id_parse(text, len, &id) ? id : 0;
}

static void reserve_read(const struct redis_reply *reply, size_t i, uint64_t own_id, struct reserve_answer *answer)
{
    size_t at = RESERVE_HEAD + RESERVE_EACH * i;
    int64_t code = redis_reply_int(redis_reply_at(reply, at));
    answer->existing_id = reply_id(redis_reply_at(reply, at + 1));
    answer->left = redis_reply_int(redis_reply_at(reply, at + 2));
    answer->result = grab_reserve_result(code, answer->existing_id, own_id);
}

static void on_reserve(const struct stock_group *group, const struct redis_reply *reply)
{
    struct reserve_answer answer = {.result = RESERVE_NO_ANSWER, .room_id = -1, .left = -1};
    bool list = reply != NULL && redis_reply_type(reply) == REDIS_LIST;
    bool full = list && reserve_shape_ok(group, reply);
    if (list && redis_reply_count(reply) == 0)
        answer.result = RESERVE_CLOSED;
    if (full) {
        answer.epoch = (uint64_t)redis_reply_int(redis_reply_at(reply, 0));
        answer.hold_ms = redis_reply_int(redis_reply_at(reply, 1));
        answer.room_id = redis_reply_int(redis_reply_at(reply, 2));
    }
    for (size_t i = 0; i < group->count; i++) {
        if (full)
            reserve_read(reply, i, group->item[i].grab_id, &answer);
        grab_flow_reserved(group->item[i].call, &answer);
    }
}

/* ---- SETTLE, CONFIRM, RELEASE: 1 or 0 for each ---- */

static bool list_of(const struct stock_group *group, const struct redis_reply *reply)
{
    return reply != NULL && redis_reply_type(reply) == REDIS_LIST && redis_reply_count(reply) == group->count;
}

static void on_confirm(const struct stock_group *group, const struct redis_reply *reply)
{
    bool known = list_of(group, reply);
    for (size_t i = 0; i < group->count; i++) {
        enum confirm_result result = CONFIRM_NO_ANSWER;
        if (known)
            result = redis_reply_int(redis_reply_at(reply, i)) == 1 ? CONFIRM_HELD : CONFIRM_NOT_HELD;
        grab_flow_confirmed(group->item[i].call, result);
    }
}

static void on_settle_or_release(const struct ingest_loop *loop, const struct stock_group *group,
                                 const struct redis_reply *reply)
{
    size_t held = 0;
    for (size_t i = 0; list_of(group, reply) && i < group->count; i++)
        held += redis_reply_int(redis_reply_at(reply, i)) == 1;
    if (held < group->count)
        metric_add(loop->ingest->metrics.settle_lost, group->count - held);
    if (group->kind == BATCH_SETTLE)
        CRASH_POINT("ingest.after_settle");
    else
        CRASH_POINT("ingest.after_release");
}

static void group_answered(struct ingest_loop *loop, struct stock_group *group, const struct redis_reply *reply)
{
    if (reply != NULL && redis_reply_type(reply) == REDIS_ERROR) {
        size_t len;
        log_warn("a stock script was answered with an error", LOG_STR("error", redis_reply_text(reply, &len)));
    }
    if (group->kind == BATCH_RESERVE)
        on_reserve(group, reply);
    else if (group->kind == BATCH_CONFIRM)
        on_confirm(group, reply);
    else
        on_settle_or_release(loop, group, reply);
    ingest_count(&loop->stock_items, -(int)group->count);
    stock_group_free(&loop->batch, group);
}

static void on_reply(const struct redis_reply *reply, void *arg)
{
    struct stock_group *group = arg;
    struct ingest_loop *loop = group->owner;
    group_answered(loop, group, reply);
}

void stock_client_send(struct stock_group *group, void *arg)
{
    struct ingest_loop *loop = arg;
    struct stock_args args;
    group->owner = loop;
    if (group->kind == BATCH_RESERVE) {
        metric_add(loop->ingest->metrics.reserve_batches, 1);
        metric_add(loop->ingest->metrics.reserve_batch_grabs, group->count);
    }
    stock_group_pack(group, redis_run_id(loop->redis), redis_replid(loop->redis), &args);
    const struct redis_script *script = &loop->ingest->scripts[stock_group_script(group)];
    if (!redis_eval(loop->redis, script, args.arg, args.count, STOCK_KEYS, on_reply, group))
        group_answered(loop, group, NULL);
}
