/* Whose rows a rebuild may believe, where a partition's rows are not as many as its progress says.
 *
 * Rows, totals and the counts of progress are moved by one transaction, so in one snapshot they agree unless something
 * was lost. Rows that are gone (a table that was dropped, rows that somebody deleted) would be taken for units that
 * were not sold, and sold again. More rows than are counted sell nothing twice: a progress row that was lost and made
 * anew counts from 0, and finds the rows of before as duplicates.
 *
 *     totals >= progress   in every partition: a coupon whose rows are at least as many as its totals, in every table,
 *                          has lost none: it may be opened. Each other one stays as CLOSE left it, building, which is
 *                          what a rebuild that ends just before its OPEN leaves.
 *     totals < progress    the totals have lost something too: nobody knows whose rows are missing, none is opened
 *
 * (I1, I5; the caller has one of these a shard.) Pure.
 */
#ifndef WEIR_PROTOCOL_ROW_COUNTS_H
#define WEIR_PROTOCOL_ROW_COUNTS_H

#include "core/err.h"
#include <stddef.h>
#include <stdint.h>

struct row_count {
    int64_t slot; /* of the table (schemas/layout.h) */
    uint64_t coupon_id;
    uint64_t rows_ok, rows_void;     /* as they were read */
    uint64_t totals_ok, totals_void; /* as they should be */
};

struct row_counts {
    struct row_count *entry; /* sorted by slot, then coupon */
    size_t count;
};

void row_counts_free(struct row_counts *counts); /* begins as {0} */
void row_counts_add_row(struct row_counts *counts, int64_t slot, uint64_t coupon_id, bool ok);
void row_counts_add_total(struct row_counts *counts, int64_t slot, uint64_t coupon_id, uint64_t ok, uint64_t voided);
/* NULL: neither rows nor totals. */
const struct row_count *row_counts_find(const struct row_counts *counts, int64_t slot, uint64_t coupon_id);

/* The rows of this coupon in this table are all there. */
bool row_count_whole(const struct row_count *entry);
/* In each partition the totals are at least as many as the OK and VOID rows that progress counts, so that
 * row_count_whole tells each coupon. */
bool row_counts_tell(const uint64_t *totals, const uint64_t *progress_rows, size_t partitions);

#endif
