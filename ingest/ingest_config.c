#include "ingest/ingest_config.h"

#include "core/redis.h"
#include "core/sql.h"

#include "ingest/catalog_copy.h"

#define FIELD(field_) offsetof(struct ingest_config, field_)
#define INT(name_, field_, fallback_, min_, max_, help_)                                                               \
    {                                                                                                                  \
        .name = (name_), .type = SETTING_INT, .offset = FIELD(field_), .fallback = (fallback_), .min = (min_),         \
        .max = (max_), .help = (help_)                                                                                 \
    }

static const struct setting rows[] = {
    {.name = "log.level",
     .type = SETTING_CHOICE,
     .offset = FIELD(log_level),
     .fallback = "info",
     .choices = "debug|info|warn|error",
     .help = "lines below this level are left out"},
    {.name = "log.format",
     .type = SETTING_CHOICE,
     .offset = FIELD(log_format),
     .fallback = "kv",
     .choices = "kv|json",
     .help = "key=value or JSON lines"},
    INT("service.drain_ms", drain_ms, "10000", 100, 600000, "how long a stop may take, ms"),
    {.name = "http.host",
     .type = SETTING_TEXT,
     .offset = FIELD(http_host),
     .fallback = "127.0.0.1",
     .min = 1,
     .help = "address of the HTTP listener"},
    INT("http.port", http_port, "8081", 1, 65535, "its port"),
    INT("http.threads", http_threads, "1", 1, 64, "loops, each with a Redis connection and a producer of its own"),
    INT("http.connections_max", http_connections_max, "10000", 1, 1000000, "client connections of one loop"),
    INT("http.request_timeout_ms", http_request_timeout_ms, "3000", 100, 60000,
        "from the first byte of a request to its last, ms"),
    INT("http.idle_timeout_ms", http_idle_timeout_ms, "60000", 100, 3600000, "of a connection without a request, ms"),
    {.name = "kafka.brokers",
     .type = SETTING_TEXT,
     .offset = FIELD(kafka_brokers),
     .fallback = "127.0.0.1:9092",
     .min = 1,
     .help = "host:port, comma separated"},
    {.name = "redis.stock",
     .type = SETTING_URL,
     .offset = FIELD(redis_stock),
     .fallback = "redis://127.0.0.1:6379/0",
     .min = 1,
     .check = redis_check_setting,
     .help = "the stock's Redis"},
    {.name = "mysql.catalog",
     .type = SETTING_URL,
     .offset = FIELD(mysql_catalog),
     .fallback = NULL,
     .min = 1,
     .check = sql_check_setting,
     .help = "the catalog: mysql://user:password@host:port/database"},
    {.name = "admin.token",
     .type = SETTING_SECRET,
     .offset = FIELD(admin_token),
     .fallback = "",
     .help = "bearer token of the admin requests; empty: they are refused"},
    INT("ingest.grabs_max", grabs_max, "16384", 16, 1000000, "grabs in flight in one loop; further ones get 429"),
    INT("ingest.batch_grabs_max", batch_grabs_max, "1000", 1, 1000, "grabs in one batch request"),
    {.name = "ingest.strict_room",
     .type = SETTING_BOOL,
     .offset = FIELD(strict_room),
     .fallback = "false",
     .help = "refuse a grab whose room_id is not the coupon's"},
    INT("ingest.linger_ms", linger_ms, "1", 0, 2, "how long a record waits for others to go with, ms"),
    INT("ingest.append_ms", append_ms, "3000", 100, 60000,
        "how long a record may stay without a report before its grab is answered as unknown, ms"),
    INT("ingest.redis_ms", redis_ms, "1000", 50, 60000, "deadline of one Redis command, ms"),
    INT("ingest.redis_pending_max", redis_pending_max, "20000", 16, 1000000, "script calls in flight of one loop"),
    INT("ingest.mysql_ms", mysql_ms, "3000", 50, 60000, "deadline of one catalog statement, ms"),
    INT("ingest.catalog_read_ms", catalog_read_ms, "300", 50, CATALOG_READ_MS_MAX,
        "time from the begin of one read of the coupons to the next, ms"),
    INT("ingest.id_span_ms", id_span_ms, "300000", 1000, 3600000, "id time leased at once, ms"),
    INT("ingest.carry_wait_ms", carry_wait_ms, "2000", 0, 60000,
        "how long an admin request waits for the keeper before it is answered 202, ms"),
};

const struct config_program ingest_program = {
    .name = "weir-ingest",
    .summary = "takes grabs: reserves in Redis, appends to Kafka, answers, settles",
    .usage = "",
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
};
