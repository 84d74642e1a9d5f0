/* The clocks. Protocol waits use CLOCK_BOOTTIME (never stepped, counts suspend); wall clocks are for people and ids
 * only. */
#ifndef WEIR_CORE_CLOCK_H
#define WEIR_CORE_CLOCK_H

#include <stdint.h>

int64_t clock_boottime_us(void);
int64_t clock_boottime_ms(void);
int64_t clock_realtime_ms(void); /* since 1970-01-01 UTC */
void clock_sleep_ms(int64_t ms); /* back-off of a background thread; never in a request's path */

/* "2026-11-20T12:00:00.123Z" or with an offset "+08:00"; `offset_min` is minutes east of UTC, -840..840. RFC 3339.
 * Times outside the years 1 to 9999 are shown as the nearest that is inside. */
#define CLOCK_TEXT_MAX 40
void clock_format(int64_t realtime_ms, int offset_min, char ret_text[CLOCK_TEXT_MAX]);
/* "2026-11-20 12:00:00.123": MySQL's DATETIME(3), in the given offset. */
void clock_format_sql(int64_t realtime_ms, int offset_min, char ret_text[CLOCK_TEXT_MAX]);

#endif
