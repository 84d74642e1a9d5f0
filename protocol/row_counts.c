#include "protocol/row_counts.h"

#include "core/buf.h"
#include <stdlib.h>
#include <string.h>

void row_counts_free(struct row_counts *counts)
{
    free(counts->entry);
    *counts = (struct row_counts){0};
}

/* Index of the first entry that is not below (slot, coupon). */
static size_t lower_bound(const struct row_counts *counts, int64_t slot, uint64_t coupon_id)
{
    size_t low = 0, high = counts->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct row_count *entry = &counts->entry[middle];
        if (entry->slot < slot || (entry->slot == slot && entry->coupon_id < coupon_id))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct row_counts *counts, size_t at, int64_t slot, uint64_t coupon_id)
{
    return at < counts->count && counts->entry[at].slot == slot && counts->entry[at].coupon_id == coupon_id;
}

static struct row_count *entry_of(struct row_counts *counts, int64_t slot, uint64_t coupon_id)
{
    const size_t at = lower_bound(counts, slot, coupon_id);
    if (is_at(counts, at, slot, coupon_id))
        return &counts->entry[at];
    counts->entry = mem_grow(counts->entry, (counts->count + 1) * sizeof *counts->entry);
    memmove(counts->entry + at + 1, counts->entry + at, (counts->count - at) * sizeof *counts->entry);
    counts->count++;
    counts->entry[at] = (struct row_count){.slot = slot, .coupon_id = coupon_id};
    return &counts->entry[at];
}

void row_counts_add_row(struct row_counts *counts, int64_t slot, uint64_t coupon_id, bool ok)
{
    struct row_count *entry = entry_of(counts, slot, coupon_id);
    *(ok ? &entry->rows_ok : &entry->rows_void) += 1;
}

void row_counts_add_total(struct row_counts *counts, int64_t slot, uint64_t coupon_id, uint64_t ok, uint64_t voided)
{
    struct row_count *entry = entry_of(counts, slot, coupon_id);
    entry->totals_ok += ok;
    entry->totals_void += voided;
}

const struct row_count *row_counts_find(const struct row_counts *counts, int64_t slot, uint64_t coupon_id)
{
    const size_t at = lower_bound(counts, slot, coupon_id);
    return is_at(counts, at, slot, coupon_id) ? &counts->entry[at] : NULL;
}

bool row_count_whole(const struct row_count *entry)
{
    return entry->rows_ok >= entry->totals_ok && entry->rows_void >= entry->totals_void;
}

bool row_counts_tell(const uint64_t *totals, const uint64_t *progress_rows, size_t partitions)
{
    for (size_t i = 0; i < partitions; i++)
        if (totals[i] < progress_rows[i])
            return false;
    return true;
}
