/* Tables of days that a shard should have and has not: a read that passed over one would be silently partial (I9). Days
 * that were dropped past the retention are no such (schemas/table_day.h). The totals are asked only where a table is
 * missing.
 */
#ifndef WEIR_QUERY_DAYS_H
#define WEIR_QUERY_DAYS_H

#include "core/sql.h"
#include "query/plan.h"

struct days_range {
    int64_t first, last; /* days since 1970, both included */
};

/* Pure: narrows `range` to begin with the first day that has no table and may have lost it; false: there is none.
 * `slots` as listed and sorted. */
WEIR_MUST_USE bool days_narrow(const struct plan_slots *slots, int32_t today, struct days_range *range);
/* Pure: a day that rows were stored in. */
bool days_lost(const struct plan_slots *slots, int64_t day, int32_t today);
/* Pure: the days of a range that rows of the plan's partitions were stored in; `?` is layout, first and last day. */
void days_used_sql(const struct plan *plan, int shard, struct buf *ret_sql);

/* ERR_MISSING names the newest table of the range that is gone. Ask after the tables were listed, and when it fails
 * list them once more: one may have been made and filled in between. */
WEIR_MUST_USE bool days_check(const struct plan *plan, int shard, const struct plan_slots *slots,
                              struct days_range range, struct sql *sql, struct err *err);
bool days_fail(const struct stream *stream, const struct layout *layout, int64_t day, struct err *err); /* false */

#endif
