/* A log-linear histogram of microseconds: 32 buckets a power of two, so a quantile is right within 1/32; bounded, no
 * allocation. Method: HdrHistogram (G. Tene). One writer; merge to read from elsewhere. */
#ifndef WEIR_CORE_HIST_H
#define WEIR_CORE_HIST_H

#include <stdint.h>

enum { HIST_SUB = 32, HIST_POWERS = 40, HIST_BUCKETS = HIST_SUB * HIST_POWERS };

struct hist {
    uint64_t count;
    uint64_t sum_us;
    uint64_t max_us;
    uint64_t bucket[HIST_BUCKETS];
};

void hist_record(struct hist *hist, uint64_t us);
void hist_merge(struct hist *into, const struct hist *from);
uint64_t hist_quantile(const struct hist *hist, double q); /* us; 0 when empty; q in 0..1 */

#endif
