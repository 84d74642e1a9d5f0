/* Answers of the stock's scripts, as ingest reads them. The input is a group (its kind and its grabs), then a reply of
 * any shape: numbers, texts, errors, nothing, lists in lists.
 *
 * Must hold: a unit counts as taken only in a list of exactly the script's shape, under a positive epoch and hold; an
 * existing grab is a grab_id, and never the one that was just made; an empty list and nothing else is "closed"; a grab
 * that is not taken is never appended; a settle or confirm holds only in a list with one number for each grab. */
#include "core/redis.h"
#include "ingest/stock_answer.h"
#include "tests/fuzz/fuzz.h"

#include <hiredis.h>
#include <stdio.h>

enum { DEPTH_MAX = 4, ELEMENTS_MAX = 3 + 3 * STOCK_GROUP_ITEMS_MAX + 3, HEAD = 3, EACH = 3 };
#define NOW_US INT64_C(1000000)

static redisReply *reply_read(struct fuzz_input *input, int depth);

static void text_read(struct fuzz_input *input, redisReply *reply)
{
    size_t len = fuzz_byte(input) % 24;
    reply->len = len < fuzz_left(input) ? len : fuzz_left(input);
    reply->str = calloc(reply->len + 1, 1);
    if (reply->len > 0)
        memcpy(reply->str, input->at, reply->len);
    input->at += reply->len;
}

static void list_read(struct fuzz_input *input, redisReply *reply, int depth)
{
    reply->elements = fuzz_byte(input) % ELEMENTS_MAX;
    reply->element = calloc(reply->elements + 1, sizeof *reply->element);
    for (size_t i = 0; i < reply->elements; i++)
        reply->element[i] = reply_read(input, depth + 1);
}

static redisReply *reply_read(struct fuzz_input *input, int depth)
{
    static const int types[] = {REDIS_REPLY_INTEGER, REDIS_REPLY_STRING, REDIS_REPLY_ARRAY,  REDIS_REPLY_STATUS,
                                REDIS_REPLY_ERROR,   REDIS_REPLY_NIL,    REDIS_REPLY_INTEGER};
    redisReply *reply = calloc(1, sizeof *reply);
    reply->type = types[fuzz_byte(input) % (sizeof types / sizeof *types)];
    if (reply->type == REDIS_REPLY_INTEGER)
        reply->integer = (long long)fuzz_number(input);
    else if (reply->type == REDIS_REPLY_ARRAY && depth < DEPTH_MAX)
        list_read(input, reply, depth);
    else if (reply->type != REDIS_REPLY_NIL && reply->type != REDIS_REPLY_ARRAY)
        text_read(input, reply);
    return reply;
}

static void check_reserve(const struct stock_group *group, const redisReply *raw, const struct redis_reply *reply)
{
    struct reserve_answer answers[STOCK_GROUP_ITEMS_MAX];
    stock_answer_reserve(group, reply, answers);
    for (size_t i = 0; i < group->count; i++) {
        const struct reserve_answer *answer = &answers[i];
        struct grab grab = {0};
        bool empty = raw->type == REDIS_REPLY_ARRAY && raw->elements == 0;
        bool exists = answer->result == RESERVE_EXISTS_SETTLED || answer->result == RESERVE_EXISTS_PENDING;
        assert((answer->result == RESERVE_CLOSED) == empty);
        if (answer->result != RESERVE_CLOSED && answer->result != RESERVE_NO_ANSWER) {
            assert(raw->type == REDIS_REPLY_ARRAY && raw->elements == HEAD + EACH * group->count);
            assert(answer->epoch > 0 && answer->hold_ms > 0 && answer->room_id >= 0 && answer->room_id <= UINT32_MAX);
        }
        if (exists)
            assert(answer->existing_id >= 1 && answer->existing_id <= INT64_MAX &&
                   answer->existing_id != group->item[i].grab_id);
        grab_begin(&grab, group->item[i].grab_id, NOW_US);
        struct grab_step step =
            grab_on_reserve(&grab, answer->result, answer->epoch, answer->hold_ms, answer->existing_id, NOW_US);
        assert((step.action == GRAB_DO_APPEND) == (answer->result == RESERVE_TAKEN));
    }
}

static void check_held(const struct stock_group *group, const redisReply *raw, const struct redis_reply *reply)
{
    enum confirm_result results[STOCK_GROUP_ITEMS_MAX];
    size_t held = stock_answer_held(group, reply, results), count = 0;
    bool known = raw->type == REDIS_REPLY_ARRAY && raw->elements == group->count;
    for (size_t i = 0; i < group->count; i++) {
        assert((results[i] == CONFIRM_NO_ANSWER) == !known);
        count += results[i] == CONFIRM_HELD;
    }
    assert(held == count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct stock_group group;
    struct fuzz_input input = fuzz_input(data, size);
    group.kind = fuzz_byte(&input) % BATCH_KINDS;
    group.count = 1 + fuzz_byte(&input) % STOCK_GROUP_ITEMS_MAX;
    for (size_t i = 0; i < group.count; i++)
        group.item[i].grab_id = 1 + i;
    redisReply *raw = reply_read(&input, 0);
    const struct redis_reply *reply = (const struct redis_reply *)(const void *)raw;
    group.kind == BATCH_RESERVE ? check_reserve(&group, raw, reply) : check_held(&group, raw, reply);
    freeReplyObject(raw);
    return 0;
}
