#include "core/sql_internal.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

static void test_known_moments(void **state)
{
    (void)state;
    MYSQL_TIME time;
    sql_time_split(INT64_C(1709251199987), &time); /* 2024-02-29T23:59:59.987Z */
    assert_int_equal(time.year, 2024);
    assert_int_equal(time.month, 2);
    assert_int_equal(time.day, 29);
    assert_int_equal(time.hour, 23);
    assert_int_equal(time.minute, 59);
    assert_int_equal(time.second, 59);
    assert_int_equal(time.second_part, 987000);
    sql_time_split(-1, &time); /* the last ms before 1970 */
    assert_int_equal(time.year, 1969);
    assert_int_equal(time.day, 31);
    assert_int_equal(time.second_part, 999000);
}

/* The C library's own conversion is the judge, over four hundred years in steps that meet every hour. */
static void test_agrees_with_gmtime_both_ways(void **state)
{
    (void)state;
    for (int64_t ms = INT64_C(-5000000000000); ms < INT64_C(8000000000000); ms += INT64_C(3600000) * 37 + 1001) {
        MYSQL_TIME time;
        struct tm tm;
        time_t seconds = (time_t)((ms - (ms % 1000 + 1000) % 1000) / 1000);
        sql_time_split(ms, &time);
        gmtime_r(&seconds, &tm);
        assert_int_equal(time.year, tm.tm_year + 1900);
        assert_int_equal(time.month, tm.tm_mon + 1);
        assert_int_equal(time.day, tm.tm_mday);
        assert_int_equal(time.hour, tm.tm_hour);
        assert_int_equal(time.second, tm.tm_sec);
        assert_int_equal(sql_time_join(&time), ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_moments),
        cmocka_unit_test(test_agrees_with_gmtime_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
