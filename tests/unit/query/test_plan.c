#include "query/plan.h"

#include "protocol/ids.h"
#include "schemas/grabs.h"
#include "schemas/partition.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COLUMNS                                                                                                        \
    "`user_id`, `coupon_id`, `room_id`, `grab_id`, `grab_status`, `fail_reason`, `grab_time`, `use_status`, `try_key`"

static const int64_t noon_ms = INT64_C(1795176000000); /* 2026-11-20T12:00:00Z */

/* 16 partitions on 4 shards; only the layouts that are named have a route. */
static struct map *make_map(bool hash, bool daily)
{
    struct map *map = map_new(&stream_grabs);
    map->partitions = 16;
    route_spread(&map->layouts[0].route, &stream_grabs, &layout_hash, 16, 4);
    route_spread(&map->layouts[1].route, &stream_grabs, &layout_daily, 16, 4);
    map->layouts[0].there = hash;
    map->layouts[1].there = daily;
    return map;
}

static struct plan make_plan(const struct map *map, struct question question)
{
    struct plan plan;
    struct question_fault fault = {0};
    if (question.limit == 0)
        question.limit = 100;
    if (question.end_id == 0)
        question.end_id = INT64_MAX;
    if (!plan_make(&question, map, &plan, &fault))
        fail_msg("no plan: %s", fault.detail);
    return plan;
}

static void assert_sql(const struct plan *plan, int64_t slot, const char *expected)
{
    struct buf text = {0};
    plan_sql(plan, slot, &text);
    assert_string_equal(text.data, expected);
    buf_free(&text);
}

static void test_a_user_is_on_one_shard_in_one_table(void **state)
{
    (void)state;
    struct map *map = make_map(true, true);
    struct plan plan = make_plan(map, (struct question){.kind = QUESTION_USER, .subject = 42});
    struct plan_slots slots;
    int shards[ROUTE_SHARDS_MAX];
    int32_t partition = partition_of_user(42, 16);
    assert_ptr_equal(plan.layout->keys->layout, &layout_hash);
    assert_int_equal(plan_shards(&plan, shards), 1);
    assert_int_equal(shards[0], partition % 4);
    plan_slots_of(&plan, shards[0], &slots);
    assert_int_equal(slots.count, 1);
    assert_int_equal(slots.slot[0], partition);
    plan_slots_of(&plan, (shards[0] + 1) % 4, &slots);
    assert_int_equal(slots.count, 0);
    assert_sql(&plan, 7,
               "SELECT " COLUMNS " FROM `grabs_p07` WHERE `grab_id` >= ? AND `grab_id` < ? AND `user_id` = ?"
               " AND `grab_status` = 1 ORDER BY `grab_id` DESC LIMIT ?");
    map_unref(map);
}

static void test_a_room_is_everywhere_by_day(void **state)
{
    (void)state;
    struct map *map = make_map(true, true);
    struct plan plan = make_plan(map, (struct question){.kind = QUESTION_ROOM, .subject = 17, .voids = true});
    int shards[ROUTE_SHARDS_MAX];
    assert_ptr_equal(plan.layout->keys->layout, &layout_daily);
    assert_int_equal(plan_shards(&plan, shards), 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(shards[i], i);
    int32_t day;
    assert_true(day_parse("2026-11-20", '-', &day));
    assert_sql(&plan, day,
               "SELECT " COLUMNS " FROM `grabs_2026_11_20` WHERE `grab_id` >= ? AND `grab_id` < ? AND `room_id` = ?"
               " ORDER BY `grab_id` DESC LIMIT ?");
    map_unref(map);
}

static void test_a_range_by_hash_reads_every_partition(void **state)
{
    (void)state;
    struct map *map = make_map(true, true);
    struct plan plan = make_plan(map, (struct question){.kind = QUESTION_RANGE, .mode = {.layout = &layout_hash}});
    struct plan_slots slots;
    int shards[ROUTE_SHARDS_MAX];
    assert_int_equal(plan_shards(&plan, shards), 4);
    plan_slots_of(&plan, 1, &slots);
    assert_int_equal(slots.count, 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(slots.slot[i], 1 + 4 * i);
    assert_sql(&plan, 13,
               "SELECT " COLUMNS " FROM `grabs_p13` WHERE `grab_id` >= ? AND `grab_id` < ? AND `grab_status` = 1"
               " ORDER BY `grab_id` DESC LIMIT ?");
    map_unref(map);
}

static void test_days_are_those_of_the_range_newest_first(void **state)
{
    (void)state;
    static const char *const tables[] = {
        "grabs_2026_11_18", "grabs_2026_11_20", "grabs_2026_11_21", "grabs_2026_11_19",     "grabs_p03",
        "grabs_2026_11_22", "grabs_2026_11_31", "grab_totals",      "grabs_2026_11_20_old", "readings_2026_11_20"};
    struct map *map = make_map(true, true);
    struct question question = {.kind = QUESTION_RANGE,
                                .begin_id = id_pack(noon_ms - 86400000, 0, 0),
                                .end_id = id_pack(noon_ms + 43200000, 0, 0)};
    struct plan plan = make_plan(map, question);
    struct plan_slots slots = {0};
    int32_t day;
    assert_true(day_parse("2026-11-20", '-', &day));
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        plan_slots_add_table(&plan, tables[i], &slots);
    plan_slots_sort(&slots);
    assert_int_equal(slots.count, 2); /* the end, midnight, is not in it */
    assert_int_equal(slots.slot[0], day);
    assert_int_equal(slots.slot[1], day - 1);
    map_unref(map);
}

static void test_days_are_of_the_sales_time_zone(void **state)
{
    (void)state;
    struct map *map = make_map(true, true);
    map->offset_min = 13 * 60; /* noon UTC is one o'clock of the next day */
    struct question question = {
        .kind = QUESTION_RANGE, .begin_id = id_pack(noon_ms, 0, 0), .end_id = id_pack(noon_ms + 1, 0, 0)};
    struct plan plan = make_plan(map, question);
    struct plan_slots slots = {0};
    plan_slots_add_table(&plan, "grabs_2026_11_20", &slots);
    assert_int_equal(slots.count, 0);
    plan_slots_add_table(&plan, "grabs_2026_11_21", &slots);
    assert_int_equal(slots.count, 1);
    map_unref(map);
}

static void test_no_bound_takes_every_day_and_an_empty_range_none(void **state)
{
    (void)state;
    struct map *map = make_map(true, true);
    struct plan all = make_plan(map, (struct question){.kind = QUESTION_ROOM, .subject = 1});
    struct plan none =
        make_plan(map, (struct question){.kind = QUESTION_RANGE, .begin_id = INT64_MAX, .end_id = INT64_MAX});
    struct plan_slots slots = {0};
    plan_slots_add_table(&none, "grabs_2026_11_20", &slots);
    assert_int_equal(slots.count, 0);
    plan_slots_add_table(&all, "grabs_2024_01_01", &slots);
    plan_slots_add_table(&all, "grabs_2093_01_01", &slots);
    assert_int_equal(slots.count, 2);
    map_unref(map);
}

static void test_values_follow_the_text(void **state)
{
    (void)state;
    struct map *map = make_map(true, true);
    struct question question = {.kind = QUESTION_ROOM, .subject = 17, .begin_id = 5, .end_id = 9};
    struct plan room = make_plan(map, question);
    struct value values[PLAN_VALUES_MAX];
    assert_int_equal(plan_values(&room, 33, values), 4);
    assert_int_equal(values[0].u64, 5);
    assert_int_equal(values[1].u64, 9);
    assert_int_equal(values[2].u64, 17);
    assert_int_equal(values[3].u64, 33);
    question.kind = QUESTION_RANGE;
    struct plan range = make_plan(map, question);
    assert_int_equal(plan_values(&range, 33, values), 3);
    assert_int_equal(values[2].u64, 33);
    map_unref(map);
}

static void test_a_layout_without_route(void **state)
{
    (void)state;
    struct map *map = make_map(true, false);
    struct question question = {.kind = QUESTION_ROOM, .subject = 17, .limit = 1, .end_id = INT64_MAX};
    struct question_fault fault = {0};
    struct plan plan;
    assert_true(plan_make(&question, map, &plan, &fault)); /* the other one answers */
    assert_ptr_equal(plan.layout->keys->layout, &layout_hash);
    question.mode.layout = &layout_daily;
    assert_false(plan_make(&question, map, &plan, &fault));
    assert_int_equal(fault.status, 422);
    assert_string_equal(fault.code, "layout_unavailable");
    assert_non_null(strstr(fault.detail, "daily"));
    map_unref(map);
    map = make_map(false, false);
    question.mode.layout = NULL;
    assert_false(plan_make(&question, map, &plan, &fault));
    assert_int_equal(fault.status, 503);
    map_unref(map);
}

static void test_only_shards_of_the_route_are_asked(void **state)
{
    (void)state;
    struct map *map = make_map(true, true);
    struct plan plan = make_plan(map, (struct question){.kind = QUESTION_ROOM, .subject = 1});
    struct buf text = {0};
    int shards[ROUTE_SHARDS_MAX];
    memset(map->layouts[1].route.shard, 2, 16);
    map->layouts[1].route.shard[5] = 0;
    assert_int_equal(plan_shards(&plan, shards), 2);
    assert_int_equal(shards[0], 0);
    assert_int_equal(shards[1], 2);
    plan_partitions_sql(&map->layouts[1], 0, &text);
    assert_string_equal(text.data, " AND `partition` IN (5)");
    buf_reset(&text);
    plan_partitions_sql(&map->layouts[0], 3, &text);
    assert_string_equal(text.data, " AND `partition` IN (3,7,11,15)");
    buf_reset(&text);
    plan_partitions_sql(&map->layouts[1], 1, &text);
    assert_string_equal(text.data, " AND FALSE");
    buf_free(&text);
    map_unref(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_user_is_on_one_shard_in_one_table),
        cmocka_unit_test(test_a_room_is_everywhere_by_day),
        cmocka_unit_test(test_a_range_by_hash_reads_every_partition),
        cmocka_unit_test(test_days_are_those_of_the_range_newest_first),
        cmocka_unit_test(test_days_are_of_the_sales_time_zone),
        cmocka_unit_test(test_no_bound_takes_every_day_and_an_empty_range_none),
        cmocka_unit_test(test_values_follow_the_text),
        cmocka_unit_test(test_a_layout_without_route),
        cmocka_unit_test(test_only_shards_of_the_route_are_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
