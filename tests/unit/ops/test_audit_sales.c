/* What was sold to whom, and what Redis says is left. */
#include "tests/unit/ops/audit_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct audit_coupon *coupon;

static int open_fixture(void **state)
{
    (void)state;
    fixture_new();
    coupon = &f->audit.coupons[0];
    coupon->stock = AUDIT_STOCK_VALID;
    coupon->look = (struct audit_look){.valid = true, .total = FIXTURE_TOTAL, .limit = 1, .left = FIXTURE_TOTAL};
    return 0;
}

/* OK grabs of users 0, 1, … and their claims in Redis. */
static void sell(uint32_t count)
{
    for (uint32_t n = 0; n < count; n++)
        fixture_record(f, RECORD_DATA, n, user_of(0, (int)n), 1);
    for (size_t i = 0; i < f->audit.grabs.count; i++)
        f->audit.grabs.grabs[i].claimed = true;
    coupon->look.left = FIXTURE_TOTAL - (int64_t)count;
    coupon->look.entries = coupon->look.users = count;
}

static void check_all(void)
{
    audit_check_sales(&f->audit);
    audit_check_stock(&f->audit);
}

static void only(int invariant, const char *kind)
{
    assert_int_equal(fixture_found(f), 1);
    assert_int_equal(fixture_last(f)->invariant, invariant);
    assert_string_equal(fixture_last(f)->kind, kind);
    assert_int_equal(fixture_last(f)->place.coupon_id, FIXTURE_COUPON);
}

static void test_all_agree(void **state)
{
    (void)state;
    sell(FIXTURE_TOTAL);
    f->audit.at_rest = true;
    check_all();
    assert_int_equal(fixture_found(f), 0);
}

static void test_oversold(void **state)
{
    (void)state;
    sell(FIXTURE_TOTAL + 1);
    coupon->stock = AUDIT_STOCK_ODD; /* the log alone says so */
    check_all();
    only(1, "oversold");
}

/* Of a partition whose log has lost its begin. */
static void store(size_t layout, uint64_t ok, uint64_t rows)
{
    const struct audit_total key = {
        .coupon_id = FIXTURE_COUPON, .day = f->audit.today, .partition = 1, .layout = (uint8_t)(layout + 1)};
    struct audit_total *total = audit_total(&f->audit.totals, &key);
    total->ok = ok;
    total->fold_ok = rows;
    f->audit.part[1].whole = f->audit.all_whole = false;
}

static void test_oversold_where_the_log_is_cut(void **state)
{
    (void)state;
    sell(FIXTURE_TOTAL - 3);
    store(0, 3, 3);
    store(1, 2, 2); /* this layout is behind */
    check_all();
    assert_int_equal(fixture_found(f), 0);
    store(1, 4, 2);
    coupon->not_folded[0] = coupon->not_folded[1] = 0;
    check_all();
    only(1, "oversold");
    assert_string_equal(fixture_last(f)->found, "11 OK grabs");
}

static void test_rows_that_the_totals_do_not_count(void **state)
{
    (void)state;
    sell(FIXTURE_TOTAL - 3);
    store(0, 3, 4);
    check_all();
    only(1, "oversold");
}

static void test_sold_unopened(void **state)
{
    (void)state;
    sell(1);
    coupon->stock = AUDIT_STOCK_UNSEEN;
    coupon->row.opened = 0;
    check_all();
    only(1, "sold_unopened");
}

static void test_a_grab_without_a_claim(void **state)
{
    (void)state;
    sell(3);
    f->audit.grabs.grabs[1].claimed = false;
    check_all();
    only(5, "grab_without_claim");
    assert_int_equal(fixture_last(f)->place.grab_id, fixture_id(1));
}

/* A record behind the cut may belong to a claim that the scan came too early for. */
static void test_behind_the_cut(void **state)
{
    (void)state;
    sell(3);
    f->audit.grabs.grabs[2].claimed = false;
    f->audit.part[0].cut = 2;
    audit_check_sales(&f->audit);
    assert_int_equal(fixture_found(f), 0);
}

static void test_void_grabs_have_no_claims(void **state)
{
    (void)state;
    fixture_record(f, RECORD_CANCEL, 1, user_of(0, 0), 1);
    check_all();
    assert_int_equal(fixture_found(f), 0);
}

static void test_over_the_limit(void **state)
{
    (void)state;
    sell(2);
    fixture_record(f, RECORD_DATA, 77, user_of(0, 1), 1);
    f->audit.grabs.grabs[2].claimed = true;
    audit_check_sales(&f->audit);
    only(6, "over_limit");
    assert_int_equal(fixture_last(f)->place.user_id, user_of(0, 1));
}

static void add_try(uint32_t sequence, const char *try_key)
{
    struct grab_event event = {
        .kind = RECORD_DATA, .grab_id = fixture_id(sequence), .user_id = user_of(0, 0), .coupon_id = FIXTURE_COUPON};
    snprintf(event.try_key, sizeof event.try_key, "%s", try_key);
    fixture_event(f, 0, &event);
    f->audit.grabs.grabs[f->audit.grabs.count - 1].claimed = true;
}

static void test_a_try_twice(void **state)
{
    (void)state;
    coupon->row.per_user_limit = 5;
    add_try(1, "a");
    add_try(2, "b");
    add_try(3, "");
    add_try(4, "");
    audit_check_sales(&f->audit);
    assert_int_equal(fixture_found(f), 0);
    add_try(5, "a");
    audit_check_sales(&f->audit);
    only(6, "try_twice");
}

static void test_stock_under_load(void **state)
{
    (void)state;
    sell(3);
    coupon->ok = 2; /* one claim is pending still: no disagreement while it moves */
    check_all();
    assert_int_equal(fixture_found(f), 0);
    coupon->look.left++;
    check_all();
    only(5, "stock_differs");
}

static void test_stock_at_rest(void **state)
{
    (void)state;
    sell(3);
    f->audit.at_rest = true;
    coupon->ok = 2;
    audit_check_stock(&f->audit);
    only(5, "sold_differs");
}

static void test_below_zero(void **state)
{
    (void)state;
    sell(FIXTURE_TOTAL);
    coupon->look.left = -1;
    coupon->look.entries = FIXTURE_TOTAL + 1;
    audit_check_stock(&f->audit);
    only(1, "stock_below_zero");
}

/* Claims too many for one call: counted by the scan, so at rest only. */
static void test_uncounted_claims(void **state)
{
    (void)state;
    sell(3);
    coupon->look.entries = -1;
    coupon->claims = 2;
    audit_check_stock(&f->audit);
    assert_int_equal(fixture_found(f), 0);
    f->audit.at_rest = true;
    audit_check_stock(&f->audit);
    only(5, "stock_differs");
}

static void test_another_total(void **state)
{
    (void)state;
    sell(0);
    f->audit.at_rest = true;
    coupon->row.total = FIXTURE_TOTAL + 5;
    audit_check_stock(&f->audit);
    only(5, "total_differs");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_agree, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_oversold, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_oversold_where_the_log_is_cut, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_rows_that_the_totals_do_not_count, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_sold_unopened, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_a_grab_without_a_claim, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_behind_the_cut, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_void_grabs_have_no_claims, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_over_the_limit, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_a_try_twice, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_stock_under_load, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_stock_at_rest, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_below_zero, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_uncounted_claims, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_another_total, open_fixture, close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
