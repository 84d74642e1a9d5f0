/* The simulated catalog, and one shard a layout: rows, totals and progress in one place, changed by transactions.
 *
 *     transaction   begin (progress is locked, moved, rows inserted; nothing is seen yet) -> commit | rolled back
 *
 * A transaction has a part in one partition or in several, all of which go in together.
 * A transaction whose connection is gone keeps its lock until the server finds out. A failover puts a lagging copy in
 * place: rows and progress go back together, and what was under way is lost. So does somebody who puts one partition
 * back from a copy. The catalog may be away, and loses nothing.
 */
#ifndef WEIR_SIM_DATABASE_H
#define WEIR_SIM_DATABASE_H

#include "protocol/fold.h"
#include "sim/sim_call.h"
#include "sim/sim_log.h"

enum { ROWS_MAX = 96, BATCH_RECORDS_MAX = 4, NODES_MAX = 3 };

struct coupon_row {
    uint64_t total, opened, version;
    uint32_t limit;
    int64_t hold_ms;
    bool gate_open;
};

struct catalog {
    uint64_t epoch;
    struct coupon_row coupon[SIM_COUPONS_MAX]; /* of coupons 1, 2, ... */
    int64_t node_end_ms[NODES_MAX];
    int leader; /* a keeper's index, -1: none */
    int64_t leader_until_us;
    int64_t away_until_us; /* it runs nothing and answers nobody before */
};

struct shard_row {
    uint64_t grab_id, user, coupon;
    bool ok;
    bool lost; /* gone: only the checks, and who puts it back, know of it still */
    char try_key[TRY_BYTES];
};

struct shard_progress {
    int64_t next;
    uint64_t owner;
    struct fold_state fold;
    struct fold_counts counts;
    uint64_t moved_by; /* for the checks: the transaction that moved it last */
};

/* Rows that were stored. */
struct shard_total {
    uint64_t ok, voided;
};

struct shard_data {
    int row_count;
    struct shard_row row[ROWS_MAX];
    struct shard_progress progress[SIM_PARTITIONS];
    struct shard_total total[SIM_PARTITIONS][SIM_COUPONS_MAX];
};

struct sim_database *database_new(void);
void database_reset(struct world *world);
struct catalog *database_catalog(struct world *world);
void database_catalog_goes(struct world *world); /* it comes back by itself, or with the end of all faults */
void database_catalog_back(struct world *world);
bool database_catalog_is_away(const struct world *world);
uint32_t database_shard_life(const struct world *world, int layout);
const struct shard_data *database_shard(const struct world *world, int layout);
const struct shard_row *shard_find(const struct shard_data *data, uint64_t grab_id); /* NULL: no row */
bool shard_has_lost(const struct shard_data *data, uint64_t grab_id);                /* it had the row */
/* What a reader finds: all but rows that are lost. */
void shard_read(const struct shard_data *data, struct shard_data *ret_read);
/* Loses this row, or puts it back; progress and totals stay. */
void database_set_lost(struct world *world, int layout, int row, bool lost);
void database_fail_over(struct world *world, int layout);
/* One partition's rows, totals and progress go back to the copy's, by hand; the others stay. */
void database_put_back(struct world *world, int layout, int partition);

/* ---- calls; `call->shard` is the layout ---- */

/* Of partition in[0], sets the owner in[1]; out: 1, next, epoch. 0: the row is locked. */
void shard_own(struct world *world, struct call *call);
/* Progress of each part under its lock: out[0]: 1, and what is found. 0: one of them is locked. */
void shard_ask_progress(struct world *world, struct call *call);
/* All of a transaction but its commit: its parts; in[0]: whether it looks rows up. out[0]: a shard_begun. */
enum shard_begun { BEGUN_LOCKED, BEGUN_LOST, BEGUN_REFUSED, BEGUN_STAGED };
/* STAGED: out[1] is the transaction. LOST: out[1] is the partition whose part is not as it says, with what is found. */
void shard_begin(struct world *world, struct call *call);
/* in[0]: the transaction. out[0]: 1 when it was still there, and what is found then. */
void shard_commit(struct world *world, struct call *call);
/* The connection of this call is gone: its transaction is rolled back when the server finds out. */
void shard_forget(struct world *world, const struct call *call);
/* The row of grab in[1]: out: 0 none, 1 VOID, 2 OK; and progress: epoch of partition in[0] in out[1]. out[2], for the
 * checks: it is lost. */
void shard_read_row(struct world *world, struct call *call);

#endif
