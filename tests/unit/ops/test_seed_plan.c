/* The seeded data: repeatable, and inside its ranges. */
#include "ops/cli/seed_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct seed_plan plan = {.seed = 1, .users = 100000, .rooms = 100, .coupons_per_room = 5, .hold_ms = 7000};

static void test_levels(void **state)
{
    (void)state;
    uint64_t normal = 0, silver = 0, gold = 0;
    for (uint64_t id = 1; id <= plan.users; id++) {
        struct seed_user user;
        seed_user_make(&plan, id, &user);
        assert_int_equal(user.user_id, id);
        normal += strcmp(user.level, "normal") == 0;
        silver += strcmp(user.level, "silver") == 0;
        gold += strcmp(user.level, "gold") == 0;
    }
    assert_int_equal(normal + silver + gold, plan.users);
    assert_in_range(normal, 69000, 71000);
    assert_in_range(silver, 24000, 26000);
    assert_in_range(gold, 4500, 5500);
}

static void test_rooms(void **state)
{
    (void)state;
    for (uint64_t id = 1; id <= plan.rooms; id++) {
        struct seed_room room;
        seed_room_make(&plan, id, &room);
        assert_int_equal(room.room_id, id);
        assert_int_equal(room.hot, id <= 5);
        assert_true(room.title[0] != '\0');
    }
}

static void test_coupons(void **state)
{
    (void)state;
    uint64_t low = UINT64_MAX, high = 0;
    assert_int_equal(seed_coupon_count(&plan), 500);
    for (uint64_t id = 1; id <= 500; id++) {
        struct seed_coupon coupon;
        seed_coupon_make(&plan, id, &coupon);
        assert_int_equal(coupon.row.coupon_id, id);
        assert_int_equal(coupon.row.room_id, (id - 1) / 5 + 1);
        if (id <= 25)
            assert_in_range(coupon.row.total, 5000, 20000);
        else
            assert_in_range(coupon.row.total, 500, 5000);
        assert_int_equal(coupon.row.per_user_limit, 1);
        assert_int_equal(coupon.row.hold_ms, 7000);
        assert_int_equal(coupon.row.opens_at_ms, 0);
        assert_true(coupon.row.gate_open && coupon.row.title[0] && coupon.description[0] && coupon.terms[0]);
        low = coupon.row.total < low ? coupon.row.total : low;
        high = coupon.row.total > high ? coupon.row.total : high;
    }
    assert_in_range(low, 500, 700); /* the ranges are used, not only kept */
    assert_in_range(high, 17000, 20000);
}

static void test_repeatable(void **state)
{
    (void)state;
    struct seed_plan other = plan;
    struct seed_coupon a = {0}, b = {0};
    int differ = 0;
    seed_coupon_make(&plan, 77, &a);
    seed_coupon_make(&plan, 78, &b);
    seed_coupon_make(&plan, 77, &b);
    assert_int_equal(a.row.total, b.row.total);
    assert_string_equal(a.row.title, b.row.title);
    assert_string_equal(a.description, b.description);
    other.seed = 2;
    for (uint64_t id = 1; id <= 100; id++) {
        seed_coupon_make(&plan, id, &a);
        seed_coupon_make(&other, id, &b);
        differ += a.row.total != b.row.total;
    }
    assert_in_range(differ, 90, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_rooms),
        cmocka_unit_test(test_coupons),
        cmocka_unit_test(test_repeatable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
