/* Judging answers, and counting what was judged. */
#include "bench/storm/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

static const struct request grab = {
    .kind = REQUEST_GRAB, .scenario = SCENARIO_NORMAL, .due_us = 100, .answered_us = 350};
static const struct request reading = {
    .kind = REQUEST_STATISTICS, .scenario = SCENARIO_CROSSSHARD, .due_us = 100, .answered_us = 350};

static struct client_result answer(int status, const char *body)
{
    return (struct client_result){
        .has_sent = true, .status = status, .body = body, .body_len = strlen(body), .location = ""};
}

static void assert_judged(const struct request *request, struct client_result result, enum outcome_kind want)
{
    struct outcome outcome;
    outcome_judge(request, &result, &outcome);
    if (outcome.kind != want) {
        fail_msg("%d %s: judged %s, not %s", result.status, result.body, outcome_name(outcome.kind),
                 outcome_name(want));
    }
}

#define SUCCESS "{\"success\": true, \"grab_status\": 1, \"reason\": \"success\", \"grab_id\": \"g1\""

static void test_grab_answers(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
        enum outcome_kind want;
    } cases[] = {
        {200, SUCCESS "}", OUTCOME_ACCEPTED_NEW},
        {200, SUCCESS ", \"replayed\": false}", OUTCOME_ACCEPTED_NEW},
        {200, SUCCESS ", \"replayed\": true}", OUTCOME_REPLAYED},
        {200, "{\"success\": false, \"grab_status\": 0, \"reason\": \"out_of_stock\"}", OUTCOME_REFUSED},
        {202, "{\"success\": false, \"grab_status\": 2, \"reason\": \"unknown\", \"grab_id\": \"g1\"}",
         OUTCOME_UNKNOWN},
        {429, "{}", OUTCOME_REJECTED_429},
        {503, "not even JSON", OUTCOME_REJECTED_503},
        {422, "{}", OUTCOME_HTTP_OTHER},
        {200, "", OUTCOME_BAD_ANSWER},
        {200, "[1]", OUTCOME_BAD_ANSWER},
        {200, "{}", OUTCOME_BAD_ANSWER},
        {200, SUCCESS ", \"grab_status\": 1}", OUTCOME_BAD_ANSWER},
        {200, "{\"success\": true, \"grab_status\": 1, \"reason\": \"success\"}", OUTCOME_BAD_ANSWER},
        {200, "{\"success\": false, \"grab_status\": 1, \"reason\": \"success\", \"grab_id\": \"g1\"}",
         OUTCOME_BAD_ANSWER},
        {200, "{\"success\": true, \"grab_status\": 0, \"reason\": \"ended\"}", OUTCOME_BAD_ANSWER},
        {200, "{\"success\": false, \"grab_status\": 2, \"reason\": \"unknown\"}", OUTCOME_BAD_ANSWER},
        {200, "{\"success\": false, \"grab_status\": \"0\", \"reason\": \"ended\"}", OUTCOME_BAD_ANSWER},
        {202, SUCCESS "}", OUTCOME_BAD_ANSWER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_judged(&grab, answer(cases[i].status, cases[i].body), cases[i].want);
    }
}

static void test_reads_and_failures(void **state)
{
    (void)state;
    assert_judged(&reading, answer(200, "[]"), OUTCOME_READ_OK);
    assert_judged(&reading, answer(503, ""), OUTCOME_REJECTED_503);
    assert_judged(&reading, answer(202, ""), OUTCOME_HTTP_OTHER);
    struct client_result cut = {.failure = FAILURE_TIMEOUT, .has_sent = true, .location = ""};
    assert_judged(&grab, cut, OUTCOME_LOST);
    assert_judged(&reading, cut, OUTCOME_NO_ANSWER);
    cut.has_sent = false;
    assert_judged(&grab, cut, OUTCOME_NOT_SENT);
}

static void test_texts_are_taken(void **state)
{
    (void)state;
    struct client_result result = answer(200, SUCCESS "}");
    struct outcome outcome;
    outcome_judge(&grab, &result, &outcome);
    assert_int_equal(outcome.grab_status, 1);
    assert_string_equal(outcome.reason, "success");
    assert_string_equal(outcome.grab_id, "g1");
    result = answer(503, "{\"code\": \"not_appended\", \"success\": false}");
    outcome_judge(&grab, &result, &outcome);
    assert_string_equal(outcome.reason, "not_appended");
}

static void count(struct tally_board *board, const struct request *request, struct client_result result)
{
    struct outcome outcome;
    outcome_judge(request, &result, &outcome);
    tally_board_add(board, request, &result, &outcome);
}

static void count_some(struct tally_board *board)
{
    count(board, &grab, answer(200, SUCCESS "}"));
    count(board, &grab, answer(200, "{\"success\": false, \"grab_status\": 0, \"reason\": \"ended\"}"));
    count(board, &grab, answer(422, "{}"));
    count(board, &grab, (struct client_result){.failure = FAILURE_RESET, .has_sent = true, .location = ""});
    count(board, &reading, answer(200, "{}"));
    count(board, &reading, (struct client_result){.failure = FAILURE_CONNECT, .location = ""});
}

static void test_every_request_is_counted_once(void **state)
{
    (void)state;
    static struct tally_board board;
    count_some(&board);
    assert_true(tally_check(&board.total));
    assert_true(tally_check(&board.scenario[SCENARIO_NORMAL]));
    assert_int_equal(board.total.sent, 6);
    assert_int_equal(board.total.answered, 4);
    assert_int_equal(tally_transport_errors(&board.total), 2);
    assert_int_equal(board.scenario[SCENARIO_NORMAL].sent, 4);
    assert_int_equal(board.scenario[SCENARIO_CROSSSHARD].outcome[OUTCOME_READ_OK], 1);
    assert_int_equal(board.total.latency.max_us, 250);
    board.total.answered++;
    assert_false(tally_check(&board.total));
}

static void test_too_many_reasons_become_other(void **state)
{
    (void)state;
    static struct tally_board board;
    for (int i = 0; i < 40; i++) {
        char body[96];
        snprintf(body, sizeof body, "{\"success\": false, \"grab_status\": 0, \"reason\": \"r%d\"}", i % 20);
        count(&board, &grab, answer(200, body));
    }
    const struct tally_names *names = &board.total.refused;
    assert_int_equal(names->len, TALLY_NAMES_MAX);
    assert_string_equal(names->entry[TALLY_NAMES_MAX - 1].name, "other");
    assert_int_equal(names->entry[TALLY_NAMES_MAX - 1].count, 40 - 2 * (TALLY_NAMES_MAX - 1));
    assert_int_equal(names->entry[0].count, 2);
}

static int64_t number_at(const json_t *object, const char *outer, const char *inner)
{
    const json_t *value = json_object_get(object, outer);
    value = inner != NULL ? json_object_get(value, inner) : value;
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static void test_json(void **state)
{
    (void)state;
    static struct tally_board board;
    struct client_plan plan = {.schedule = {.rate = 10, .count = 8},
                               .scenario = {.scenario = SCENARIO_MIX, .seed = UINT64_MAX}};
    struct report report = {
        .plan = &plan, .board = &board, .status = {.sent = 6, .last_sent_us = 500000, .elapsed_us = 700000}};
    struct buf text = {0};
    count_some(&board);
    report_json(&report, &text);
    json_t *object = json_loads(text.data, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(object);
    assert_int_equal(number_at(object, "sent", NULL), 6);
    assert_int_equal(number_at(object, "unsent", NULL), 2);
    assert_int_equal(number_at(object, "accepted_new", NULL), 1);
    assert_int_equal(number_at(object, "refused", "ended"), 1);
    assert_int_equal(number_at(object, "http_other_by_status", "422"), 1);
    assert_int_equal(number_at(object, "lost", NULL), 1);
    assert_int_equal(number_at(object, "transport_errors", NULL), 2);
    assert_int_equal(number_at(object, "rejected", "503"), 0);
    assert_int_equal(number_at(object, "latency_us", "max"), 250);
    assert_int_equal(number_at(json_object_get(object, "scenarios"), "crossshard", "reads_ok"), 1);
    assert_null(json_object_get(json_object_get(object, "scenarios"), "admin"));
    assert_string_equal(json_string_value(json_object_get(object, "seed")), "18446744073709551615");
    assert_true(json_real_value(json_object_get(object, "rate_sent")) == 10.0);
    json_decref(object);
    buf_free(&text);
}

static void test_texts_for_people(void **state)
{
    (void)state;
    static struct tally_board board;
    struct client_plan plan = {.schedule = {.rate = 10, .count = 80}, .scenario = {.scenario = SCENARIO_MIX}};
    struct report report = {
        .plan = &plan, .board = &board, .status = {.sent = 6, .elapsed_us = 2000000, .in_flight = 3}};
    struct client_status before = {.sent = 2, .elapsed_us = 1000000};
    struct buf text = {0};
    count_some(&board);
    report_progress(&report, &before, &text);
    assert_non_null(strstr(text.data, "2 s, ETA 6 s | sent 6, 4/s, in flight 3"));
    assert_non_null(strstr(text.data, "accepted 1 refused 1 unknown 0 errors 3"));
    buf_reset(&text);
    report_summary(&report, &text);
    assert_non_null(strstr(text.data, "UNSENT    74"));
    assert_non_null(strstr(text.data, "refused 1 (ended 1)"));
    assert_non_null(strstr(text.data, "other 1 (422 1)"));
    assert_non_null(strstr(text.data, "(connect 1, reset 1, timeout 0, bad HTTP 0), of them grabs lost 1"));
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grab_answers),
        cmocka_unit_test(test_reads_and_failures),
        cmocka_unit_test(test_texts_are_taken),
        cmocka_unit_test(test_every_request_is_counted_once),
        cmocka_unit_test(test_too_many_reasons_become_other),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_texts_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
