/* The keeper's calls of the stock's scripts: packs arguments, reads answers. The meaning is in schemas/lua. */
#include "ingest/keeper.h"

#include "core/log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct redis_arg stock_arg_u64(char text[21], uint64_t n)
{
    int len = snprintf(text, 21, "%" PRIu64, n);
    return (struct redis_arg){.data = text, .len = (size_t)len};
}

static struct redis_arg arg_text(const char *text)
{
    return (struct redis_arg){.data = text, .len = strlen(text)};
}

struct redis_reply *stock_eval(struct keeper *keeper, enum stock_script script, uint64_t coupon_id,
                               const struct redis_arg *args, size_t count, struct err *err)
{
    assert(count <= STOCK_ARGS_MAX);
    struct redis_sync *redis = keeper_redis(keeper, err);
    if (redis == NULL)
        return NULL;
    struct stock_keys keys;
    stock_keys_of(coupon_id, &keys);
    struct redis_arg all[STOCK_KEYS + 2 + STOCK_ARGS_MAX];
    size_t n = 0;
    for (int i = 0; i < STOCK_KEYS; i++)
        all[n++] = arg_text(keys.name[i]);
    all[n++] = arg_text(redis_sync_run_id(redis));
    all[n++] = arg_text(redis_sync_replid(redis));
    for (size_t i = 0; i < count; i++)
        all[n++] = args[i];
    struct redis_reply *reply = redis_sync_eval(redis, &keeper->scripts[script], all, n, STOCK_KEYS, err);
    if (reply != NULL)
        return reply;
    if (err->kind == ERR_CONFLICT && stock_error_is_of_keys(err->text))
        err->kind = ERR_DATA;
    err_prefix(err, "coupon %" PRIu64 ", script %s", coupon_id, stock_script_name(script));
    return NULL;
}

/* Of the scripts that answer 1 or 0. */
static enum step_outcome eval_held(struct keeper *keeper, enum stock_script script, uint64_t coupon_id,
                                   const struct redis_arg *args, size_t count, struct err *err)
{
    struct redis_reply *reply = stock_eval(keeper, script, coupon_id, args, count, err);
    if (reply == NULL)
        return STEP_NO_ANSWER;
    bool held = redis_reply_int(reply) == 1;
    redis_reply_free(reply);
    return held ? STEP_DONE : STEP_LOST;
}

enum step_outcome stock_building(struct keeper *keeper, uint64_t coupon_id, uint64_t epoch, struct err *err)
{
    char text[21];
    struct redis_arg arg = stock_arg_u64(text, epoch);
    return eval_held(keeper, STOCK_BUILDING, coupon_id, &arg, 1, err);
}

enum step_outcome stock_claims(struct keeper *keeper, uint64_t coupon_id, uint64_t epoch, const struct redis_arg *pairs,
                               size_t count, struct err *err)
{
    char text[21];
    struct redis_arg args[STOCK_ARGS_MAX] = {stock_arg_u64(text, epoch)};
    assert(count + 1 <= STOCK_ARGS_MAX && count % 2 == 0);
    memcpy(args + 1, pairs, count * sizeof *pairs);
    return eval_held(keeper, STOCK_CLAIM_MANY, coupon_id, args, count + 1, err);
}

static const char *gate_word(const struct coupon *coupon)
{
    return coupon->gate_open ? "open" : "closed";
}

enum step_outcome stock_open(struct keeper *keeper, const struct coupon *coupon, uint64_t epoch, uint64_t left,
                             struct err *err)
{
    char t[9][21];
    struct redis_arg args[] = {
        stock_arg_u64(t[0], epoch),
        arg_text(gate_word(coupon)),
        stock_arg_u64(t[1], left),
        stock_arg_u64(t[2], coupon->total),
        stock_arg_u64(t[3], coupon->per_user_limit),
        stock_arg_u64(t[4], (uint64_t)coupon->opens_at_ms),
        stock_arg_u64(t[5], (uint64_t)coupon->ends_at_ms),
        stock_arg_u64(t[6], (uint64_t)coupon->hold_ms),
        stock_arg_u64(t[7], coupon->room_id),
        stock_arg_u64(t[8], coupon->version),
    };
    return eval_held(keeper, STOCK_OPEN, coupon->coupon_id, args, sizeof args / sizeof *args, err);
}

enum step_outcome stock_carry(struct keeper *keeper, const struct coupon *coupon, struct err *err)
{
    char t[6][21];
    struct redis_arg args[] = {
        arg_text(gate_word(coupon)),
        stock_arg_u64(t[0], coupon->total),
        stock_arg_u64(t[1], coupon->per_user_limit),
        stock_arg_u64(t[2], (uint64_t)coupon->opens_at_ms),
        stock_arg_u64(t[3], (uint64_t)coupon->ends_at_ms),
        stock_arg_u64(t[4], (uint64_t)coupon->hold_ms),
        stock_arg_u64(t[5], coupon->version),
    };
    return eval_held(keeper, STOCK_CARRY, coupon->coupon_id, args, sizeof args / sizeof *args, err);
}

bool stock_look(struct keeper *keeper, uint64_t coupon_id, struct stock_look *ret_look, struct err *err)
{
    struct redis_reply *reply = stock_eval(keeper, STOCK_LOOK, coupon_id, NULL, 0, err);
    if (reply == NULL && err->kind == ERR_DATA) {
        log_error("the keys of a coupon are not what Weir wrote: a rebuild deletes them", LOG_INT("coupon", coupon_id),
                  LOG_ERR(err));
        *err = (struct err){0};
        *ret_look = (struct stock_look){.mark = {.state = MARK_MISSING}};
        return true;
    }
    if (reply == NULL)
        return false;
    *ret_look = (struct stock_look){
        .mark = {.state = mark_state_of(redis_reply_text(redis_reply_at(reply, 0), NULL)),
                 .epoch = (uint64_t)redis_reply_int(redis_reply_at(reply, 1)),
                 .same_server = redis_reply_int(redis_reply_at(reply, 2)) == 1,
                 .whole = redis_reply_int(redis_reply_at(reply, 3)) == 1},
        .version = (uint64_t)redis_reply_int(redis_reply_at(reply, 4)),
        .left = redis_reply_int(redis_reply_at(reply, 5)),
        .pending = (uint64_t)redis_reply_int(redis_reply_at(reply, 6)),
        .hold_ms = redis_reply_int(redis_reply_at(reply, 7)),
    };
    redis_reply_free(reply);
    return true;
}
