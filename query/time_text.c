#include "query/time_text.h"

#include "schemas/layout.h"
#include <string.h>

enum { DATE_LEN = 10, TIME_LEN = 8, FRACTION_DIGITS_MAX = 12, MS_PER_DAY = 86400000 };

struct reader {
    const char *at;
    const char *end;
};

static bool take_number(struct reader *reader, int digits, int max, int *ret_number)
{
    int number = 0;
    if (reader->end - reader->at < digits)
        return false;
    for (int i = 0; i < digits; i++, reader->at++) {
        if (*reader->at < '0' || *reader->at > '9')
            return false;
        number = number * 10 + (*reader->at - '0');
    }
    *ret_number = number;
    return number <= max;
}

static bool take_one_of(struct reader *reader, const char *chars, char *ret_char)
{
    if (reader->at == reader->end || *reader->at == '\0' || strchr(chars, *reader->at) == NULL)
        return false;
    *ret_char = *reader->at++;
    return true;
}

static bool take_day(struct reader *reader, int32_t *ret_day)
{
    char text[DATE_LEN + 1] = "";
    if (reader->end - reader->at < DATE_LEN)
        return false;
    memcpy(text, reader->at, DATE_LEN);
    reader->at += DATE_LEN;
    return day_parse(text, '-', ret_day);
}

static bool take_clock(struct reader *reader, int64_t *ret_ms)
{
    int hour, minute, second;
    char colon;
    if (!take_number(reader, 2, 23, &hour) || !take_one_of(reader, ":", &colon) ||
        !take_number(reader, 2, 59, &minute) || !take_one_of(reader, ":", &colon) ||
        !take_number(reader, 2, 59, &second))
        return false;
    *ret_ms = ((int64_t)hour * 3600 + minute * 60 + second) * 1000;
    return true;
}

/* ".1", ".123", ".123456": none is 0 ms, and what is below a ms counts as one more. */
static bool take_fraction(struct reader *reader, int64_t *ret_ms)
{
    char dot;
    int64_t ms = 0, weight = 100;
    bool below = false;
    *ret_ms = 0;
    if (!take_one_of(reader, ".", &dot))
        return true;
    int digits = 0;
    for (; reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9'; reader->at++, digits++) {
        ms += weight * (*reader->at - '0');
        below = below || (weight == 0 && *reader->at != '0');
        weight /= 10;
    }
    *ret_ms = ms + below;
    return digits > 0 && digits <= FRACTION_DIGITS_MAX;
}

static bool take_offset(struct reader *reader, int64_t *ret_ms)
{
    char sign, colon;
    int hours, minutes;
    *ret_ms = 0;
    if (take_one_of(reader, "Zz", &sign))
        return true;
    if (!take_one_of(reader, "+- ", &sign) || !take_number(reader, 2, 23, &hours) ||
        !take_one_of(reader, ":", &colon) || !take_number(reader, 2, 59, &minutes))
        return false;
    *ret_ms = (sign == '-' ? -1 : 1) * ((int64_t)hours * 60 + minutes) * 60000;
    return true;
}

bool time_text_parse(const char *text, size_t len, int64_t *ret_ms)
{
    struct reader reader = {text, text + len};
    int32_t day;
    int64_t clock_ms, fraction_ms, offset_ms;
    char separator;
    if (!take_day(&reader, &day) || !take_one_of(&reader, "Tt ", &separator) || !take_clock(&reader, &clock_ms) ||
        !take_fraction(&reader, &fraction_ms) || !take_offset(&reader, &offset_ms) || reader.at != reader.end)
        return false;
    *ret_ms = (int64_t)day * MS_PER_DAY + clock_ms + fraction_ms - offset_ms;
    return true;
}
