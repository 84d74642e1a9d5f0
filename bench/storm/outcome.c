/* Answers are read strictly: what is not as the contract says is OUTCOME_BAD_ANSWER, never taken for a success. */
#include "bench/storm/outcome.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const char *const outcome_names[OUTCOME_COUNT] = {
    [OUTCOME_ACCEPTED_NEW] = "accepted_new", [OUTCOME_REPLAYED] = "replayed",
    [OUTCOME_REFUSED] = "refused",           [OUTCOME_UNKNOWN] = "unknown",
    [OUTCOME_READ_OK] = "read_ok",           [OUTCOME_REJECTED_429] = "rejected_429",
    [OUTCOME_REJECTED_503] = "rejected_503", [OUTCOME_HTTP_OTHER] = "http_other",
    [OUTCOME_BAD_ANSWER] = "bad_answer",     [OUTCOME_LOST] = "lost",
    [OUTCOME_NO_ANSWER] = "no_answer",       [OUTCOME_NOT_SENT] = "not_sent",
};

const char *outcome_name(enum outcome_kind kind)
{
    return outcome_names[kind];
}

/* Copies a string member; false when it is not a string or does not fit. */
static bool copy_member(const json_t *object, const char *name, char *ret_text, size_t size)
{
    const char *text = json_string_value(json_object_get(object, name));
    if (text == NULL || strlen(text) >= size) {
        return false;
    }
    strcpy(ret_text, text);
    return true;
}

/* The outcome of an answer to a grab with status 200 or 202. */
static enum outcome_kind judge_object(const json_t *object, int status, struct outcome *o)
{
    const json_t *grab_status = json_object_get(object, "grab_status");
    bool has_reason = copy_member(object, "reason", o->reason, sizeof o->reason);
    bool has_id = copy_member(object, "grab_id", o->grab_id, sizeof o->grab_id);
    if (!json_is_integer(grab_status) || !has_reason) {
        return OUTCOME_BAD_ANSWER;
    }
    json_int_t value = json_integer_value(grab_status);
    o->grab_status = value >= 0 && value <= 2 ? (int)value : -1;
    if (status == 202) {
        return value == 2 ? OUTCOME_UNKNOWN : OUTCOME_BAD_ANSWER;
    }
    bool is_success = json_is_true(json_object_get(object, "success"));
    if (value == 1 && is_success && has_id) {
        return json_is_true(json_object_get(object, "replayed")) ? OUTCOME_REPLAYED : OUTCOME_ACCEPTED_NEW;
    }
    return value == 0 && !is_success ? OUTCOME_REFUSED : OUTCOME_BAD_ANSWER;
}

static enum outcome_kind judge_grab(const struct client_result *result, struct outcome *o)
{
    json_t *object = json_loadb(result->body, result->body_len, JSON_REJECT_DUPLICATES, NULL);
    enum outcome_kind kind = json_is_object(object) ? judge_object(object, result->status, o) : OUTCOME_BAD_ANSWER;
    json_decref(object);
    return kind;
}

/* Of 429 it is not read: an overload makes many, and they have one code. */
static enum outcome_kind judge_unavailable(const struct client_result *result, struct outcome *o)
{
    json_t *object = json_loadb(result->body, result->body_len, JSON_REJECT_DUPLICATES, NULL);
    (void)copy_member(object, "code", o->reason, sizeof o->reason);
    json_decref(object);
    return OUTCOME_REJECTED_503;
}

static enum outcome_kind judge_answer(bool is_grab, const struct client_result *result, struct outcome *o)
{
    if (is_grab && (result->status == 200 || result->status == 202)) {
        return judge_grab(result, o);
    }
    switch (result->status) {
    case 200:
        return OUTCOME_READ_OK;
    case 429:
        return OUTCOME_REJECTED_429;
    case 503:
        return judge_unavailable(result, o);
    default:
        return OUTCOME_HTTP_OTHER;
    }
}

void outcome_judge(const struct request *request, const struct client_result *result, struct outcome *ret_outcome)
{
    bool is_grab = request->kind == REQUEST_GRAB;
    struct outcome o = {.grab_status = -1};
    if (result->failure == FAILURE_NONE) {
        o.kind = judge_answer(is_grab, result, &o);
    } else if (!result->has_sent) {
        o.kind = OUTCOME_NOT_SENT;
    } else {
        o.kind = is_grab ? OUTCOME_LOST : OUTCOME_NO_ANSWER;
    }
    *ret_outcome = o;
}
