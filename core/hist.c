/* Buckets: row 0 holds 0..31 us, one bucket each; row r > 0 holds 2^(r+4) .. 2^(r+5)-1 us in 32 equal steps. The last
 * row ends at 2^44 us (203 days); what is longer goes into its last bucket, and only max_us keeps it exactly. */
#include "core/hist.h"

#include <assert.h>
#include <stddef.h>

enum { SUB_BITS = 5 };
_Static_assert(HIST_SUB == 1 << SUB_BITS, "a row holds 2^SUB_BITS buckets");

static size_t bucket_of(uint64_t us)
{
    if (us < HIST_SUB)
        return (size_t)us;
    unsigned shift = 63u - (unsigned)__builtin_clzll(us) - SUB_BITS;
    size_t at = (shift + 1) * (size_t)HIST_SUB + (size_t)((us >> shift) - HIST_SUB);
    return at < HIST_BUCKETS ? at : HIST_BUCKETS - 1;
}

/* The largest value that bucket `at` holds. */
static uint64_t bucket_top(size_t at)
{
    assert(at < HIST_BUCKETS);
    if (at < HIST_SUB)
        return at;
    unsigned shift = (unsigned)(at / HIST_SUB) - 1;
    return ((at % HIST_SUB + HIST_SUB + 1) << shift) - 1;
}

void hist_record(struct hist *hist, uint64_t us)
{
    hist->count++;
    hist->sum_us += us;
    if (us > hist->max_us)
        hist->max_us = us;
    hist->bucket[bucket_of(us)]++;
}

void hist_merge(struct hist *into, const struct hist *from)
{
    into->count += from->count;
    into->sum_us += from->sum_us;
    if (from->max_us > into->max_us)
        into->max_us = from->max_us;
    for (size_t at = 0; at < HIST_BUCKETS; at++)
        into->bucket[at] += from->bucket[at];
}

/* The 1-based place of quantile `q` among `count` values: the smallest place that covers q of them. */
static uint64_t rank_of(double q, uint64_t count)
{
    if (!(q > 0))
        return 1;
    if (q >= 1)
        return count;
    double exact = q * (double)count;
    uint64_t rank = (uint64_t)exact;
    if ((double)rank < exact)
        rank++;
    return rank < 1 ? 1 : rank > count ? count : rank;
}

uint64_t hist_quantile(const struct hist *hist, double q)
{
    if (hist->count == 0)
        return 0;
    uint64_t rank = rank_of(q, hist->count), seen = 0;
    for (size_t at = 0; at < HIST_BUCKETS - 1; at++) {
        seen += hist->bucket[at];
        if (seen >= rank)
            return bucket_top(at) < hist->max_us ? bucket_top(at) : hist->max_us;
    }
    return hist->max_us;
}
