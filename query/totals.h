/* Sums of the totals table, by one key, of one shard or of several added up. The arithmetic is pure; totals_select asks
 * one shard.
 *
 * Rows are never counted: the totals are moved by the transaction that stores them.
 */
#ifndef WEIR_QUERY_TOTALS_H
#define WEIR_QUERY_TOTALS_H

#include "core/buf.h"
#include "core/sql.h"
#include "query/map.h"

struct total {
    int64_t key; /* coupon_id, or a day since 1970 */
    uint64_t ok;
    uint64_t voids;
};

/* Sorted by key, rising, each key once. */
struct totals {
    struct total *item;
    size_t count, cap;
};

void totals_add(struct totals *totals, struct total total); /* at the end; totals_sort() restores the order */
void totals_sort(struct totals *totals);                    /* and adds up equal keys */
void totals_add_all(struct totals *totals, const struct totals *more);
struct total totals_sum(const struct totals *totals);                      /* key 0 */
const struct total *totals_find(const struct totals *totals, int64_t key); /* NULL: not there */
void totals_clear(struct totals *totals);
void totals_free(struct totals *totals); /* back to {0} */

enum totals_key { TOTALS_BY_SUBJECT, TOTALS_BY_DAY };
/* Pure: the statement; `?` is the layout's name and, when `one`, the subject (coupon_id). */
void totals_sql(const struct stream *stream, const struct map_layout *layout, int shard, enum totals_key by, bool one,
                struct buf *ret_sql);
/* Replaces `totals` with the shard's. `subject` 0: all. On a pool's thread. */
WEIR_MUST_USE bool totals_select(struct totals *totals, const struct stream *stream, const struct map_layout *layout,
                                 int shard, enum totals_key by, uint64_t subject, struct sql *sql, struct err *err);

#endif
