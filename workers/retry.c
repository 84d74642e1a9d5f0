#include "workers/retry.h"

#include <assert.h>

void retry_init(struct retry *retry, int64_t min_ms, int64_t max_ms, uint64_t seed)
{
    assert(min_ms > 0 && min_ms <= max_ms);
    *retry = (struct retry){.min_ms = min_ms, .max_ms = max_ms, .seed = seed ? seed : 1};
}

/* xorshift64 (G. Marsaglia, "Xorshift RNGs", 2003). */
static uint64_t retry_random(struct retry *retry)
{
    retry->seed ^= retry->seed << 13;
    retry->seed ^= retry->seed >> 7;
    retry->seed ^= retry->seed << 17;
    return retry->seed;
}

int64_t retry_next_ms(struct retry *retry)
{
    int64_t step_ms = retry->step_ms == 0 ? retry->min_ms : retry->step_ms;
    retry->step_ms = step_ms > retry->max_ms / 2 ? retry->max_ms : step_ms * 2;
    const int64_t half_ms = step_ms / 2;
    return step_ms - (int64_t)(retry_random(retry) % (uint64_t)(half_ms + 1));
}

void retry_reset(struct retry *retry)
{
    retry->step_ms = 0;
}
