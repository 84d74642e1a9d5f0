/* What clients were told: its lines, and against the fold. */
#include "tests/unit/ops/audit_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct fixture *f;
static uint64_t user; /* has the OK grab 1, alone */

static int open_fixture(void **state)
{
    (void)state;
    f = mem_alloc(sizeof *f);
    fixture_open(f);
    user = user_of(0, 0);
    fixture_record(f, RECORD_DATA, 1, user, 5);
    fixture_record(f, RECORD_CANCEL, 2, user_of(0, 1), 5);
    f->audit.before_cut_ms = FIXTURE_NOON_MS + 60000;
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    fixture_close(f);
    free(f);
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

static void test_unknown(void **state)
{
    (void)state;
    tell(AUDIT_TOLD_UNKNOWN, user, fixture_id(1), 5);
    tell(AUDIT_TOLD_UNKNOWN, user_of(0, 1), fixture_id(2), 5);
    check(NULL);
    tell(AUDIT_TOLD_UNKNOWN, user_of(0, 4), fixture_id(3), 5);
    check("unknown_open");
}

static void test_unknown_below_a_barrier(void **state)
{
    (void)state;
    fixture_barrier(f, 0, 6);
    tell(AUDIT_TOLD_UNKNOWN, user_of(0, 4), fixture_id(3), 5);
    check(NULL);
}

static void test_young_unknown(void **state)
{
    (void)state;
    f->audit.before_cut_ms = FIXTURE_NOON_MS + 1999; /* two holds are 2000 */
    tell(AUDIT_TOLD_UNKNOWN, user_of(0, 4), fixture_id(3), 5);
    check(NULL);
    f->audit.before_cut_ms++;
    check("unknown_open");
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
        cmocka_unit_test_setup_teardown(test_young_unknown, open_fixture, close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
