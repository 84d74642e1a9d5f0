/* Rows of settings that several programs share, so that a name, a bound and a help text are written once. For the
 * tables of core/config.h, which the includer includes:
 *
 *     static const struct setting rows[] = {
 *         SETTINGS_LOG(struct ingest_config, "info"),
 *         SETTING_WHOLE(struct ingest_config, "ingest.redis_ms", redis_ms, "1000", 50, 60000,
 *                       "deadline of one Redis command, ms"),
 *     };
 *
 * The config struct's fields have the names that stand here. What only one program has, stands in its own table.
 */
#ifndef WEIR_SCHEMAS_SETTINGS_H
#define WEIR_SCHEMAS_SETTINGS_H

#define SETTING_WHOLE(struct_, name_, field_, fallback_, min_, max_, help_)                                            \
    {                                                                                                                  \
        .name = (name_), .type = SETTING_INT, .offset = offsetof(struct_, field_), .fallback = (fallback_),            \
        .min = (min_), .max = (max_), .help = (help_)                                                                  \
    }

#define SETTING_LOG_LEVEL(struct_, fallback_)                                                                          \
    {                                                                                                                  \
        .name = "log.level", .type = SETTING_CHOICE, .offset = offsetof(struct_, log_level), .fallback = (fallback_),  \
        .choices = "debug|info|warn|error", .help = "lines below this level are left out"                              \
    }

#define SETTINGS_LOG(struct_)                                                                                          \
    SETTING_LOG_LEVEL(struct_, "info"),                                                                                \
    {                                                                                                                  \
        .name = "log.format", .type = SETTING_CHOICE, .offset = offsetof(struct_, log_format), .fallback = "kv",       \
        .choices = "kv|json", .help = "key=value or JSON lines"                                                        \
    }

#define SETTINGS_SERVICE(struct_, port_)                                                                               \
    SETTING_WHOLE(struct_, "service.drain_ms", drain_ms, "10000", 100, 600000, "how long a stop may take, ms"),        \
        {.name = "http.host",                                                                                          \
         .type = SETTING_TEXT,                                                                                         \
         .offset = offsetof(struct_, http_host),                                                                       \
         .fallback = "127.0.0.1",                                                                                      \
         .min = 1,                                                                                                     \
         .help = "address of the HTTP listener: requests, /metrics, /livez, /readyz"},                                 \
        SETTING_WHOLE(struct_, "http.port", http_port, port_, 0, 65535, "its port; 0: a free one")

/* Of the services that answer clients. */
#define SETTINGS_HTTP(struct_)                                                                                         \
    SETTING_WHOLE(struct_, "http.threads", http_threads, "1", 1, 64, "loops, each with connections of its own"),       \
        SETTING_WHOLE(struct_, "http.connections_max", http_connections_max, "10000", 1, 1000000,                      \
                      "client connections of one loop"),                                                               \
        SETTING_WHOLE(struct_, "http.request_timeout_ms", http_request_timeout_ms, "3000", 100, 60000,                 \
                      "from the first byte of a request to its last, ms"),                                             \
        SETTING_WHOLE(struct_, "http.idle_timeout_ms", http_idle_timeout_ms, "60000", 100, 3600000,                    \
                      "of a connection without a request, ms")

/* `min_` 0 lets it be empty. */
#define SETTING_KAFKA(struct_, min_)                                                                                   \
    {                                                                                                                  \
        .name = "kafka.brokers", .type = SETTING_TEXT, .offset = offsetof(struct_, kafka_brokers),                     \
        .fallback = "127.0.0.1:9092", .min = (min_), .help = "host:port, comma separated"                              \
    }

#define SETTING_REDIS_STOCK(struct_)                                                                                   \
    {                                                                                                                  \
        .name = "redis.stock", .type = SETTING_URL, .offset = offsetof(struct_, redis_stock),                          \
        .fallback = "redis://127.0.0.1:6379/0", .min = 1, .check = redis_check_setting, .help = "the stock's Redis"    \
    }

/* `fallback_` NULL: it must be given. */
#define SETTING_CATALOG(struct_, fallback_)                                                                            \
    {                                                                                                                  \
        .name = "mysql.catalog", .type = SETTING_URL, .offset = offsetof(struct_, mysql_catalog),                      \
        .fallback = (fallback_), .min = 1, .check = sql_check_setting,                                                 \
        .help = "the catalog: mysql://user:password@host:port/database"                                                \
    }

#define SETTING_SHARDS(struct_, fallback_)                                                                             \
    {                                                                                                                  \
        .name = "mysql.shards", .type = SETTING_URLS, .offset = offsetof(struct_, mysql_shards),                       \
        .fallback = (fallback_), .min = 1, .check = sql_check_setting,                                                 \
        .help = "the shards, in order: position is the shard's number"                                                 \
    }

#define SETTING_ADMIN_TOKEN(struct_)                                                                                   \
    {                                                                                                                  \
        .name = "admin.token", .type = SETTING_SECRET, .offset = offsetof(struct_, admin_token), .fallback = "",       \
        .help = "bearer token of the admin requests; empty: they are refused"                                          \
    }

#endif
