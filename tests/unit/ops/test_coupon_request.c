/* weir coupon: what is asked, and what the answers mean. */
#include "ops/cli/coupon_request.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct coupon_request request;
static struct err err;

static bool make(const struct coupon_options *options, const char *verb, const char *id)
{
    char *words[] = {(char *)verb, (char *)id};
    coupon_request_free(&request);
    err = (struct err){0};
    return coupon_request_make(options, words, id ? 2 : 1, &request, &err);
}

static void test_create(void **state)
{
    (void)state;
    struct coupon_options options = {
        .room = 3, .title = "10 % \"off\"", .total = 100, .opens_at = "2026-11-20T12:00:00Z"};
    assert_true(make(&options, "create", NULL));
    assert_string_equal(request.path.data, "/admin/coupons");
    assert_string_equal(request.method, "POST");
    assert_true(request.admin);
    json_t *body = json_loads(request.body.data, JSON_REJECT_DUPLICATES, NULL);
    assert_int_equal(json_integer_value(json_object_get(body, "room_id")), 3);
    assert_string_equal(json_string_value(json_object_get(body, "title")), "10 % \"off\"");
    assert_null(json_object_get(body, "coupon_id")); /* what was not given is left to the server */
    assert_null(json_object_get(body, "hold_ms"));
    assert_null(json_object_get(body, "gate"));
    json_decref(body);
    options.total = 0;
    assert_false(make(&options, "create", NULL));
    assert_int_equal(err.kind, ERR_USAGE);
    options.total = 1;
    assert_false(make(&options, "create", "7"));
    options.title = "\xff";
    assert_false(make(&options, "create", NULL));
    coupon_request_free(&request);
}

static void test_by_id(void **state)
{
    (void)state;
    struct coupon_options options = {.room = -1, .add = 50};
    assert_true(make(&options, "restock", "7"));
    assert_string_equal(request.path.data, "/admin/coupons/7/restock");
    assert_string_equal(request.body.data, "{\"add\":50}");
    options.add = 0;
    assert_true(make(&options, "close", "7"));
    assert_string_equal(request.path.data, "/admin/coupons/7/close");
    assert_int_equal(request.body.len, 0);
    assert_true(make(&options, "show", "7"));
    assert_string_equal(request.method, "GET");
    assert_string_equal(request.path.data, "/api/coupon/7");
    assert_false(request.admin);
    coupon_request_free(&request);
}

static void test_wrong_words(void **state)
{
    (void)state;
    struct coupon_options none = {.room = -1};
    assert_false(make(&none, "restock", "7"));
    assert_false(make(&none, "open", NULL));
    assert_false(make(&none, "open", "0"));
    assert_false(make(&none, "open", "7x"));
    assert_false(make(&none, "delete", "7"));
    assert_int_equal(err.kind, ERR_USAGE);
    coupon_request_free(&request);
}

static void test_options_of_other_actions(void **state)
{
    (void)state;
    struct coupon_options options = {.room = -1, .add = 1};
    assert_false(make(&options, "close", "7"));
    assert_non_null(strstr(err.text, "--add is restock's"));
    options.total = 10;
    assert_false(make(&options, "restock", "7"));
    assert_non_null(strstr(err.text, "none of create's options"));
    options = (struct coupon_options){.room = 0}; /* a room, if a bad one: it was given */
    assert_false(make(&options, "show", "7"));
    coupon_request_free(&request);
}

static int exit_code(int status)
{
    err = (struct err){0};
    assert_false(coupon_answer_check(true, status, "{\"title\":\"No\",\"detail\":\"The reason.\"}", &err));
    assert_non_null(strstr(err.text, "The reason."));
    return err_exit_code(&err);
}

static void test_answers(void **state)
{
    (void)state;
    assert_true(coupon_answer_check(true, 200, "{}", &err));
    assert_true(coupon_answer_check(true, 201, "{}", &err));
    assert_true(coupon_answer_check(true, 202, "{}", &err));
    assert_int_equal(exit_code(401), 2);
    assert_int_equal(exit_code(422), 2);
    assert_int_equal(exit_code(404), 1);
    assert_int_equal(exit_code(409), 1);
    assert_int_equal(exit_code(503), 3);
    assert_int_equal(exit_code(599), 3);
    assert_false(coupon_answer_check(true, 502, "<html>", &err));
    assert_non_null(strstr(err.text, "502"));
    assert_false(coupon_answer_check(true, 503, NULL, &err));
}

static bool says_may_be_done(bool admin, int status)
{
    err = (struct err){0};
    assert_false(coupon_answer_check(admin, status, "<html>", &err));
    return strstr(err.text, "may have been done all the same: look with weir coupon show") != NULL;
}

static void test_answers_behind_which_it_may_be_done(void **state)
{
    (void)state;
    static const int open[] = {500, 502, 504, 599}, shut[] = {400, 401, 404, 409, 422, 429, 503};
    for (size_t i = 0; i < sizeof open / sizeof *open; i++)
        assert_true(says_may_be_done(true, open[i]) && !says_may_be_done(false, open[i]));
    for (size_t i = 0; i < sizeof shut / sizeof *shut; i++)
        assert_false(says_may_be_done(true, shut[i]));
}

static void test_render(void **state)
{
    (void)state;
    struct buf text = {0};
    coupon_answer_render("{\"success\":true,\"coupon_id\":7,\"title\":\"a\",\"ends_at\":null}", &text);
    assert_string_equal(text.data, "  coupon_id        7\n  title            a\n  ends_at          null\n");
    buf_reset(&text);
    coupon_answer_render("plain", &text);
    assert_string_equal(text.data, "plain\n");
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create),      cmocka_unit_test(test_by_id),
        cmocka_unit_test(test_wrong_words), cmocka_unit_test(test_options_of_other_actions),
        cmocka_unit_test(test_answers),     cmocka_unit_test(test_answers_behind_which_it_may_be_done),
        cmocka_unit_test(test_render),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
