#include "schemas/layout.h"

#include <assert.h>
#include <string.h>

enum {
    MS_PER_MINUTE = 60000,
    MS_PER_DAY = 86400000,
    DAYS_PER_ERA = 146097,
    DAYS_BEFORE_1970 = 719468 /* from 0000-03-01 */
};

static const struct layout *const layouts[] = {&layout_hash, &layout_daily};

const struct layout *layout_nth(size_t at)
{
    return at < sizeof layouts / sizeof *layouts ? layouts[at] : NULL;
}

const struct layout *layout_find(const char *name)
{
    const struct layout *layout;
    for (size_t i = 0; (layout = layout_nth(i)) != NULL; i++)
        if (strcmp(layout->name, name) == 0)
            return layout;
    return NULL;
}

const struct stream_layout *stream_layout(const struct stream *stream, const char *layout_name)
{
    for (size_t i = 0; i < stream->layout_count; i++)
        if (strcmp(stream->layouts[i].layout->name, layout_name) == 0)
            return &stream->layouts[i];
    return NULL;
}

static int64_t floor_div(int64_t n, int64_t by)
{
    return n / by - (n % by < 0);
}

int32_t day_of_ms(int64_t realtime_ms, int offset_min)
{
    return (int32_t)floor_div(realtime_ms + (int64_t)offset_min * MS_PER_MINUTE, MS_PER_DAY);
}

/* Years are counted from March, so that the leap day is a year's last. */
static void civil_of_day(int32_t day, int *ret_year, int *ret_month, int *ret_date)
{
    int64_t days = (int64_t)day + DAYS_BEFORE_1970;
    int64_t era = floor_div(days, DAYS_PER_ERA);
    int of_era = (int)(days - era * DAYS_PER_ERA);
    int year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int month = (5 * of_year + 2) / 153;
    *ret_date = of_year - (153 * month + 2) / 5 + 1;
    *ret_month = month < 10 ? month + 3 : month - 9;
    *ret_year = (int)(year_of_era + era * 400) + (*ret_month <= 2);
}

static int32_t day_of_civil(int year, int month, int date)
{
    int shifted = year - (month <= 2);
    int era = (int)floor_div(shifted, 400);
    int year_of_era = shifted - era * 400;
    int of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + date - 1;
    int of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    return era * DAYS_PER_ERA + of_era - DAYS_BEFORE_1970;
}

static void put_digits(char *text, int digits, int n)
{
    for (int i = digits - 1; i >= 0; i--, n /= 10)
        text[i] = (char)('0' + n % 10);
}

void day_format(int32_t day, char separator, char ret_text[11])
{
    int year, month, date;
    civil_of_day(day, &year, &month, &date);
    assert(year >= 0 && year <= 9999);
    put_digits(ret_text, 4, year);
    put_digits(ret_text + 5, 2, month);
    put_digits(ret_text + 8, 2, date);
    ret_text[4] = ret_text[7] = separator;
    ret_text[10] = '\0';
}

/* -1: not all digits. */
static int take_digits(const char *text, int digits)
{
    int n = 0;
    for (int i = 0; i < digits; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        n = n * 10 + (text[i] - '0');
    }
    return n;
}

bool day_parse(const char *text, char separator, int32_t *ret_day)
{
    if (strlen(text) != 10)
        return false;
    int year = take_digits(text, 4), month = take_digits(text + 5, 2), date = take_digits(text + 8, 2);
    if (year < 0 || month < 1 || month > 12 || date < 1 || date > 31)
        return false;
    char again[11]; /* 31 April comes back as 1 May, another separator as ours */
    int32_t day = day_of_civil(year, month, date);
    day_format(day, separator, again);
    if (strcmp(text, again) != 0)
        return false;
    *ret_day = day;
    return true;
}

bool offset_parse(const char *text, int *ret_offset_min)
{
    if (strlen(text) != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':')
        return false;
    int hours = take_digits(text + 1, 2), minutes = take_digits(text + 4, 2);
    if (hours < 0 || minutes < 0 || minutes > 59 || hours * 60 + minutes > 14 * 60)
        return false;
    *ret_offset_min = (text[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
    return true;
}
