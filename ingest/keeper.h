/* The keeper of the stock: nothing else ever writes stock in Redis.
 *
 *     keeper_round   look at every coupon -> first open | carry | sweep
 *                    any coupon without a valid mark -> rebuild of all
 *
 * One thread does it all, blocking, with deadlines on each call; a rebuild has further ones for its folds, and the
 * lease has its own. Any number of keepers may run: one leads, by a lease in the catalog (keeper_lease.h), and all are
 * correct without it. What a keeper decides comes from protocol/rebuild.h and protocol/sweep.h; how Redis changes, from
 * schemas/lua.
 */
#ifndef WEIR_INGEST_KEEPER_H
#define WEIR_INGEST_KEEPER_H

#include "core/kafka.h"
#include "core/redis.h"
#include "core/sql.h"
#include "ingest/coupon_rows.h"
#include "ingest/keeper_config.h"
#include "ingest/keeper_lease.h"
#include "ingest/keeper_lost.h"
#include "ingest/keeper_progress.h"
#include "protocol/rebuild.h"
#include "schemas/catalog.h"
#include "schemas/route.h"
#include "schemas/shard_identity.h"
#include "schemas/stock.h"
#include "schemas/stream.h"

struct service_part;
struct sweep;

/* The connections. Each is opened when it is needed, and closed when a call on it came back without an answer. */
struct keeper_links {
    struct sql *catalog;
    struct redis_sync *redis;
    struct kafka_producer *producer;
    struct kafka_admin *admin;
    struct sql *shard[ROUTE_SHARDS_MAX];
};

/* What was known of a coupon when it was last served. */
struct coupon_seen {
    uint64_t coupon_id;
    uint64_t version;
    uint64_t opened;
};

/* KEEPER_LOOK_MS: between two looks at the marks of all coupons. Rests: of what comes back by itself, and of what somebody
 * has to mend. */
enum { KEEPER_LOOK_MS = 1000, KEEPER_REST_MS_MAX = 5000, KEEPER_MEND_MS_MAX = 60000, KEEPER_WHY_MAX = 400 };

struct keeper {
    const struct keeper_config *config; /* borrowed */
    const struct stream *stream;
    const struct stream_layout *layout;
    struct keeper_links links;
    struct keeper_lease *lease;
    bool leads;                    /* in this round */
    uint64_t epoch;                /* of the catalog, read at the begin of the round */
    uint64_t epoch_seen;           /* the highest that a mark or a barrier was found with: a rebuild's is above it */
    int64_t hold_seen_ms;          /* the longest hold that a mark was found with: a rebuild waits no less */
    char cluster[CLUSTER_MAX + 1]; /* the catalog's: whose shards these must be */
    int32_t partitions;
    int offset_min; /* the sale's time zone */
    struct route route;
    struct coupon *coupons; /* sorted by id; of this round's read; broken ones (coupon_rows.h) among them */
    size_t coupon_count, coupon_cap;
    struct coupon_rows rows;
    struct coupon_seen *seen; /* as `coupons` was in the last round */
    size_t seen_count;
    int64_t went_on_ms;                 /* CLOCK_BOOTTIME: the lease was told of it; 0: not yet in this turn */
    int64_t looked_at_ms;               /* CLOCK_BOOTTIME of the last look at all marks; 0: none */
    struct sweep *sweeps;               /* at most SWEEPS_OF_COUPON_MAX a coupon */
    uint64_t spoilt_coupon;             /* a script of a sweep failed on its keys: it needs a rebuild; 0: none */
    unsigned rebuilds_failed;           /* since the last one that came through */
    int64_t rebuild_rest_ms;            /* no rebuild before this, CLOCK_BOOTTIME */
    struct rebuild_turn turn;           /* between keepers that both believe to lead */
    char append_waits[KEEPER_WHY_MAX];  /* why sweeps can append nothing; "": they can */
    char rebuild_waits[KEEPER_WHY_MAX]; /* why one that is owed is not done; "": none is owed */
    struct keeper_lost lost;            /* coupons that a rebuild left closed, for their rows are missing */
    struct rebuild_progress progress;   /* of the last rebuild */
    int64_t shards_look_ms;             /* shards that are not connected are tried no more before this */
    /* A sweep found it away: it asks no more before this, CLOCK_BOOTTIME. */
    int64_t shard_rest_ms[ROUTE_SHARDS_MAX];
    int64_t partition_rest_ms[ROUTE_PARTITIONS_MAX];
    struct redis_script scripts[STOCK_SCRIPTS];
    struct service_part *part;
};

void keeper_init(struct keeper *keeper, const struct keeper_config *config);
void keeper_run(struct keeper *keeper); /* rounds until the service stops */
void keeper_close(struct keeper *keeper);
/* The work came further: the lease lasts for keeper.stuck_ms, what a rebuild or a sweep waits, and `more_ms` from now. */
void keeper_goes_on(struct keeper *keeper, int64_t more_ms);
/* Pure: how long to rest after `failed` (>= 1) rebuilds in a row that did not come through: 1, 2, 4 … ticks, up to
 * `rest_ms_max`. Each try raises the epoch and appends barriers, so they must not pile up. */
int64_t keeper_rest_ms(unsigned failed, int64_t tick_ms, int64_t rest_ms_max);

/* keeper_links.c: each answers the live connection, or NULL with err. That of a shard is to the database that its place
 * in mysql.shards says: ERR_CONFLICT when it is another one. */
struct sql *keeper_catalog(struct keeper *keeper, struct err *err);
struct redis_sync *keeper_redis(struct keeper *keeper, struct err *err);
struct kafka_producer *keeper_producer(struct keeper *keeper, struct err *err);
struct kafka_admin *keeper_admin(struct keeper *keeper, struct err *err);
struct sql *keeper_shard(struct keeper *keeper, int shard, struct err *err);
/* Opens those that are not open. False: one is of another place or installation (err). One that is away is no error
 * here, and is not tried again at once. */
WEIR_MUST_USE bool keeper_shards_are_ours(struct keeper *keeper, struct err *err);
/* One of its own. `mysql_ms` bounds the silence between two rows, not a statement that reads whole tables: that is the
 * caller's to do. The caller closes it; any thread. */
struct sql *keeper_shard_open(const struct keeper *keeper, int shard, struct err *err);
void keeper_drop_dead_links(struct keeper *keeper); /* after any failed call */
/* Queues one record; its report comes by kafka_producer_reports with `opaque`. False: certainly not persisted. */
WEIR_MUST_USE bool keeper_produce(struct keeper *keeper, int32_t partition, const void *event, void *opaque,
                                  struct err *err);
/* Appends one record of the stream until it is reported persisted, or the service stops, or `kafka_ms` passed
 * (STEP_NO_ANSWER). */
enum step_outcome keeper_append(struct keeper *keeper, int32_t partition, const void *event, int64_t *ret_offset,
                                struct err *err);

/* keeper_stock.c: one script on one coupon. DONE or LOST as the script says, NO_ANSWER with err. An err of kind
 * ERR_DATA says that the coupon's keys are not what Weir wrote: a rebuild deletes them. */
enum step_outcome stock_building(struct keeper *keeper, uint64_t coupon_id, uint64_t epoch, struct err *err);
enum step_outcome stock_claims(struct keeper *keeper, uint64_t coupon_id, uint64_t epoch, const struct redis_arg *pairs,
                               size_t count, struct err *err);
enum step_outcome stock_open(struct keeper *keeper, const struct coupon *coupon, uint64_t epoch, uint64_t left,
                             struct err *err);
enum step_outcome stock_carry(struct keeper *keeper, const struct coupon *coupon, struct err *err);
struct stock_look {
    struct mark_view mark;
    uint64_t version;
    int64_t left;
    uint64_t pending;
    int64_t hold_ms; /* 0: the mark names none */
};
/* Keys that can not be read are no mark: MARK_MISSING. */
WEIR_MUST_USE bool stock_look(struct keeper *keeper, uint64_t coupon_id, struct stock_look *ret_look, struct err *err);
/* Evaluates a script with `args` behind run id and replid; the reply is the caller's. NULL: no answer, err says why. */
struct redis_reply *stock_eval(struct keeper *keeper, enum stock_script script, uint64_t coupon_id,
                               const struct redis_arg *args, size_t count, struct err *err);
struct redis_arg stock_arg_u64(char text[21], uint64_t n);
enum { STOCK_ARGS_MAX = 1000 }; /* of one script call, behind the keys */

/* keeper_open.c */
enum step_outcome keeper_first_open(struct keeper *keeper, const struct coupon *coupon, struct err *err);
WEIR_MUST_USE bool keeper_log_stock(struct keeper *keeper, const struct coupon *coupon, const char *action,
                                    int64_t left, uint64_t epoch, const char *reason, struct err *err);
WEIR_MUST_USE bool keeper_read_epoch(struct keeper *keeper, uint64_t *ret_epoch, struct err *err);
WEIR_MUST_USE bool keeper_read_coupon(struct keeper *keeper, uint64_t coupon_id, struct coupon *ret_coupon,
                                      struct err *err);
WEIR_MUST_USE bool keeper_read_coupons(struct keeper *keeper, struct err *err);

/* keeper_rebuild.c: all coupons that were ever opened below the new epoch. */
int64_t keeper_wait_ms(const struct keeper *keeper); /* how long a rebuild waits */
enum step_outcome keeper_rebuild(struct keeper *keeper, const char *reason, struct err *err);

/* keeper_sweep.c */
/* Takes the grabs that are due and in no sweep of this coupon yet; nothing when there are none, or when the coupon has
 * SWEEPS_OF_COUPON_MAX sweeps or one that was begun just now. */
void sweep_begin(struct keeper *keeper, const struct coupon *coupon, const struct stock_look *look);
void sweep_advance(struct keeper *keeper);    /* every sweep by as many steps as it can take without waiting */
void sweep_forget_all(struct keeper *keeper); /* after a rebuild: their marks are gone */

#endif
