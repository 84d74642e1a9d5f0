#include "ingest/grab_answer.h"

#include <assert.h>
#include <inttypes.h>

static const struct {
    const char *word;
    const char *detail;
} reasons[REASONS] = {
    [REASON_SUCCESS] = {"success", ""},
    [REASON_UNKNOWN] = {"unknown", ""},
    [REASON_OUT_OF_STOCK] = {"out_of_stock", ""},
    [REASON_LIMIT_REACHED] = {"limit_reached", ""},
    [REASON_NOT_STARTED] = {"not_started", ""},
    [REASON_ENDED] = {"ended", ""},
    [REASON_UNKNOWN_COUPON] = {"unknown_coupon", ""},
    [REASON_ROOM_MISMATCH] = {"room_mismatch", ""},
    [REASON_OVERLOADED] = {"overloaded", "Too many grabs are in flight here. Nothing was taken; try again."},
    [REASON_REDIS_AWAY] = {"stock_away", "The stock did not answer, so nothing was sold. Try again."},
    [REASON_KAFKA_AWAY] = {"log_away", "The log is away. Nothing was taken; try again."},
    [REASON_CATALOG_AWAY] = {"catalog_away",
                             "The catalog has not been read, or disagrees with the log. Nothing was taken; try again."},
    [REASON_NO_IDS] = {"no_ids", "No span of grab ids is leased at this moment. Nothing was taken; try again."},
    [REASON_COUPON_NOT_READY] = {"coupon_not_ready", "The stock of this coupon is being built. Try again."},
    [REASON_NOT_APPENDED] = {"not_appended", "The log did not take the grab, and its unit goes back. Try again."},
};

const char *grab_reason_word(enum grab_reason reason)
{
    assert(reason < REASONS);
    return reasons[reason].word;
}

const char *grab_reason_detail(enum grab_reason reason)
{
    assert(reason < REASONS);
    return reasons[reason].detail;
}

enum grab_reason grab_reason_refused(enum reserve_result result)
{
    switch (result) {
    case RESERVE_ENDED:
        return REASON_ENDED;
    case RESERVE_NOT_STARTED:
        return REASON_NOT_STARTED;
    case RESERVE_LIMIT_REACHED:
        return REASON_LIMIT_REACHED;
    case RESERVE_OUT_OF_STOCK:
        return REASON_OUT_OF_STOCK;
    default:
        assert(!"a result that refuses nothing");
        return REASON_UNKNOWN;
    }
}

int grab_answer_status(const struct grab_outcome *outcome)
{
    assert(outcome->answer != ANSWER_NOT_YET);
    if (outcome->answer == ANSWER_UNAVAILABLE)
        return outcome->reason == REASON_OVERLOADED ? 429 : 503;
    return outcome->answer == ANSWER_UNKNOWN ? 202 : 200;
}

void grab_answer_location(const struct grab_outcome *outcome, struct buf *ret_text)
{
    assert(outcome->answer == ANSWER_UNKNOWN && outcome->grab_id != 0);
    buf_printf(ret_text, "/api/grab/%" PRIu64 "?user=%" PRIu64 "&epoch=%" PRIu64, outcome->grab_id, outcome->user_id,
               outcome->epoch);
}

static void append_number_or_null(struct buf *json, const char *name, int64_t number)
{
    buf_append_str(json, name);
    if (number < 0)
        buf_append_str(json, "null");
    else
        buf_append_i64(json, number);
}

/* A 429 or 503 inside a batch: the members of a problem. */
static void append_unavailable(const struct grab_outcome *outcome, struct buf *json)
{
    buf_append_str(json, "\"success\":false,\"code\":\"");
    buf_append_str(json, grab_reason_word(outcome->reason));
    buf_append_str(json, "\",\"detail\":\"");
    buf_append_str(json, grab_reason_detail(outcome->reason));
    buf_append_str(json, "\",\"user_id\":");
    buf_append_u64(json, outcome->user_id);
    buf_append_str(json, ",\"coupon_id\":");
    buf_append_u64(json, outcome->coupon_id);
}

static void append_verdict(const struct grab_outcome *outcome, struct buf *json)
{
    static const char *const verdict[] = {
        [ANSWER_SUCCESS] = "\"success\":true,\"grab_status\":1,\"reason\":\"success\",\"fail_reason\":null",
        [ANSWER_REPLAYED] =
            "\"success\":true,\"grab_status\":1,\"reason\":\"success\",\"fail_reason\":null,\"replayed\":true",
        [ANSWER_REFUSED] = "\"success\":false,\"grab_status\":0",
        [ANSWER_UNKNOWN] = "\"success\":false,\"grab_status\":2,\"reason\":\"unknown\",\"fail_reason\":null",
    };
    buf_append_str(json, verdict[outcome->answer]);
    if (outcome->answer != ANSWER_REFUSED)
        return;
    const char *word = grab_reason_word(outcome->reason);
    buf_append_str(json, ",\"reason\":\"");
    buf_append_str(json, word);
    buf_append_str(json, "\",\"fail_reason\":\"");
    buf_append_str(json, word);
    buf_append_char(json, '"');
}

static void append_grab(const struct grab_outcome *outcome, struct buf *json)
{
    append_verdict(outcome, json);
    buf_append_str(json, ",\"grab_id\":");
    if (outcome->grab_id != 0) {
        buf_append_char(json, '"');
        buf_append_u64(json, outcome->grab_id);
        buf_append_char(json, '"');
    } else {
        buf_append_str(json, "null");
    }
    buf_append_str(json, ",\"user_id\":");
    buf_append_u64(json, outcome->user_id);
    buf_append_str(json, ",\"coupon_id\":");
    buf_append_u64(json, outcome->coupon_id);
    append_number_or_null(json, ",\"room_id\":", outcome->room_id);
    append_number_or_null(json, ",\"remaining_stock\":", outcome->left);
    if (outcome->answer == ANSWER_SUCCESS && outcome->offset >= 0)
        buf_printf(json, ",\"token\":\"p%" PRId32 "-%" PRId64 "\"", outcome->partition, outcome->offset);
}

void grab_answer_json(const struct grab_outcome *outcome, bool with_status, struct buf *ret_json)
{
    buf_append_char(ret_json, '{');
    if (with_status)
        buf_printf(ret_json, "\"status\":%d,", grab_answer_status(outcome));
    if (outcome->answer == ANSWER_UNAVAILABLE)
        append_unavailable(outcome, ret_json);
    else
        append_grab(outcome, ret_json);
    if (with_status && outcome->answer == ANSWER_UNKNOWN) {
        buf_append_str(ret_json, ",\"location\":\"");
        grab_answer_location(outcome, ret_json);
        buf_append_char(ret_json, '"');
    }
    int64_t us = outcome->latency_us;
    buf_printf(ret_json, ",\"latency_ms\":%" PRId64 ".%03" PRId64 "}", us / 1000, us % 1000);
}
