/* What clients were told: its lines, and against the fold. */
#include "tests/unit/ops/audit_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static uint64_t user; /* has the OK grab 1, alone */

static int open_fixture(void **state)
{
    (void)state;
    fixture_new();
    user = user_of(0, 0);
    fixture_record(f, RECORD_DATA, 1, user, 5);
    fixture_record(f, RECORD_CANCEL, 2, user_of(0, 1), 5);
    return 0;
}

static bool parse(const char *text, struct audit_line *ret_line)
{
    struct err err;
    return audit_history_line(text, strlen(text), ret_line, &err);
}

static void test_lines(void **state)
{
    (void)state;
    struct audit_line line;
    assert_true(
        parse("{\"user\":5,\"coupon\":7,\"status\":200,\"grab_status\":1,\"grab_id\":\"99\",\"more\":[]}", &line));
    assert_true(line.told == AUDIT_TOLD_SUCCESS && line.grab_id == 99 && line.user_id == 5 && line.coupon_id == 7);
    assert_true(parse("{\"user\":5,\"coupon\":7,\"status\":202,\"grab_status\":null,\"grab_id\":\"99\","
                      "\"location\":\"/api/grab/99?user=5&epoch=12\"}\n",
                      &line));
    assert_true(line.told == AUDIT_TOLD_UNKNOWN && line.epoch == 12);
    assert_true(parse("{\"user\":5,\"coupon\":7,\"status\":200,\"grab_status\":0,\"grab_id\":null}", &line));
    assert_int_equal(line.told, AUDIT_TOLD_REFUSED);
    assert_true(parse("{\"user\":5,\"coupon\":7,\"status\":503}", &line));
    assert_int_equal(line.told, AUDIT_TOLD_REFUSED);
    assert_true(parse("{\"user\":5,\"coupon\":7,\"status\":0}", &line));
    assert_int_equal(line.told, AUDIT_TOLD_NOTHING);
    assert_true(parse("{\"user\":5,\"coupon\":7,\"status\":504}", &line)); /* a proxy's: nobody knows */
    assert_int_equal(line.told, AUDIT_TOLD_NOTHING);
    assert_true(parse("{\"user\":5,\"coupon\":7,\"status\":408}", &line));
    assert_int_equal(line.told, AUDIT_TOLD_NOTHING);
}

static void test_odd_lines(void **state)
{
    (void)state;
    static const char *const lines[] = {"",
                                        "[]",
                                        "{\"user\":5,\"coupon\":7}",
                                        "{\"coupon\":7,\"status\":200}",
                                        "{\"user\":5,\"coupon\":7,\"status\":200,\"grab_status\":1}",
                                        "{\"user\":5,\"coupon\":7,\"status\":202,\"grab_id\":null}",
                                        "{\"user\":5,\"coupon\":7,\"status\":200,\"grab_status\":1,\"grab_id\":\"x\"}"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct audit_line line;
        assert_false(parse(lines[i], &line));
    }
}

static void tell(enum audit_told told, uint64_t user_id, uint64_t grab_id, uint64_t epoch)
{
    struct audit *audit = &f->audit;
    audit->lines = mem_grow(audit->lines, (audit->line_count + 1) * sizeof *audit->lines);
    audit->lines[audit->line_count++] = (struct audit_line){
        .coupon_id = FIXTURE_COUPON, .user_id = user_id, .grab_id = grab_id, .epoch = epoch, .told = told};
    qsort(audit->lines, audit->line_count, sizeof *audit->lines, audit_line_compare);
}

static void check(const char *kind)
{
    audit_check_history(&f->audit);
    assert_int_equal(fixture_found(f), kind ? 1 : 0);
    if (kind)
        assert_string_equal(fixture_last(f)->kind, kind);
}

static void test_success(void **state)
{
    (void)state;
    tell(AUDIT_TOLD_SUCCESS, user, fixture_id(1), 0);
    check(NULL);
    tell(AUDIT_TOLD_SUCCESS, user_of(0, 1), fixture_id(2), 0); /* a VOID row */
    check("success_without_row");
}

static void test_success_of_another(void **state)
{
    (void)state;
    tell(AUDIT_TOLD_SUCCESS, user_of(0, 3), fixture_id(1), 0);
    check("success_without_row");
}

static void test_refusal(void **state)
{
    (void)state;
    tell(AUDIT_TOLD_REFUSED, user_of(0, 1), 0, 0); /* has a VOID row only */
    check(NULL);
    tell(AUDIT_TOLD_REFUSED, user, 0, 0);
    check("refusal_with_row");
}

static void test_refusal_beside_others(void **state)
{
    (void)state;
    tell(AUDIT_TOLD_REFUSED, user, 0, 0);
    tell(AUDIT_TOLD_SUCCESS, user, fixture_id(1), 0);
    check(NULL);
}

static void test_refusal_beside_a_lost_answer(void **state)
{
    (void)state;
    tell(AUDIT_TOLD_REFUSED, user, 0, 0);
    tell(AUDIT_TOLD_NOTHING, user, 0, 0);
    check(NULL);
}

/* Told 202 of a grab that is VOID, and an OK grab of another id beside it. */
static void test_an_unknown_explains_its_own_grab_alone(void **state)
{
    (void)state;
    fixture_record(f, RECORD_CANCEL, 3, user, 5);
    tell(AUDIT_TOLD_UNKNOWN, user, fixture_id(3), 5);
    check("grab_untold");
    assert_int_equal(fixture_last(f)->invariant, 2);
    assert_int_equal(fixture_last(f)->place.grab_id, fixture_id(1));
}

static void test_a_second_grab_that_nobody_was_told_of(void **state)
{
    (void)state;
    fixture_record(f, RECORD_DATA, 3, user, 5);
    tell(AUDIT_TOLD_SUCCESS, user, fixture_id(1), 0);
    check("grab_untold");
    assert_int_equal(fixture_last(f)->place.grab_id, fixture_id(3));
}

static void test_a_lost_answer_explains_one_grab(void **state)
{
    (void)state;
    fixture_record(f, RECORD_DATA, 3, user, 5);
    fixture_record(f, RECORD_DATA, 4, user, 5);
    tell(AUDIT_TOLD_NOTHING, user, 0, 0);
    tell(AUDIT_TOLD_UNKNOWN, user, fixture_id(4), 5);
    check("grab_untold");
}

/* Its first record could be stored in one layout, its second in the other: still one grab. */
static void test_a_grab_in_two_parts_needs_one_answer(void **state)
{
    (void)state;
    const struct audit_grab *grab = audit_grabs_ok(&f->audit.grabs, fixture_id(1));
    struct grab_event event;
    audit_grab_event(&f->audit.grabs, grab, &event);
    audit_grabs_add(&f->audit.grabs, &event, grab->partition, 9, FOLD_OK, 2);
    tell(AUDIT_TOLD_NOTHING, user, 0, 0);
    check(NULL);
}

static void test_a_user_without_a_line(void **state)
{
    (void)state;
    tell(AUDIT_TOLD_REFUSED, user_of(0, 4), 0, 0);
    check(NULL);
}

static void test_unknown(void **state)
{
    (void)state;
    tell(AUDIT_TOLD_UNKNOWN, user, fixture_id(1), 5);
    tell(AUDIT_TOLD_UNKNOWN, user_of(0, 1), fixture_id(2), 5);
    check(NULL);
    assert_int_equal(f->audit.unknown_count, 0);
    tell(AUDIT_TOLD_UNKNOWN, user_of(0, 4), fixture_id(3), 5);
    check(NULL); /* open: that has time still */
    assert_int_equal(f->audit.unknown_count, 1);
    assert_int_equal(f->audit.unknown[0].grab_id, fixture_id(3));
}

static void test_unknown_below_a_barrier(void **state)
{
    (void)state;
    fixture_barrier(f, 0, 6);
    tell(AUDIT_TOLD_UNKNOWN, user_of(0, 4), fixture_id(3), 5);
    check(NULL);
    assert_int_equal(f->audit.unknown_count, 0);
}

#define GOOD_LINE "{\"user\":5,\"coupon\":7,\"status\":503}"

static bool read_file(const char *text, struct err *ret_err)
{
    char path[] = "/tmp/weir-history-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
    *ret_err = (struct err){0};
    bool good = audit_history_read(&f->audit, path, ret_err);
    unlink(path);
    return good;
}

static void test_a_whole_file(void **state)
{
    (void)state;
    struct err err;
    assert_true(read_file(GOOD_LINE "\n" GOOD_LINE "\n", &err));
    assert_int_equal(f->audit.line_count, 2);
}

static void test_a_file_that_is_cut(void **state)
{
    (void)state;
    static const char *const texts[] = {GOOD_LINE "\n{\"user\":5,\"cou", GOOD_LINE "\n" GOOD_LINE};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct err err;
        f->audit.line_count = 0;
        assert_false(read_file(texts[i], &err));
        assert_int_equal(err.kind, ERR_USAGE);
        assert_non_null(strstr(err.text, "line 2 of"));
        assert_non_null(strstr(err.text, "the last one, and cut"));
        assert_non_null(strstr(err.text, "weir-storm has ended"));
        free(f->audit.lines);
        f->audit.lines = NULL;
    }
}

static void test_a_file_without_a_line(void **state)
{
    (void)state;
    struct err err;
    assert_false(read_file("", &err));
    assert_non_null(strstr(err.text, "is empty"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_odd_lines),
        cmocka_unit_test_setup_teardown(test_success, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_success_of_another, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_refusal, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_refusal_beside_others, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_refusal_beside_a_lost_answer, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_unknown, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_unknown_below_a_barrier, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_an_unknown_explains_its_own_grab_alone, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_a_second_grab_that_nobody_was_told_of, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_a_lost_answer_explains_one_grab, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_a_grab_in_two_parts_needs_one_answer, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_a_user_without_a_line, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_a_whole_file, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_a_file_that_is_cut, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_a_file_without_a_line, open_fixture, close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
