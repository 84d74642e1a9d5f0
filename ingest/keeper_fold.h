/* The fold of a rebuild: of each partition the rows of one layout at their progress, in one snapshot, then the log from
 * that offset to the rebuild's own barrier. So it never waits for a lagging worker. The rule is protocol/fold.h's. */
#ifndef WEIR_INGEST_KEEPER_FOLD_H
#define WEIR_INGEST_KEEPER_FOLD_H

#include "ingest/keeper.h"
#include "ingest/keeper_claims.h"

struct fold_job {
    uint64_t epoch;                          /* of the rebuild */
    const char *by;                          /* its random id, which its barriers carry */
    int64_t barrier[ROUTE_PARTITIONS_MAX];   /* offset of its barrier in each partition */
    struct rebuild_progress *progress;       /* borrowed; its atomic counters rise */
    atomic_bool stop;                        /* whoever folds gives up */
    _Atomic uint64_t epoch_met;              /* the highest foreign barrier at or above the epoch; 0: none */
    struct lost_list lost[ROUTE_SHARDS_MAX]; /* whose rows are missing: not to be opened; the caller frees them */
};

/* A shard may still hold rows of partitions that an older route put there: they are counted where the route has them
 * now. Any thread. */
bool keeper_routed_here(const struct keeper *keeper, int64_t partition, int shard);

/* Folds all partitions of one shard into `claims`. LOST: a foreign barrier at or above the epoch was met. NO_ANSWER:
 * err; `claims` may hold a part: throw it away. Any thread: of the keeper it reads settings and route alone. */
enum step_outcome keeper_fold_shard(const struct keeper *keeper, struct fold_job *job, int shard, struct claims *claims,
                                    struct err *err);
/* The shards [first, first + count), at most KEEPER_FOLDS_MAX, side by side, more than once where an answer is lacking;
 * `claims` has one for each of them, made by claims_init. NO_ANSWER: err, and what is in `claims` and the job's lists is a
 * part. The keeper's thread. */
enum step_outcome keeper_fold_shards(struct keeper *keeper, struct fold_job *job, size_t first, size_t count,
                                     struct claims *claims, struct err *err);

#endif
