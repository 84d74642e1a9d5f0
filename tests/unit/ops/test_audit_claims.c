/* Claims in Redis against the fold: what is read of a hash, and what is found of it. The scan is the test's own. */
#include "ops/cli/audit_stock.h"
#include "tests/unit/ops/audit_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct audit_scan scan;
static char user[24]; /* of the only OK grab */
static const char *field, *value;

bool __wrap_audit_scan_hash(struct audit_scan *of, const char *key, audit_scan_fn fn, struct err *err);

bool __wrap_audit_scan_hash(struct audit_scan *of, const char *key, audit_scan_fn fn, struct err *err)
{
    (void)err;
    assert_non_null(strstr(key, "claims"));
    fn("_", 1, "1", 1, of); /* the sentinel */
    fn(field, strlen(field), value, strlen(value), of);
    return true;
}

static int open_fixture(void **state)
{
    (void)state;
    fixture_new();
    f->audit.coupons[0].stock = AUDIT_STOCK_VALID;
    f->audit.coupons[0].look = (struct audit_look){.valid = true, .limit = 1};
    fixture_record(f, RECORD_DATA, 1, user_of(0, 0), 1);
    scan = (struct audit_scan){.audit = &f->audit, .coupon = &f->audit.coupons[0]};
    snprintf(user, sizeof user, "%llu", (unsigned long long)user_of(0, 0));
    field = user;
    return 0;
}

static void scan_claims(const char *text)
{
    struct stock_keys keys;
    struct err err = {0};
    value = text;
    stock_keys_of(FIXTURE_COUPON, &keys);
    assert_true(audit_claims_scan(&scan, &keys, &err));
}

static void test_a_claim_of_an_ok_grab(void **state)
{
    (void)state;
    char text[40];
    snprintf(text, sizeof text, "%llu:", (unsigned long long)fixture_id(1));
    scan_claims(text);
    assert_int_equal(fixture_found(f), 0);
    assert_int_equal(f->audit.claims, 1);
    assert_true(f->audit.grabs.grabs[0].claimed);
}

/* None of these names a grab; and the OK grab of that user stays without a claim. */
static void test_claims_that_are_unreadable(void **state)
{
    (void)state;
    static const char *const bad[] = {"nonsense", ":", ":key", "nonsense:", "1x:", "-1:", "18446744073709551616:"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        audit_report_reset(&f->audit.report);
        scan_claims(bad[i]);
        assert_int_equal(fixture_found(f), 1);
        assert_int_equal(fixture_last(f)->invariant, 5);
        assert_string_equal(fixture_last(f)->kind, "claim_unreadable");
        assert_int_equal(fixture_last(f)->place.coupon_id, FIXTURE_COUPON);
        assert_int_equal(fixture_last(f)->place.user_id, user_of(0, 0));
    }
    assert_int_equal(f->audit.claims, 0);
    assert_false(f->audit.grabs.grabs[0].claimed);
}

static void test_one_unreadable_among_others(void **state)
{
    (void)state;
    char text[60];
    snprintf(text, sizeof text, "%llu: nonsense", (unsigned long long)fixture_id(1));
    scan_claims(text);
    assert_int_equal(fixture_found(f), 2);
    assert_string_equal(f->audit.report.findings[0].kind, "claim_unreadable");
    assert_string_equal(f->audit.report.findings[1].kind, "claims_over_limit");
    assert_true(f->audit.grabs.grabs[0].claimed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_claim_of_an_ok_grab, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_claims_that_are_unreadable, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_one_unreadable_among_others, open_fixture, close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
