/* Rows find their table, table names find their way back, and days are the calendar's. */
#include "protocol/ids.h"
#include "schemas/grabs.h"
#include "schemas/layout.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <string.h>
#include <time.h>

static void layouts_are_found_by_name(void **state)
{
    (void)state;
    assert_ptr_equal(layout_find("hash"), &layout_hash);
    assert_ptr_equal(layout_find("daily"), &layout_daily);
    assert_null(layout_find("weekly"));
    assert_false(layout_hash.by_day);
    assert_true(layout_daily.by_day);
}

/* What settings and messages offer is exactly what there is. */
static void the_choices_are_the_layouts(void **state)
{
    (void)state;
    char names[100] = "";
    for (size_t i = 0; layout_nth(i) != NULL; i++) {
        assert_ptr_equal(layout_find(layout_nth(i)->name), layout_nth(i));
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i > 0 ? "|" : "", layout_nth(i)->name);
    }
    assert_string_equal(names, LAYOUT_CHOICES);
}

static void assert_round_trip(const struct layout *layout, int64_t slot, const char *name)
{
    char table[TABLE_NAME_MAX];
    int64_t again = -1;
    layout->table(&stream_grabs, slot, table);
    assert_string_equal(table, name);
    assert_true(layout->parse(&stream_grabs, table, &again));
    assert_int_equal(again, slot);
}

static void tables_are_named_and_read_back(void **state)
{
    (void)state;
    assert_round_trip(&layout_hash, 0, "grabs_p00");
    assert_round_trip(&layout_hash, 7, "grabs_p07");
    assert_round_trip(&layout_hash, 99, "grabs_p99");
    assert_round_trip(&layout_hash, 100, "grabs_p100");
    assert_round_trip(&layout_hash, 1023, "grabs_p1023");
    assert_round_trip(&layout_daily, 20777, "grabs_2026_11_20");
    assert_round_trip(&layout_daily, 0, "grabs_1970_01_01");
}

static void other_tables_are_not_ours(void **state)
{
    (void)state;
    static const char *const hash[] = {"",           "grabs",      "grabs_p",          "grabs_p7",
                                       "grabs_p007", "grabs_p07x", "grabs_p-1",        "grabs_p10000",
                                       "grab_p07",   "xgrabs_p07", "grabs_2026_11_20", "grabs_p 7"};
    static const char *const daily[] = {"",
                                        "grabs",
                                        "grabs_2026_11_2",
                                        "grabs_2026_02_29",
                                        "grabs_2026_04_31",
                                        "grabs_2026-11-20",
                                        "grabs_p07",
                                        "grabs_2026_11_20x",
                                        "grabs_2026_13_01",
                                        "grabs_2026_00_10",
                                        "grabs_2026_10_00",
                                        "readings_2026_11_20"};
    int64_t slot;
    for (size_t i = 0; i < sizeof hash / sizeof *hash; i++)
        assert_false(layout_hash.parse(&stream_grabs, hash[i], &slot));
    for (size_t i = 0; i < sizeof daily / sizeof *daily; i++)
        assert_false(layout_daily.parse(&stream_grabs, daily[i], &slot));
}

static void the_day_is_the_sales_own(void **state)
{
    (void)state;
    int64_t midnight = INT64_C(20777) * 86400000; /* 2026-11-20T00:00Z */
    struct grab_event grab = {.user_id = 1, .grab_id = id_pack(midnight - 1, 0, 0)};
    assert_int_equal(layout_daily.slot(&stream_grabs, 3, &grab, 0), 20776);
    assert_int_equal(layout_daily.slot(&stream_grabs, 3, &grab, 1), 20777);
    assert_int_equal(layout_hash.slot(&stream_grabs, 3, &grab, 0), 3);
    grab.grab_id = id_pack(midnight, 0, 0);
    assert_int_equal(layout_daily.slot(&stream_grabs, 3, &grab, 0), 20777);
    assert_int_equal(layout_daily.slot(&stream_grabs, 3, &grab, -1), 20776);
    assert_int_equal(id_day(grab.grab_id, -1), 20776);
}

static void days_are_the_calendars(void **state)
{
    (void)state;
    for (int32_t day = -200000; day < 1000000; day += 61) {
        time_t seconds = (time_t)day * 86400;
        struct tm tm;
        char wanted[32], text[11];
        int32_t again;
        assert_non_null(gmtime_r(&seconds, &tm));
        strftime(wanted, sizeof wanted, "%Y-%m-%d", &tm);
        day_format(day, '-', text);
        assert_string_equal(text, wanted);
        assert_true(day_parse(text, '-', &again));
        assert_int_equal(again, day);
        assert_int_equal(day_of_ms((int64_t)day * 86400000, 0), day);
        assert_int_equal(day_of_ms((int64_t)day * 86400000 - 1, 0), day - 1);
    }
    int32_t untouched = 5;
    assert_false(day_parse("2026-02-30", '-', &untouched));
    assert_false(day_parse("2100-02-29", '-', &untouched));
    assert_false(day_parse("2026_02_20", '-', &untouched));
    assert_int_equal(untouched, 5);
    assert_true(day_parse("2000-02-29", '-', &untouched));
}

static void offsets_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int minutes;
    } good[] = {{"+00:00", 0},   {"-00:00", 0},    {"+08:00", 480}, {"-03:30", -210},
                {"+14:00", 840}, {"-14:00", -840}, {"+05:45", 345}};
    static const char *const bad[] = {"",       "Z",      "08:00",  "+8:00",   "+0800",
                                      "+14:01", "+08:60", "+0a:00", "+08:00 ", " +08:00"};
    int minutes = 99;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(offset_parse(bad[i], &minutes));
    assert_int_equal(minutes, 99);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(offset_parse(good[i].text, &minutes));
        assert_int_equal(minutes, good[i].minutes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layouts_are_found_by_name),
        cmocka_unit_test(the_choices_are_the_layouts),
        cmocka_unit_test(tables_are_named_and_read_back),
        cmocka_unit_test(other_tables_are_not_ours),
        cmocka_unit_test(the_day_is_the_sales_own),
        cmocka_unit_test(days_are_the_calendars),
        cmocka_unit_test(offsets_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
