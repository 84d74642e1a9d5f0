/* Times are shown the same on every machine, before the epoch and at the ends too. */
#include "core/clock.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

static void shows(int64_t ms, int offset_min, const char *rfc, const char *sql)
{
    char text[CLOCK_TEXT_MAX];
    clock_format(ms, offset_min, text);
    assert_string_equal(text, rfc);
    clock_format_sql(ms, offset_min, text);
    assert_string_equal(text, sql);
}

static void formats(void **state)
{
    (void)state;
    shows(0, 0, "1970-01-01T00:00:00.000Z", "1970-01-01 00:00:00.000");
    shows(-1, 0, "1969-12-31T23:59:59.999Z", "1969-12-31 23:59:59.999");
    shows(1704067200000, 0, "2024-01-01T00:00:00.000Z", "2024-01-01 00:00:00.000");
    shows(1709164799999, 0, "2024-02-28T23:59:59.999Z", "2024-02-28 23:59:59.999");
    shows(1709164800000, 0, "2024-02-29T00:00:00.000Z", "2024-02-29 00:00:00.000");
    shows(1763640000123, 480, "2025-11-20T20:00:00.123+08:00", "2025-11-20 20:00:00.123");
    shows(1763640000123, -210, "2025-11-20T08:30:00.123-03:30", "2025-11-20 08:30:00.123");
    shows(1763596800000, -840, "2025-11-19T10:00:00.000-14:00", "2025-11-19 10:00:00.000");
    shows(1763596800000, -30, "2025-11-19T23:30:00.000-00:30", "2025-11-19 23:30:00.000");
}

static void formats_at_the_ends(void **state)
{
    (void)state;
    shows(INT64_MAX, 840, "9999-12-31T23:59:59.999+14:00", "9999-12-31 23:59:59.999");
    shows(INT64_MIN, -840, "0001-01-01T00:00:00.000-14:00", "0001-01-01 00:00:00.000");
}

static void clocks_move_forward(void **state)
{
    (void)state;
    int64_t us = clock_boottime_us(), ms = clock_boottime_ms();
    assert_true(us > 0);
    assert_true(clock_realtime_ms() > 1704067200000);
    clock_sleep_ms(0);
    clock_sleep_ms(-5);
    clock_sleep_ms(3);
    assert_true(clock_boottime_us() - us >= 3000);
    assert_true(clock_boottime_ms() - ms >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats),
        cmocka_unit_test(formats_at_the_ends),
        cmocka_unit_test(clocks_move_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
