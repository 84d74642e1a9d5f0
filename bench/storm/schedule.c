/* The arithmetic of the schedule: whole numbers only, split so that nothing overflows at the bounds of the header. */
#include "bench/storm/schedule.h"

#include <assert.h>

#define US_PER_S 1000000ull

uint64_t schedule_due_us(const struct schedule *s, uint64_t index)
{
    if (s->burst) {
        return 0;
    }
    assert(s->rate > 0 && s->rate <= SCHEDULE_RATE_MAX);
    return index / s->rate * US_PER_S + index % s->rate * US_PER_S / s->rate;
}

uint64_t schedule_due_count(const struct schedule *s, uint64_t elapsed_us)
{
    if (s->burst) {
        return s->count;
    }
    assert(s->rate > 0 && s->rate <= SCHEDULE_RATE_MAX);
    /* due_us rounds down, so index i is due at elapsed when i * US_PER_S < (elapsed + 1) * rate. */
    uint64_t seconds = (elapsed_us + 1) / US_PER_S;
    uint64_t rest_us = (elapsed_us + 1) % US_PER_S;
    uint64_t due = seconds * s->rate + (rest_us * s->rate + US_PER_S - 1) / US_PER_S;
    return due < s->count ? due : s->count;
}

uint64_t schedule_last_us(const struct schedule *s)
{
    assert(s->count > 0);
    return schedule_due_us(s, s->count - 1);
}
