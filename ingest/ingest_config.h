/* Settings of weir-ingest. */
#ifndef WEIR_INGEST_INGEST_CONFIG_H
#define WEIR_INGEST_INGEST_CONFIG_H

#include "core/config.h"

struct ingest_config {
    char *log_level;
    char *log_format;
    int64_t drain_ms;
    char *http_host;
    int64_t http_port;
    int64_t http_threads;         /* loops, each with its own Redis connection, producer and ids */
    int64_t http_connections_max; /* a loop */
    int64_t http_request_timeout_ms;
    int64_t http_idle_timeout_ms;
    char *kafka_brokers;
    char *redis_stock;
    char *mysql_catalog;
    char *admin_token;       /* "": admin requests are refused */
    int64_t grabs_max;       /* in flight in a loop */
    int64_t grabs_min;       /* in flight in a loop, always let in; where it is over grabs_max, that counts */
    int64_t grabs_calm;      /* in flight in a loop before anything was refused; of grabs_min .. grabs_max */
    int64_t target_ms;       /* that grabs may wait for one another */
    int64_t batch_grabs_max; /* in one request */
    bool strict_room;
    int64_t linger_ms;
    int64_t append_ms; /* until a record without a report is given up */
    int64_t redis_ms;
    int64_t redis_pending_max;
    int64_t mysql_ms;
    int64_t catalog_read_ms;
    int64_t id_span_ms;
    int64_t carry_wait_ms;
};

extern const struct config_program ingest_program;

#endif
