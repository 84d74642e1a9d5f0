#include "tests/unit/query/question_fixture.h"

#include "protocol/ids.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const int64_t now_ms = INT64_C(1795176000000); /* 2026-11-20T12:00:00Z */

static bool ask(enum question_kind kind, const char *subject, const char *query, struct question *ret_question,
                struct question_fault *ret_fault)
{
    struct question_source source = fixture_source(query);
    *ret_fault = (struct question_fault){0};
    return question_read_list(kind, fixture_text(subject), &source, now_ms, ret_question, ret_fault);
}

static struct question good(enum question_kind kind, const char *subject, const char *query)
{
    struct question question;
    struct question_fault fault;
    if (!ask(kind, subject, query, &question, &fault))
        fail_msg("\"%s\" was refused: %s", query, fault.detail);
    return question;
}

static void test_defaults(void **state)
{
    (void)state;
    struct question question = good(QUESTION_USER, "42", "");
    assert_int_equal(question.subject, 42);
    assert_int_equal(question.limit, 100);
    assert_int_equal(question.begin_id, 0);
    assert_true(question.end_id == INT64_MAX);
    assert_false(question.voids);
    assert_false(question.mode.partial);
    assert_null(question.mode.layout);
}

static void test_what_is_taken(void **state)
{
    (void)state;
    struct question question = good(QUESTION_ROOM, "0", "limit=1000&status=all&layout=hash&partial=allow&other=1");
    assert_int_equal(question.subject, 0);
    assert_int_equal(question.limit, 1000);
    assert_true(question.voids && question.mode.partial);
    assert_ptr_equal(question.mode.layout, &layout_hash);
    assert_ptr_equal(good(QUESTION_USER, "9223372036854775807", "layout=daily&status=ok&partial=deny").mode.layout,
                     &layout_daily);
}

static void test_the_range_is_one_of_ids(void **state)
{
    (void)state;
    assert_true(good(QUESTION_RANGE, "", "").begin_id == id_pack(now_ms - 3600000, 0, 0));
    assert_true(good(QUESTION_RANGE, "", "hours=168").begin_id == id_pack(now_ms - 168 * INT64_C(3600000), 0, 0));
    assert_true(good(QUESTION_RANGE, "", "hours=1").end_id == INT64_MAX);
    struct question question = good(QUESTION_RANGE, "", "from=2026-11-20T12:00:00Z&to=2026-11-20T20:00:01.5+08:00");
    assert_true(question.begin_id == id_pack(now_ms, 0, 0));
    assert_true(question.end_id == id_pack(now_ms + 1500, 0, 0));
    assert_true(good(QUESTION_RANGE, "", "to=2020-01-01T00:00:00Z").end_id ==
                0); /* before the first id: an empty list */
    assert_true(good(QUESTION_RANGE, "", "from=2199-01-01T00:00:00Z").begin_id == INT64_MAX);
}

static const struct {
    enum question_kind kind;
    const char *subject, *query;
} bad_lists[] = {
    {QUESTION_USER, "", ""},
    {QUESTION_USER, "0", ""},
    {QUESTION_USER, "-1", ""},
    {QUESTION_USER, "+1", ""},
    {QUESTION_USER, "01", ""},
    {QUESTION_USER, "1 ", ""},
    {QUESTION_USER, "1.0", ""},
    {QUESTION_USER, "abc", ""},
    {QUESTION_USER, "0x10", ""},
    {QUESTION_USER, "9223372036854775808", ""},
    {QUESTION_USER, "18446744073709551617", ""},
    {QUESTION_ROOM, "4294967296", ""},
    {QUESTION_ROOM, "-0", ""},
    {QUESTION_ROOM, "1e3", ""},
    {QUESTION_USER, "1", "limit=0"},
    {QUESTION_USER, "1", "limit=1001"},
    {QUESTION_USER, "1", "limit=-5"},
    {QUESTION_USER, "1", "limit="},
    {QUESTION_USER, "1", "limit=ten"},
    {QUESTION_USER, "1", "limit=00010"},
    {QUESTION_USER, "1", "status=void"},
    {QUESTION_USER, "1", "status="},
    {QUESTION_USER, "1", "status=ALL"},
    {QUESTION_USER, "1", "layout=weekly"},
    {QUESTION_USER, "1", "layout="},
    {QUESTION_USER, "1", "layout=Hash"},
    {QUESTION_USER, "1", "layout=averyveryverylongname"},
    {QUESTION_USER, "1", "partial=yes"},
    {QUESTION_USER, "1", "partial="},
    {QUESTION_USER, "1", "cursor=abc"},
    {QUESTION_USER, "1", "after=abc"},
    {QUESTION_RANGE, "", "hours=0"},
    {QUESTION_RANGE, "", "hours=169"},
    {QUESTION_RANGE, "", "hours=1.5"},
    {QUESTION_RANGE, "", "hours=-1"},
    {QUESTION_RANGE, "", "hours=1&from=2026-11-20T12:00:00Z"},
    {QUESTION_RANGE, "", "hours=1&to=2026-11-20T12:00:00Z"},
    {QUESTION_RANGE, "", "from=2026-11-20T12:00:00Z&to=2026-11-20T12:00:00Z"},
    {QUESTION_RANGE, "", "from=2026-11-20T12:00:01Z&to=2026-11-20T12:00:00Z"},
    {QUESTION_RANGE, "", "from=yesterday"},
    {QUESTION_RANGE, "", "from="},
    {QUESTION_RANGE, "", "from=2026-11-20"},
    {QUESTION_RANGE, "", "from=2026-11-20T12:00:00"},
    {QUESTION_RANGE, "", "from=2026-11-20T12:00Z"},
    {QUESTION_RANGE, "", "from=2026-11-31T12:00:00Z"},
    {QUESTION_RANGE, "", "from=2026-11-20T24:00:00Z"},
    {QUESTION_RANGE, "", "from=2026-11-20T12:60:00Z"},
    {QUESTION_RANGE, "", "from=2026-11-20T12:00:60Z"},
    {QUESTION_RANGE, "", "from=2026-11-20T12:00:00.Z"},
    {QUESTION_RANGE, "", "from=2026-11-20T12:00:00.1234567890123Z"},
    {QUESTION_RANGE, "", "from=2026-11-20T12:00:00+0800"},
    {QUESTION_RANGE, "", "from=2026-11-20T12:00:00+08:60"},
    {QUESTION_RANGE, "", "from=2026-11-20T12:00:00+24:00"},
    {QUESTION_RANGE, "", "from=2026-11-20T12:00:00Zx"},
    {QUESTION_RANGE, "", "from=1795176000000"},
    {QUESTION_RANGE, "", "from=2026-11-20T12:00:00Z' OR 1=1"},
};

static void test_bad_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_lists / sizeof *bad_lists; i++) {
        struct question question = {.limit = 7};
        struct question_fault fault;
        if (ask(bad_lists[i].kind, bad_lists[i].subject, bad_lists[i].query, &question, &fault))
            fail_msg("\"%s\" \"%s\" was taken", bad_lists[i].subject, bad_lists[i].query);
        assert_int_equal(fault.status, 422);
        assert_string_equal(fault.code, "bad_parameter");
        assert_true(strlen(fault.detail) > 20);
        assert_int_equal(question.limit, 7); /* untouched */
    }
}

static bool ask_status(const char *grab_id, const char *query, struct question_status *ret_question,
                       struct question_fault *ret_fault)
{
    struct question_source source = fixture_source(query);
    *ret_fault = (struct question_fault){0};
    return question_read_status(fixture_text(grab_id), &source, ret_question, ret_fault);
}

static void test_status(void **state)
{
    (void)state;
    struct question_status question;
    struct question_fault fault;
    assert_true(ask_status("123456789012345678", "user=5&epoch=3&layout=daily", &question, &fault));
    assert_true(question.grab_id == UINT64_C(123456789012345678) && question.user_id == 5 && question.epoch == 3);
    assert_ptr_equal(question.mode.layout, &layout_daily);
}

static void test_bad_status(void **state)
{
    (void)state;
    static const struct {
        const char *grab_id, *query;
        int status;
        const char *code;
    } rows[] = {
        {"abc", "user=1&epoch=1", 404, "bad_grab_id"},
        {"", "user=1&epoch=1", 404, "bad_grab_id"},
        {"0", "user=1&epoch=1", 404, "bad_grab_id"},
        {"-1", "user=1&epoch=1", 404, "bad_grab_id"},
        {"9223372036854775808", "user=1&epoch=1", 404, "bad_grab_id"},
        {"12345678901234567890123", "user=1&epoch=1", 404, "bad_grab_id"},
        {"1", "epoch=1", 422, "missing_parameter"},
        {"1", "user=1", 422, "missing_parameter"},
        {"1", "", 422, "missing_parameter"},
        {"1", "user=0&epoch=1", 422, "bad_parameter"},
        {"1", "user=1&epoch=0", 422, "bad_parameter"},
        {"1", "user=x&epoch=1", 422, "bad_parameter"},
        {"1", "user=1&epoch=", 422, "bad_parameter"},
        {"1", "user=1&epoch=1&layout=x", 422, "bad_parameter"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct question_status question;
        struct question_fault fault;
        if (ask_status(rows[i].grab_id, rows[i].query, &question, &fault))
            fail_msg("\"%s\" \"%s\" was taken", rows[i].grab_id, rows[i].query);
        assert_int_equal(fault.status, rows[i].status);
        assert_string_equal(fault.code, rows[i].code);
    }
}

static void test_coupons(void **state)
{
    (void)state;
    struct question_coupons question;
    struct question_fault fault = {0};
    struct question_source all = fixture_source(""), room = fixture_source("room_id=17&limit=5"),
                           bad = fixture_source("room_id=x");
    assert_true(question_read_coupons(&all, &question, &fault));
    assert_false(question.by_room);
    assert_true(question_read_coupons(&room, &question, &fault));
    assert_true(question.by_room && question.room_id == 17 && question.limit == 5);
    assert_false(question_read_coupons(&bad, &question, &fault));
    assert_int_equal(fault.status, 422);
}

static void test_a_long_value_is_shown_cut(void **state)
{
    (void)state;
    char query[3000] = "limit=";
    struct question question;
    struct question_fault fault;
    memset(query + 6, 'x', sizeof query - 7);
    assert_false(ask(QUESTION_USER, "1", query, &question, &fault));
    assert_true(strlen(fault.detail) < 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_what_is_taken),
        cmocka_unit_test(test_the_range_is_one_of_ids),
        cmocka_unit_test(test_bad_lists),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_bad_status),
        cmocka_unit_test(test_coupons),
        cmocka_unit_test(test_a_long_value_is_shown_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
