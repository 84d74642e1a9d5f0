/* The loops' copy of the catalog, and what it says of a coupon without a valid mark. */
#include "ingest/grab_flow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct catalog_copy *copy_of_three(int64_t read_at_us)
{
    static const struct coupon coupons[] = {
        {.coupon_id = 30, .opened = 2, .room_id = 3}, {.coupon_id = 10, .room_id = 1}, {.coupon_id = 20, .opened = 1}};
    struct catalog_copy *copy = catalog_copy_new(read_at_us);
    for (size_t i = 0; i < 3; i++)
        assert_true(catalog_copy_add(copy, &coupons[i]));
    catalog_copy_sort(copy);
    return copy;
}

static void test_find(void **state)
{
    (void)state;
    struct catalog_copy *copy = copy_of_three(0);
    assert_int_equal(catalog_copy_find(copy, 30)->room_id, 3);
    assert_int_equal(catalog_copy_find(copy, 10)->room_id, 1);
    assert_null(catalog_copy_find(copy, 15));
    catalog_copy_ref(copy);
    catalog_copy_unref(copy);
    assert_non_null(catalog_copy_find(copy, 20)); /* one reference is left */
    catalog_copy_unref(copy);
    struct catalog_copy *empty = catalog_copy_new(0);
    catalog_copy_sort(empty);
    assert_null(catalog_copy_find(empty, 1));
    catalog_copy_unref(empty);
}

static void test_closed_reasons(void **state)
{
    (void)state;
    bool refused = false;
    struct catalog_copy *copy = copy_of_three(1000);
    assert_int_equal(grab_closed_reason(copy, 10, 2000, &refused), REASON_NOT_STARTED);
    assert_true(refused);
    assert_int_equal(grab_closed_reason(copy, 15, 2000, &refused), REASON_UNKNOWN_COUPON);
    assert_true(refused);
    assert_int_equal(grab_closed_reason(copy, 20, 2000, &refused), REASON_COUPON_NOT_READY);
    assert_false(refused);
    catalog_copy_unref(copy);
}

/* What is old, or was never read, refuses nobody. */
static void test_a_stale_copy_refuses_nothing(void **state)
{
    (void)state;
    bool refused = true;
    struct catalog_copy *copy = copy_of_three(1000);
    int64_t old_us = 1000 + CATALOG_COPY_AGE_MS_MAX * INT64_C(1000);
    assert_int_equal(grab_closed_reason(copy, 15, old_us, &refused), REASON_UNKNOWN_COUPON);
    assert_int_equal(grab_closed_reason(copy, 15, old_us + 1, &refused), REASON_CATALOG_AWAY);
    assert_false(refused);
    assert_int_equal(grab_closed_reason(copy, 10, old_us + 1, &refused), REASON_CATALOG_AWAY);
    assert_false(refused);
    assert_int_equal(grab_closed_reason(NULL, 10, 0, &refused), REASON_CATALOG_AWAY);
    assert_false(refused);
    catalog_copy_unref(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_closed_reasons),
        cmocka_unit_test(test_a_stale_copy_refuses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
