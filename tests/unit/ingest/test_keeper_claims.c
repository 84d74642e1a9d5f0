#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/keeper_claims.h"

static void nothing_sold(void **state)
{
    (void)state;
    struct claims claims;
    claims_init(&claims);
    claims_sort(&claims);
    assert_null(claims_of(&claims, 7));
    claims_free(&claims);
}

static void one_entry_a_user_in_order(void **state)
{
    (void)state;
    struct claims claims;
    claims_init(&claims);
    claims_add(&claims, 7, 2, 30, "b", 1);
    claims_add(&claims, 7, 1, 20, "", 0);
    claims_add(&claims, 7, 2, 10, "a:x", 3);
    claims_add(&claims, 5, 9, 40, "", 0);
    claims_sort(&claims);

    const struct coupon_claims *coupon = claims_of(&claims, 7);
    assert_non_null(coupon);
    assert_int_equal(coupon->count, 3);
    struct buf entry = {0};
    size_t at = claims_entry(&claims, coupon, 0, &entry);
    assert_int_equal(at, 1);
    assert_string_equal(entry.data, "20:");
    buf_reset(&entry);
    at = claims_entry(&claims, coupon, at, &entry);
    assert_int_equal(at, 3);
    assert_string_equal(entry.data, "10:a:x 30:b");
    buf_free(&entry);

    assert_int_equal(claims_of(&claims, 5)->count, 1);
    assert_null(claims_of(&claims, 6));
    claims_free(&claims);
}

static void many_coupons_stay_sorted(void **state)
{
    (void)state;
    struct claims claims;
    claims_init(&claims);
    for (uint64_t i = 0; i < 500; i++)
        claims_add(&claims, i * 211 % 500 + 1, i, i + 1, "", 0);
    assert_int_equal(claims.count, 500);
    for (uint64_t id = 1; id <= 500; id++)
        assert_int_equal(claims_of(&claims, id)->coupon_id, id);
    claims_free(&claims);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_sold), cmocka_unit_test(one_entry_a_user_in_order),
                                       cmocka_unit_test(many_coupons_stay_sorted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
