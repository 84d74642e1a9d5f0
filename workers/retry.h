/* The delays between tries of something that is away: doubling from `min_ms` to `max_ms`, each between half and the
 * whole of its step, so that many workers do not come back at the same moment. Pure: randomness is a seed that the
 * caller hands in. One thread. */
#ifndef WEIR_WORKERS_RETRY_H
#define WEIR_WORKERS_RETRY_H

#include <stdint.h>

struct retry {
    int64_t min_ms;
    int64_t max_ms;
    int64_t step_ms; /* of the next delay; 0: at the beginning */
    uint64_t seed;   /* xorshift state, never 0 */
};

void retry_init(struct retry *retry, int64_t min_ms, int64_t max_ms, uint64_t seed);
/* The delay before the next try. */
int64_t retry_next_ms(struct retry *retry);
/* It worked: the next failure begins with the shortest delay again. */
void retry_reset(struct retry *retry);

#endif
