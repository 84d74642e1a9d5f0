/* Realtime milliseconds <-> the client library's calendar struct, always UTC and without the C library's time zones.
 *
 * Days and civil dates: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil and
 * civil_from_days.
 */
#include "core/sql_internal.h"

#define DAY_MS   INT64_C(86400000)
#define ERA_DAYS 146097 /* 400 years */

static int64_t days_from_civil(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * ERA_DAYS + day_of_era - 719468;
}

static void civil_from_days(int64_t days, MYSQL_TIME *time)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - (ERA_DAYS - 1)) / ERA_DAYS;
    int64_t day_of_era = days - era * ERA_DAYS;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_shifted = (5 * day_of_year + 2) / 153;
    time->day = (unsigned)(day_of_year - (153 * month_shifted + 2) / 5 + 1);
    time->month = (unsigned)(month_shifted < 10 ? month_shifted + 3 : month_shifted - 9);
    time->year = (unsigned)(year_of_era + era * 400 + (time->month <= 2));
}

void sql_time_split(int64_t realtime_ms, MYSQL_TIME *ret_time)
{
    int64_t days = realtime_ms / DAY_MS, ms = realtime_ms % DAY_MS;
    if (ms < 0) {
        ms += DAY_MS;
        days--;
    }
    *ret_time = (MYSQL_TIME){.time_type = MYSQL_TIMESTAMP_DATETIME};
    civil_from_days(days, ret_time);
    ret_time->hour = (unsigned)(ms / 3600000);
    ret_time->minute = (unsigned)(ms / 60000 % 60);
    ret_time->second = (unsigned)(ms / 1000 % 60);
    ret_time->second_part = (unsigned long)(ms % 1000 * 1000);
}

int64_t sql_time_join(const MYSQL_TIME *time)
{
    int64_t days = days_from_civil(time->year, time->month, time->day);
    int64_t seconds = days * 86400 + time->hour * 3600 + time->minute * 60 + time->second;
    return seconds * 1000 + (int64_t)(time->second_part / 1000);
}
