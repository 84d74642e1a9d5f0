/* The JSON that a client gets, field by field, and the status it comes with. */
#include "ingest/grab_answer.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct grab_outcome outcome_of(enum grab_answer answer, enum grab_reason reason)
{
    return (struct grab_outcome){
        .answer = answer,
        .reason = reason,
        .grab_id = 382371340302155776,
        .epoch = 3,
        .user_id = INT64_MAX,
        .coupon_id = 7,
        .room_id = 17,
        .left = 41,
        .partition = 15,
        .offset = 12,
        .latency_us = 1704,
    };
}

static json_t *json_of(const struct grab_outcome *outcome, bool with_status)
{
    struct buf text = {0};
    grab_answer_json(outcome, with_status, &text);
    json_t *json = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    buf_free(&text);
    return json;
}

static const char *word(const json_t *json, const char *name)
{
    return json_string_value(json_object_get(json, name));
}

static void test_success(void **state)
{
    (void)state;
    struct grab_outcome outcome = outcome_of(ANSWER_SUCCESS, REASON_SUCCESS);
    assert_int_equal(grab_answer_status(&outcome), 200);
    json_t *json = json_of(&outcome, false);
    assert_true(json_is_true(json_object_get(json, "success")));
    assert_int_equal(json_integer_value(json_object_get(json, "grab_status")), 1);
    assert_string_equal(word(json, "reason"), "success");
    assert_true(json_is_null(json_object_get(json, "fail_reason")));
    assert_string_equal(word(json, "grab_id"), "382371340302155776"); /* text: it passes 2^53 */
    assert_int_equal(json_integer_value(json_object_get(json, "user_id")), INT64_MAX);
    assert_int_equal(json_integer_value(json_object_get(json, "room_id")), 17);
    assert_int_equal(json_integer_value(json_object_get(json, "remaining_stock")), 41);
    assert_string_equal(word(json, "token"), "p15-12");
    assert_true(json_real_value(json_object_get(json, "latency_ms")) == 1.704);
    assert_null(json_object_get(json, "replayed"));
    assert_null(json_object_get(json, "status"));
    json_decref(json);
}

static void test_replayed(void **state)
{
    (void)state;
    struct grab_outcome outcome = outcome_of(ANSWER_REPLAYED, REASON_SUCCESS);
    outcome.offset = -1;
    json_t *json = json_of(&outcome, false);
    assert_true(json_is_true(json_object_get(json, "success")));
    assert_true(json_is_true(json_object_get(json, "replayed")));
    assert_string_equal(word(json, "grab_id"), "382371340302155776");
    assert_null(json_object_get(json, "token"));
    json_decref(json);
}

static void test_refusals(void **state)
{
    (void)state;
    for (enum grab_reason reason = REASON_OUT_OF_STOCK; reason <= REASON_ROOM_MISMATCH; reason++) {
        struct grab_outcome outcome = outcome_of(ANSWER_REFUSED, reason);
        outcome.grab_id = 0;
        outcome.left = outcome.room_id = -1;
        assert_int_equal(grab_answer_status(&outcome), 200);
        json_t *json = json_of(&outcome, false);
        assert_true(json_is_false(json_object_get(json, "success")));
        assert_int_equal(json_integer_value(json_object_get(json, "grab_status")), 0);
        assert_string_equal(word(json, "reason"), grab_reason_word(reason));
        assert_string_equal(word(json, "fail_reason"), grab_reason_word(reason));
        assert_true(json_is_null(json_object_get(json, "grab_id")));
        assert_true(json_is_null(json_object_get(json, "room_id")));
        assert_null(json_object_get(json, "token"));
        json_decref(json);
    }
}

static void test_unknown_names_its_place(void **state)
{
    (void)state;
    struct grab_outcome outcome = outcome_of(ANSWER_UNKNOWN, REASON_UNKNOWN);
    assert_int_equal(grab_answer_status(&outcome), 202);
    struct buf place = {0};
    grab_answer_location(&outcome, &place);
    assert_string_equal(place.data, "/api/grab/382371340302155776?user=9223372036854775807&epoch=3");
    json_t *json = json_of(&outcome, true);
    assert_int_equal(json_integer_value(json_object_get(json, "status")), 202);
    assert_int_equal(json_integer_value(json_object_get(json, "grab_status")), 2);
    assert_true(json_is_false(json_object_get(json, "success")));
    assert_string_equal(word(json, "reason"), "unknown");
    assert_string_equal(word(json, "location"), place.data);
    assert_null(json_object_get(json, "token"));
    json_decref(json);
    buf_free(&place);
}

static void test_unavailable(void **state)
{
    (void)state;
    for (enum grab_reason reason = REASON_OVERLOADED; reason < REASONS; reason++) {
        struct grab_outcome outcome = outcome_of(ANSWER_UNAVAILABLE, reason);
        assert_int_equal(grab_answer_status(&outcome), reason == REASON_OVERLOADED ? 429 : 503);
        json_t *json = json_of(&outcome, true);
        assert_true(json_is_false(json_object_get(json, "success")));
        assert_string_equal(word(json, "code"), grab_reason_word(reason));
        assert_true(strlen(word(json, "detail")) > 10);
        assert_null(json_object_get(json, "grab_id"));
        json_decref(json);
    }
}

static void test_refused_results(void **state)
{
    (void)state;
    assert_int_equal(grab_reason_refused(RESERVE_OUT_OF_STOCK), REASON_OUT_OF_STOCK);
    assert_int_equal(grab_reason_refused(RESERVE_LIMIT_REACHED), REASON_LIMIT_REACHED);
    assert_int_equal(grab_reason_refused(RESERVE_NOT_STARTED), REASON_NOT_STARTED);
    assert_int_equal(grab_reason_refused(RESERVE_ENDED), REASON_ENDED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_success),     cmocka_unit_test(test_replayed),
        cmocka_unit_test(test_refusals),    cmocka_unit_test(test_unknown_names_its_place),
        cmocka_unit_test(test_unavailable), cmocka_unit_test(test_refused_results),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
