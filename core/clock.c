/* Reading and showing time. No time zone database: an offset in minutes is all that is known, so that results never
 * depend on the machine. */
#include "core/clock.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const int64_t FIRST_MS = -62135596800000; /* 0001-01-01T00:00:00.000Z */
static const int64_t LAST_MS = 253402300799999;  /* 9999-12-31T23:59:59.999Z */

static struct timespec clock_read(clockid_t id)
{
    struct timespec now = {0};
    int rc = clock_gettime(id, &now);
    assert(rc == 0);
    (void)rc;
    return now;
}

int64_t clock_boottime_us(void)
{
    struct timespec now = clock_read(CLOCK_BOOTTIME);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_boottime_ms(void)
{
    return clock_boottime_us() / 1000;
}

int64_t clock_realtime_ms(void)
{
    struct timespec now = clock_read(CLOCK_REALTIME);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void clock_sleep_ms(int64_t ms)
{
    if (ms <= 0)
        return;
    struct timespec left = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
        continue;
}

/* Writes the date, `separator` and the time with milliseconds; returns its length. */
static int format_local(int64_t realtime_ms, int offset_min, char separator, char ret_text[CLOCK_TEXT_MAX])
{
    assert(offset_min >= -840 && offset_min <= 840);
    realtime_ms = realtime_ms < FIRST_MS ? FIRST_MS : realtime_ms > LAST_MS ? LAST_MS : realtime_ms;
    int64_t local = realtime_ms + (int64_t)offset_min * 60000;
    local = local < FIRST_MS ? FIRST_MS : local > LAST_MS ? LAST_MS : local;
    int64_t ms = ((local % 1000) + 1000) % 1000;
    time_t second = (time_t)((local - ms) / 1000);
    struct tm tm;
    gmtime_r(&second, &tm);
    int len =
        snprintf(ret_text, CLOCK_TEXT_MAX, "%04u-%02u-%02u%c%02u:%02u:%02u.%03u", (unsigned)(tm.tm_year + 1900) % 10000,
                 (unsigned)(tm.tm_mon + 1) % 100, (unsigned)tm.tm_mday % 100, separator, (unsigned)tm.tm_hour % 100,
                 (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100, (unsigned)ms % 1000);
    assert(len == 23);
    return len;
}

void clock_format(int64_t realtime_ms, int offset_min, char ret_text[CLOCK_TEXT_MAX])
{
    int len = format_local(realtime_ms, offset_min, 'T', ret_text);
    unsigned away = (unsigned)abs(offset_min);
    char *zone = ret_text + len;
    if (away == 0)
        (void)snprintf(zone, (size_t)(CLOCK_TEXT_MAX - len), "Z");
    else
        (void)snprintf(zone, (size_t)(CLOCK_TEXT_MAX - len), "%c%02u:%02u", offset_min < 0 ? '-' : '+', away / 60,
                       away % 60);
}

void clock_format_sql(int64_t realtime_ms, int offset_min, char ret_text[CLOCK_TEXT_MAX])
{
    (void)format_local(realtime_ms, offset_min, ' ', ret_text);
}
