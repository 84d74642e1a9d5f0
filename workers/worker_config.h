/* The settings of weir-worker. */
#ifndef WEIR_WORKERS_WORKER_CONFIG_H
#define WEIR_WORKERS_WORKER_CONFIG_H

#include "core/config.h"

struct worker_config {
    char *log_level;
    char *log_format;
    int64_t drain_ms;
    char *http_host;
    int64_t http_port;
    char *kafka_brokers;
    char *mysql_catalog;
    struct config_list mysql_shards;
    char *stream;
    char *layout;
    int64_t batch_rows_max;
    int64_t batch_bytes_max;
    int64_t batch_age_ms;
    int64_t batch_gap_ms;
    int64_t fetch_bytes_max;
    int64_t session_timeout_ms;
    int64_t poll_interval_ms_max;
    int64_t connect_timeout_ms;
    int64_t query_timeout_ms;
    int64_t retry_ms_max;
    int64_t days_ahead;
};

extern const struct config_program worker_program;

#endif
