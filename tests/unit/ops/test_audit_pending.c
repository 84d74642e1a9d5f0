/* Marks of pending grabs: what is read of a hash, and what is found of it. The scan is the test's own. */
#include "ops/cli/audit_stock.h"
#include "tests/unit/ops/audit_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { HOLD_MS = 1000, NOW_MS = 100000, GRAB = 5 };

static struct audit_scan scan;
static const char *value;

bool __wrap_audit_scan_hash(struct audit_scan *of, const char *key, audit_scan_fn fn, struct err *err);

bool __wrap_audit_scan_hash(struct audit_scan *of, const char *key, audit_scan_fn fn, struct err *err)
{
    (void)err;
    assert_non_null(strstr(key, "pending"));
    fn("_", 1, "1", 1, of); /* the sentinel */
    fn("5", 1, value, strlen(value), of);
    return true;
}

static int open_fixture(void **state)
{
    (void)state;
    fixture_new();
    f->audit.redis_now_ms = NOW_MS;
    f->audit.coupons[0].look = (struct audit_look){.valid = true, .hold_ms = HOLD_MS};
    scan = (struct audit_scan){.audit = &f->audit, .coupon = &f->audit.coupons[0]};
    return 0;
}

static void scan_pending(const char *text)
{
    struct stock_keys keys;
    struct err err = {0};
    value = text;
    stock_keys_of(FIXTURE_COUPON, &keys);
    assert_true(audit_pending_scan(&scan, &keys, &err));
}

static void test_marks_that_are_unreadable(void **state)
{
    (void)state;
    static const char *const bad[] = {"",        "nonsense", "P",        "P0",         "P0 ",          "P2 1 1 ",
                                      "X0 1 1 ", "P0 x 1 ",  "P0 1 0 ",  "P0 1 ",      "P0 1 1 a key", "P01 1 ",
                                      "p0 1 1 ", "P0 -1 1 ", "P0 1 -1 ", "P0 1 1 k\t", " P0 1 1 "};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        audit_report_reset(&f->audit.report);
        scan_pending(bad[i]);
        assert_int_equal(fixture_found(f), 1);
        assert_int_equal(fixture_last(f)->invariant, 5);
        assert_string_equal(fixture_last(f)->kind, "pending_unreadable");
        assert_int_equal(fixture_last(f)->place.coupon_id, FIXTURE_COUPON);
        assert_int_equal(fixture_last(f)->place.grab_id, GRAB);
    }
    assert_int_equal(f->audit.overdue_count, 0);
}

/* A try key that is longer than any, and so long that the mark is cut when it is read. */
static void test_a_mark_that_is_too_long(void **state)
{
    (void)state;
    char text[400] = "P0 1 1 ";
    memset(text + strlen(text), 'k', sizeof text - 1 - strlen(text));
    scan_pending(text);
    assert_string_equal(fixture_last(f)->kind, "pending_unreadable");
}

/* Its hint is its RESERVE and a hold. */
static void test_only_marks_older_than_two_holds_are_overdue(void **state)
{
    (void)state;
    char text[60];
    snprintf(text, sizeof text, "P0 %d 9 key", NOW_MS - HOLD_MS);
    scan_pending(text);
    assert_int_equal(f->audit.overdue_count, 0);
    snprintf(text, sizeof text, "C1 %d 9 ", NOW_MS - HOLD_MS - 1);
    scan_pending(text);
    assert_int_equal(f->audit.overdue_count, 1);
    assert_int_equal(f->audit.overdue[0].grab_id, GRAB);
    assert_int_equal(f->audit.overdue[0].age_ms, 2 * HOLD_MS + 1);
    assert_int_equal(fixture_found(f), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_marks_that_are_unreadable, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_a_mark_that_is_too_long, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_only_marks_older_than_two_holds_are_overdue, open_fixture, close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
