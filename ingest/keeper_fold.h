/* The fold of a rebuild: of each partition the rows of one layout at their progress, in one snapshot, then the log from
 * that offset to the rebuild's own barrier. So it never waits for a lagging worker. The rule is protocol/fold.h's. */
#ifndef WEIR_INGEST_KEEPER_FOLD_H
#define WEIR_INGEST_KEEPER_FOLD_H

#include "ingest/keeper.h"
#include "ingest/keeper_claims.h"

struct fold_job {
    uint64_t epoch;                        /* of the rebuild */
    const char *by;                        /* its random id, which its barriers carry */
    int64_t barrier[ROUTE_PARTITIONS_MAX]; /* offset of its barrier in each partition */
};

/* Folds all partitions of one shard into `claims`. LOST: a foreign barrier at or above the epoch was met. NO_ANSWER:
 * err; `claims` may hold a part: throw it away. */
enum step_outcome keeper_fold_shard(struct keeper *keeper, const struct fold_job *job, int shard, struct claims *claims,
                                    struct err *err);

#endif
