/* Settings of weir-keeper. */
#ifndef WEIR_INGEST_KEEPER_CONFIG_H
#define WEIR_INGEST_KEEPER_CONFIG_H

#include "core/config.h"

/* Threads of a fold, each with a connection to its shard. */
enum { KEEPER_FOLDS_MAX = 16 };

struct keeper_config {
    char *log_level;
    char *log_format;
    int64_t drain_ms;
    char *http_host;
    int64_t http_port;
    char *kafka_brokers;
    char *redis_stock;
    char *mysql_catalog;
    struct config_list mysql_shards;
    char *layout;            /* whose rows sweep and rebuild read */
    int64_t tick_ms;         /* between two rounds */
    int64_t lease_ms;        /* how long a leader leads on without a word */
    int64_t stuck_ms;        /* how long a leader may come no further, beside the waits of the protocol */
    int64_t redis_ms;        /* deadline of one Redis command */
    int64_t mysql_ms;        /* deadline of one statement, except the reading of rows in a rebuild */
    int64_t fold_ms;         /* the same for the reading of rows in a rebuild */
    int64_t fold_shards_max; /* that a rebuild holds in memory at once */
    int64_t kafka_ms;        /* deadline of one append */
    int64_t sweep_grabs_max; /* of one coupon at a time */
};

extern const struct config_program keeper_program;

#endif
