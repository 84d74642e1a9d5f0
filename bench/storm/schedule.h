/* When each request is due.
 *
 * What: an open-loop schedule. Request i is due at i / rate seconds after the start, or all at once in a burst; nothing
 * that the server does moves it. Why: a generator that waits for answers asks less of a slow server and then praises it
 * ("coordinated omission"). Not: no clock is read here; the caller hands in the time since its start. */
#ifndef WEIR_BENCH_STORM_SCHEDULE_H
#define WEIR_BENCH_STORM_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#define SCHEDULE_RATE_MAX    200000ull   /* requests/s */
#define SCHEDULE_COUNT_MAX   10000000ull /* requests a run */
#define SCHEDULE_SECONDS_MAX 3600ull

/* rate is in requests/s, 1 to SCHEDULE_RATE_MAX, and not looked at in a burst; count is 1 to SCHEDULE_COUNT_MAX. */
struct schedule {
    uint64_t rate;
    uint64_t count;
    bool burst;
};

/* us after the start at which request `index` is due. Computed from the index alone, so that no error adds up. */
uint64_t schedule_due_us(const struct schedule *s, uint64_t index);

/* How many requests are due at elapsed_us, that is: the number of indexes whose due time is not later; at most
 * count. */
uint64_t schedule_due_count(const struct schedule *s, uint64_t elapsed_us);

/* us after the start at which the last request is due. */
uint64_t schedule_last_us(const struct schedule *s);

#endif
