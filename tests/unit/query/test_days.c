/* Which days of a list have lost their tables. */
#include "query/days.h"

#include "schemas/grabs.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { TODAY = 20778 };

static struct plan_slots slots;

/* A shard with tables of these days, newest first. */
static void have(size_t count, const int64_t *days)
{
    plan_slots_clear(&slots);
    for (size_t i = 0; i < count; i++)
        slots.slot[slots.count++] = days[i];
    if (count > 0)
        slots.oldest = days[count - 1];
}

/* The first day of first..last about which the totals are asked; 0: none is. */
static int64_t asked_from(int64_t first, int64_t last)
{
    struct days_range range = {first, last};
    return days_narrow(&slots, TODAY, &range) ? range.first : 0;
}

static void test_nothing_is_asked_where_all_tables_are(void **state)
{
    (void)state;
    have(5, (const int64_t[]){TODAY + 2, TODAY + 1, TODAY, TODAY - 1, TODAY - 2});
    assert_int_equal(asked_from(TODAY - 2, TODAY), 0);
    assert_int_equal(asked_from(TODAY - 100, TODAY + 2), 0); /* the days before the oldest were dropped */
    assert_int_equal(asked_from(TODAY - 100, TODAY + 100), TODAY + 3);
}

static void test_the_first_gap(void **state)
{
    (void)state;
    have(4, (const int64_t[]){TODAY + 2, TODAY, TODAY - 1, TODAY - 4});
    assert_int_equal(asked_from(TODAY - 9, TODAY), TODAY - 3);
    assert_int_equal(asked_from(TODAY - 2, TODAY), TODAY - 2);
    assert_int_equal(asked_from(TODAY - 1, TODAY), 0);
    assert_int_equal(asked_from(TODAY - 1, TODAY + 1), TODAY + 1);
}

static void test_no_table_at_all(void **state)
{
    (void)state;
    have(0, NULL);
    assert_int_equal(asked_from(TODAY - 9, TODAY), TODAY - 1);
    assert_int_equal(asked_from(TODAY - 9, TODAY - 2), 0);
    assert_true(days_lost(&slots, TODAY - 1, TODAY));
    assert_false(days_lost(&slots, TODAY - 2, TODAY));
}

static void test_lost(void **state)
{
    (void)state;
    have(2, (const int64_t[]){TODAY, TODAY - 4});
    assert_false(days_lost(&slots, TODAY, TODAY));
    assert_false(days_lost(&slots, TODAY - 4, TODAY));
    assert_false(days_lost(&slots, TODAY - 5, TODAY));
    assert_true(days_lost(&slots, TODAY - 3, TODAY));
    assert_true(days_lost(&slots, TODAY - 1, TODAY));
}

static void test_sql(void **state)
{
    (void)state;
    struct map *map = map_new(&stream_grabs);
    struct plan plan = {.stream = &stream_grabs, .layout = &map->layouts[1], .partition = -1};
    struct buf text = {0};
    route_spread(&map->layouts[1].route, &stream_grabs, &layout_daily, 8, 4);
    days_used_sql(&plan, 1, &text);
    assert_string_equal(text.data, "SELECT DISTINCT TO_DAYS(`day`) - 719528 FROM `grab_totals` WHERE `layout` = ?"
                                   " AND `day` BETWEEN ? AND ? AND `ok_rows` + `void_rows` > 0"
                                   " AND `partition` IN (1,5)");
    buf_reset(&text);
    plan.partition = 5;
    days_used_sql(&plan, 1, &text);
    assert_non_null(strstr(text.data, "> 0 AND `partition` = 5"));
    buf_free(&text);
    map_unref(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_asked_where_all_tables_are),
        cmocka_unit_test(test_the_first_gap),
        cmocka_unit_test(test_no_table_at_all),
        cmocka_unit_test(test_lost),
        cmocka_unit_test(test_sql),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
