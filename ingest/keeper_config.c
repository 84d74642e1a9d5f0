#include "ingest/keeper_config.h"

#define FIELD(field_) offsetof(struct keeper_config, field_)

static const struct setting rows[] = {
    {.name = "log.level", .type = SETTING_CHOICE, .offset = FIELD(log_level), .fallback = "info", .choices = "debug|info|warn|error", .help = "lines below this level are left out"},
    {.name = "log.format", .type = SETTING_CHOICE, .offset = FIELD(log_format), .fallback = "kv", .choices = "kv|json", .help = "key=value or JSON lines"},
    {.name = "service.drain_ms", .type = SETTING_INT, .offset = FIELD(drain_ms), .fallback = "10000", .min = 100, .max = 600000, .help = "how long a stop may take, ms"},
    {.name = "http.host", .type = SETTING_TEXT, .offset = FIELD(http_host), .fallback = "127.0.0.1", .min = 1, .help = "address of the listener of /metrics, /livez, /readyz"},
    {.name = "http.port", .type = SETTING_INT, .offset = FIELD(http_port), .fallback = "8082", .min = 1, .max = 65535, .help = "its port"},
    {.name = "kafka.brokers", .type = SETTING_TEXT, .offset = FIELD(kafka_brokers), .fallback = "127.0.0.1:9092", .min = 1, .help = "host:port, comma separated"},
    {.name = "redis.stock", .type = SETTING_URL, .offset = FIELD(redis_stock), .fallback = "redis://127.0.0.1:6379/0", .min = 1, .help = "the stock's Redis"},
    {.name = "mysql.catalog", .type = SETTING_URL, .offset = FIELD(mysql_catalog), .fallback = NULL, .min = 1, .help = "the catalog: mysql://user:password@host:port/database"},
    {.name = "mysql.shards", .type = SETTING_URLS, .offset = FIELD(mysql_shards), .fallback = NULL, .min = 1, .help = "the shards, in order: position is the shard's number"},
    {.name = "keeper.layout", .type = SETTING_CHOICE, .offset = FIELD(layout), .fallback = "hash", .choices = "hash|daily", .help = "layout whose rows a sweep and a rebuild read"},
    {.name = "keeper.tick_ms", .type = SETTING_INT, .offset = FIELD(tick_ms), .fallback = "200", .min = 10, .max = 1000, .help = "time between two looks at the coupons, ms"},
    {.name = "keeper.redis_ms", .type = SETTING_INT, .offset = FIELD(redis_ms), .fallback = "2000", .min = 50, .max = 60000, .help = "deadline of one Redis command, ms"},
    {.name = "keeper.mysql_ms", .type = SETTING_INT, .offset = FIELD(mysql_ms), .fallback = "5000", .min = 50, .max = 60000, .help = "deadline of one MySQL statement, ms"},
    {.name = "keeper.fold_ms", .type = SETTING_INT, .offset = FIELD(fold_ms), .fallback = "120000", .min = 1000, .max = 3600000, .help = "deadline of one statement that reads rows for a rebuild, ms"},
    {.name = "keeper.kafka_ms", .type = SETTING_INT, .offset = FIELD(kafka_ms), .fallback = "5000", .min = 100, .max = 60000, .help = "deadline of one append, ms"},
    {.name = "keeper.sweep_grabs_max", .type = SETTING_INT, .offset = FIELD(sweep_grabs_max), .fallback = "100000", .min = 1, .max = 1000000, .help = "grabs of one coupon swept at a time"},
};

const struct config_program keeper_program = {
    .name = "weir-keeper",
    .summary = "keeps the stock in Redis: first open, sweep, rebuild, and the carrying of admin changes",
    .usage = "",
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
};
