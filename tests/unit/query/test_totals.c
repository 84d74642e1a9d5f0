#include "query/totals.h"

#include "schemas/grabs.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_equal_keys_are_added_up(void **state)
{
    (void)state;
    struct totals a = {0}, b = {0};
    totals_add(&a, (struct total){.key = 9, .ok = 1});
    totals_add(&a, (struct total){.key = 2, .ok = 10, .voids = 1});
    totals_sort(&a);
    totals_add(&b, (struct total){.key = 2, .ok = 5, .voids = 2});
    totals_add(&b, (struct total){.key = 4, .ok = 7});
    totals_add_all(&a, &b);
    assert_int_equal(a.count, 3);
    assert_int_equal(a.item[0].key, 2);
    assert_int_equal(totals_find(&a, 2)->ok, 15);
    assert_int_equal(totals_find(&a, 2)->voids, 3);
    assert_int_equal(totals_find(&a, 4)->ok, 7);
    assert_null(totals_find(&a, 3));
    assert_int_equal(totals_sum(&a).ok, 23);
    assert_int_equal(totals_sum(&a).voids, 3);
    totals_free(&a);
    totals_free(&b);
}

static void test_nothing_adds_up_to_nothing(void **state)
{
    (void)state;
    struct totals a = {0}, b = {0};
    totals_add_all(&a, &b);
    assert_int_equal(a.count, 0);
    assert_int_equal(totals_sum(&a).ok, 0);
    assert_null(totals_find(&a, 0));
    totals_free(&a);
}

static void test_sql(void **state)
{
    (void)state;
    struct map *map = map_new(&stream_grabs);
    struct buf text = {0};
    route_spread(&map->layouts[0].route, &stream_grabs, &layout_hash, 16, 4);
    totals_sql(&stream_grabs, &map->layouts[0], 2, TOTALS_BY_SUBJECT, true, &text);
    assert_string_equal(
        text.data, "SELECT `coupon_id` AS `key`, SUM(`ok_rows`), SUM(`void_rows`) FROM `grab_totals` WHERE `layout` = ?"
                   " AND `partition` IN (2,6,10,14) AND `coupon_id` = ? GROUP BY `key`");
    buf_reset(&text);
    totals_sql(&stream_grabs, &map->layouts[0], 0, TOTALS_BY_DAY, false, &text);
    assert_string_equal(text.data, "SELECT TO_DAYS(`day`) - 719528 AS `key`, SUM(`ok_rows`), SUM(`void_rows`) FROM "
                                   "`grab_totals` WHERE `layout` = ?"
                                   " AND `partition` IN (0,4,8,12) GROUP BY `key`");
    buf_free(&text);
    map_unref(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_keys_are_added_up),
        cmocka_unit_test(test_nothing_adds_up_to_nothing),
        cmocka_unit_test(test_sql),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
