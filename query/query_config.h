/* Settings of weir-query. */
#ifndef WEIR_QUERY_QUERY_CONFIG_H
#define WEIR_QUERY_QUERY_CONFIG_H

#include "core/config.h"

struct query_config {
    char *log_level;
    char *log_format;
    int64_t drain_ms;
    char *http_host;
    int64_t http_port;
    int64_t http_threads;         /* loops, each with a Redis connection of its own */
    int64_t http_connections_max; /* a loop */
    int64_t http_request_timeout_ms;
    int64_t http_idle_timeout_ms;
    char *kafka_brokers; /* for the lag that /admin tells; "" asks nobody */
    char *redis_stock;
    char *redis_cache;
    char *mysql_catalog;
    struct config_list mysql_shards;
    int64_t deadline_ms;         /* of one question, from its first byte read to its answer */
    int64_t connect_ms;          /* of a new connection to a shard or the catalog */
    int64_t redis_ms;            /* of the look at the stock */
    int64_t shard_connections;   /* connections, and threads, of one shard; the catalog has as many */
    int64_t shard_questions_max; /* waiting for one shard */
    int64_t shard_retry_ms;      /* between two tries of a shard that failed */
    int64_t catalog_read_ms;     /* between two reads of the routes */
    int64_t lag_read_ms;         /* between two looks at the topic's ends */
};

extern const struct config_program query_program;

#endif
