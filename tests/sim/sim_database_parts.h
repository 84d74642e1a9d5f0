/* What sim_database.c and sim_shard.c share: not for others. */
#ifndef WEIR_SIM_DATABASE_PARTS_H
#define WEIR_SIM_DATABASE_PARTS_H

#include "sim/sim_database.h"

/* One partition's part of a transaction that has not committed; it has the lock of the partition's progress. */
struct staged {
    uint64_t id; /* of the transaction; 0: the partition is not locked */
    uint64_t owner;
    int row_count;
    struct shard_row row[BATCH_RECORDS_MAX];
    struct shard_progress after;
    struct shard_total total[SIM_COUPONS_MAX]; /* after it */
};

struct shard {
    uint32_t life;
    struct shard_data now, copy;
    struct staged staged[SIM_PARTITIONS];
};

struct sim_database {
    struct catalog catalog;
    struct shard shard[SIM_LAYOUTS];
    uint64_t transactions;
};

/* The transaction `id`, of which nothing stays; 0 is none. */
void shard_roll_back(struct shard *shard, uint64_t id);

#endif
