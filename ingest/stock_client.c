#include "ingest/stock_client.h"

#include "core/crash.h"
#include "core/log.h"
#include "ingest/ingest.h"
#include "ingest/stock_answer.h"

static void on_reserve(const struct stock_group *group, const struct redis_reply *reply)
{
    struct reserve_answer answers[STOCK_GROUP_ITEMS_MAX];
    stock_answer_reserve(group, reply, answers);
    for (size_t i = 0; i < group->count; i++)
        grab_flow_reserved(group->item[i].call, &answers[i]);
}

static void on_confirm(const struct stock_group *group, const struct redis_reply *reply)
{
    enum confirm_result results[STOCK_GROUP_ITEMS_MAX];
    (void)stock_answer_held(group, reply, results);
    CRASH_POINT("ingest.after_confirm");
    for (size_t i = 0; i < group->count; i++)
        grab_flow_confirmed(group->item[i].call, results[i]);
}

static void on_settle_or_release(const struct ingest_loop *loop, const struct stock_group *group,
                                 const struct redis_reply *reply)
{
    enum confirm_result results[STOCK_GROUP_ITEMS_MAX];
    size_t held = stock_answer_held(group, reply, results);
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
