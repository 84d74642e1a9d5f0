/* The catalog's tables (DDL) and the SQL that several services send to it; statements name their parameters in order.
 *
 *     meta            one row: epoch, cluster (32 characters), partitions, offset_min (time zone, minutes east of UTC)
 *     users           user_id, name, level, created_at
 *     live_rooms      room_id, title, hot (0, 1), created_at
 *     coupons         see below
 *     coupon_details  coupon_id, description, terms (apart: vertical split)
 *     routes          stream, layout, version, partition, shard, active
 *     leases          node, end_ms
 *     leaders         role, holder, place, lease_ms, ends_at: who does what only one process should do
 *     stock_logs      id, what sql_stock_log names, at
 */
#ifndef WEIR_SCHEMAS_CATALOG_H
#define WEIR_SCHEMAS_CATALOG_H

#include "core/err.h"
#include <stddef.h>
#include <stdint.h>

/* CREATE TABLE IF NOT EXISTS, in order. */
extern const char *const catalog_ddl[];
extern const size_t catalog_ddl_count;

/* cluster id, partitions, offset_min: the one row, epoch 1; leaves an existing one as it is */
extern const char sql_meta_make[];
extern const char sql_meta_read[];  /* -> epoch, cluster, partitions, offset_min */
extern const char sql_epoch_read[]; /* -> epoch */
/* seen: epoch = LAST_INSERT_ID(one more than the larger of both): then SELECT LAST_INSERT_ID() on the same
 * connection */
extern const char sql_epoch_raise[];

/* coupons: coupon_id (AUTO_INCREMENT: NULL takes the next), room_id, title, total, per_user_limit (1), opens_at_ms,
 * ends_at_ms (0: never), gate ('open'|'closed'), hold_ms, opened (0 or the epoch of its first open), version,
 * created_at */

/* -> coupon_id, room_id, title, total, per_user_limit, opens_at_ms, ends_at_ms, gate, hold_ms, opened, version */
extern const char sql_coupons_read[];
extern const char sql_coupon_read[];         /* coupon_id -> the same */
extern const char sql_coupons_newest[];      /* limit -> the same, newest first */
extern const char sql_coupons_of_room[];     /* room_id, limit -> the same, newest first */
extern const char sql_coupon_details_read[]; /* coupon_id -> description, terms */
extern const char sql_catalog_counts[]; /* -> rooms, coupons, coupons opened, users (the server's estimate), epoch */
extern const char sql_coupon_claim[];   /* E, coupon_id: CAS opened 0 -> E; 1 row, or lost */
/* coupon_id, room_id, title, total, per_user_limit, opens_at_ms, ends_at_ms, gate, hold_ms */
extern const char sql_coupon_make[];
extern const char sql_coupon_details_make[]; /* coupon_id, description, terms */
extern const char sql_coupon_restock[];      /* add, coupon_id (version + 1) */
extern const char sql_coupon_gate[];         /* gate, coupon_id (version + 1) */
/* coupon_id, action, before_total, after_total, before_left (nullable), after_left (nullable), epoch, reason.
 * action: create, restock, open, close, first_open, rebuild */
extern const char sql_stock_log[];

/* leases: spans of id time. One transaction: sql_lease_pick (FOR UPDATE SKIP LOCKED: the node whose span ended first)
 * then sql_lease_take. */
extern const char sql_lease_make[]; /* node: the rows 0..1023, made by init */
extern const char sql_lease_pick[]; /* -> node, end_ms (since 1970) */
extern const char sql_lease_take[]; /* end_ms, node */
extern const char
    sql_lease_give[]; /* end_ms, node, the end_ms that was taken: 1 row when nobody took it since, else 0 */

/* routes: stream, layout, version, partition, shard, active */
/* stream, layout -> version, partition, shard: of the active version, ordered by partition */
extern const char sql_route_read[];
/* stream, layout, version, partition, shard, active: leaves an existing row as it is */
extern const char sql_route_make[];

/* leaders: one row a role, led until `ends_at` by the catalog's clock. Time is the catalog's alone, so that no two
 * hosts have to agree on it; an end further away than the lease was made before this clock was stepped back, and is
 * past. */
#define LEADER_KEEPER "keeper"
extern const char sql_leader_make[]; /* role: a row that nobody holds; leaves an existing one as it is */
/* holder, place, lease_ms, lease_ms, role, holder: 1 row when it is this holder's for lease_ms from now, else 0 */
extern const char sql_leader_take[];
extern const char sql_leader_read[]; /* role -> holder, place, ms that are left: 0 when nobody leads */
extern const char sql_leader_give[]; /* role, holder: the lease ends now */

/* One coupon row in memory; texts are copied. A hold past COUPON_HOLD_MS_MAX that is found where somebody spoilt a row
 * or a mark is none: a rebuild would wait by it. */
enum { COUPON_TITLE_MAX = 120, COUPON_HOLD_MS_MAX = 3600000 };
/* The largest id that somebody may choose for a coupon (2^53 - 1, exact in every reader of JSON). Ids that the catalog
 * takes come behind the largest one that is there, and must not run out. */
#define COUPON_ID_CHOSEN_MAX INT64_C(9007199254740991)
struct coupon {
    uint64_t coupon_id;
    uint64_t total;
    uint64_t opened;
    uint64_t version;
    int64_t opens_at_ms; /* since 1970 */
    int64_t ends_at_ms;  /* 0: never */
    int64_t hold_ms;
    uint32_t room_id;
    uint32_t per_user_limit;
    bool gate_open;
    bool broken; /* made by coupon_from_broken_cells */
    char title[COUPON_TITLE_MAX + 1];
};
struct value;
/* From the cells of sql_coupon(s)_read; a title over COUPON_TITLE_MAX bytes is cut at a whole character. ERR_DATA when
 * the row is not of this shape. */
WEIR_MUST_USE bool coupon_from_cells(const struct value *cells, size_t count, struct coupon *ret_coupon,
                                     struct err *err);
/* What is left of a row that coupon_from_cells refused: its id; `opened` and `hold_ms` as far as they can be, else 1,
 * as if it had been opened, and 0; `broken` is set, and all else is zero. False: it has no id either. */
WEIR_MUST_USE bool coupon_from_broken_cells(const struct value *cells, size_t count, struct coupon *ret_coupon);

#endif
