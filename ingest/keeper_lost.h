/* Rows that are gone: whose they are, and whether they are back. A rebuild that reads other rows of a shard than its
 * progress counts leaves the coupons closed whose rows are missing, by protocol/row_counts.h, and opens the others.
 *
 *     fold   keeper_lost_find -> the job's list of the shard     rebuild   closed are those in a list
 *     done   keeper_lost_keep -> the keeper's list               round     none in the list owes a rebuild
 *     later  keeper_lost_look, ever more seldom: whose rows are all there leaves the list, and so owes a rebuild
 *
 * The list lives as long as the process: a keeper that leads after another one learns it by one rebuild.
 */
#ifndef WEIR_INGEST_KEEPER_LOST_H
#define WEIR_INGEST_KEEPER_LOST_H

#include "core/sql.h"
#include "schemas/layout.h"

#include <stdatomic.h>

struct keeper;

/* Of one coupon in one table. */
struct lost_rows {
    uint64_t coupon_id;
    int shard;
    int64_t slot;
    uint64_t found;  /* rows that are there */
    uint64_t wanted; /* by the totals */
};

struct lost_list {
    struct lost_rows *item;
    size_t count;
};

struct keeper_lost {
    struct lost_list list;
    int64_t look_at_ms; /* CLOCK_BOOTTIME of the next look */
    int64_t rest_ms;    /* before the one after it */
};

/* A shard in the snapshot of its fold. */
struct lost_scan {
    struct sql *sql;
    int shard;
    char (*table)[TABLE_NAME_MAX]; /* those that are there */
    size_t table_count;
    _Atomic uint64_t *rows_read; /* borrowed; rises: the keeper's thread sees by it that this comes further */
    uint64_t rows_found;         /* of all partitions */
    const uint64_t *rows_wanted; /* of each partition, by progress: keeper->partitions of them */
    bool fewer;                  /* some partition has fewer than that */
};

enum { LOST_TEXT_MAX = 300 };

bool lost_has(const struct lost_list *list, uint64_t coupon_id);
void lost_add(struct lost_list *list, const struct lost_list *more);
void lost_free(struct lost_list *list);
/* One sentence on the first of this coupon's; "" when there is none. */
void lost_text(const struct keeper *keeper, const struct lost_list *list, uint64_t coupon_id,
               char ret_text[LOST_TEXT_MAX]);

/* Appends whose rows are missing. False: could not be asked, or the totals do not tell (err): then nothing of the shard
 * may be believed. Any thread. */
WEIR_MUST_USE bool keeper_lost_find(const struct keeper *keeper, const struct lost_scan *scan, struct lost_list *list,
                                    struct err *err);
/* After a rebuild that came through: takes its list over, in place of what was known before. */
void keeper_lost_keep(struct keeper *keeper, struct lost_list *list);
void keeper_lost_look(struct keeper *keeper); /* when it is time */

#endif
