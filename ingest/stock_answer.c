#include "ingest/stock_answer.h"

#include "protocol/ids.h"

#include <assert.h>

/* ---- RESERVE: {epoch, hold_ms, room_id, then for each: code, existing, left}, or {} ---- */

enum { RESERVE_HEAD = 3, RESERVE_EACH = 3 };

static bool is_list(const struct redis_reply *reply, size_t count)
{
    return reply != NULL && redis_reply_type(reply) == REDIS_LIST && redis_reply_count(reply) == count;
}

static bool reserve_shape_ok(const struct stock_group *group, const struct redis_reply *reply)
{
    if (!is_list(reply, RESERVE_HEAD + RESERVE_EACH * group->count))
        return false;
    int64_t room_id = redis_reply_int(redis_reply_at(reply, 2));
    return redis_reply_int(redis_reply_at(reply, 0)) > 0 && redis_reply_int(redis_reply_at(reply, 1)) > 0 &&
           room_id >= 0 && room_id <= UINT32_MAX;
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

void stock_answer_reserve(const struct stock_group *group, const struct redis_reply *reply,
                          struct reserve_answer ret_answers[STOCK_GROUP_ITEMS_MAX])
{
    assert(group->kind == BATCH_RESERVE && group->count > 0 && group->count <= STOCK_GROUP_ITEMS_MAX);
    struct reserve_answer answer = {.result = RESERVE_NO_ANSWER, .room_id = -1, .left = -1};
    bool full = reserve_shape_ok(group, reply);
    if (is_list(reply, 0))
        answer.result = RESERVE_CLOSED;
    if (full) {
        answer.epoch = (uint64_t)redis_reply_int(redis_reply_at(reply, 0));
        answer.hold_ms = redis_reply_int(redis_reply_at(reply, 1));
        answer.room_id = redis_reply_int(redis_reply_at(reply, 2));
    }
    for (size_t i = 0; i < group->count; i++) {
        ret_answers[i] = answer;
        if (full)
            reserve_read(reply, i, group->item[i].grab_id, &ret_answers[i]);
    }
}

/* ---- SETTLE, CONFIRM, RELEASE: 1 or 0 for each ---- */

size_t stock_answer_held(const struct stock_group *group, const struct redis_reply *reply,
                         enum confirm_result ret_results[STOCK_GROUP_ITEMS_MAX])
{
    assert(group->kind != BATCH_RESERVE && group->count > 0 && group->count <= STOCK_GROUP_ITEMS_MAX);
    bool known = is_list(reply, group->count);
    size_t held = 0;
    for (size_t i = 0; i < group->count; i++) {
        bool holds = known && redis_reply_int(redis_reply_at(reply, i)) == 1;
        ret_results[i] = !known ? CONFIRM_NO_ANSWER : holds ? CONFIRM_HELD : CONFIRM_NOT_HELD;
        held += holds;
    }
    return held;
}
