/* Settings of `weir`. Only the servers that a command asks for must be right; so nothing here must be given. */
#include "ops/cli/init.h"

#include "core/redis.h"
#include "core/sql.h"
#include "schemas/layout.h"
#include "schemas/route.h"

#define FIELD(field_) offsetof(struct cli_config, field_)

static const char *check_time_zone(const char *text)
{
    int offset_min;
    return offset_parse(text, &offset_min) ? NULL : "must be an offset from UTC, such as +08:00";
}

static const char *check_layouts(const char *text)
{
    char name[LAYOUT_NAME_MAX];
    bool any = false;
    while (layouts_next(&text, name)) {
        if (layout_find(name) == NULL)
            return "must name layouts, hash or daily, comma separated";
        any = true;
    }
    return any ? NULL : "must name at least one layout";
}

static const struct setting rows[] = {
    {.name = "log.level",
     .type = SETTING_CHOICE,
     .offset = FIELD(log_level),
     .fallback = "warn",
     .choices = "debug|info|warn|error",
     .help = "log lines below this level are left out; what a command has to say is not a log line"},
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
     .fallback = "mysql://weir@127.0.0.1:3306/weir_catalog",
     .min = 1,
     .check = sql_check_setting,
     .help = "the catalog: mysql://user:password@host:port/database"},
    {.name = "mysql.shards",
     .type = SETTING_URLS,
     .offset = FIELD(mysql_shards),
     .fallback = "mysql://weir@127.0.0.1:3306/weir_shard_0",
     .min = 1,
     .check = sql_check_setting,
     .help = "the shards, in order: position is the shard's number"},
    {.name = "admin.token",
     .type = SETTING_SECRET,
     .offset = FIELD(admin_token),
     .fallback = "",
     .help = "bearer token of the admin API; weir coupon needs it"},
    {.name = "front.url",
     .type = SETTING_URL,
     .offset = FIELD(front_url),
     .fallback = "http://127.0.0.1:8080",
     .min = 1,
     .help = "the front door, where the admin API is"},
    {.name = "status.services",
     .type = SETTING_TEXT,
     .offset = FIELD(status_services),
     .fallback = "ingest=http://127.0.0.1:8081,keeper=http://127.0.0.1:8082,query=http://127.0.0.1:8083,"
                 "worker-hash=http://127.0.0.1:8084,worker-daily=http://127.0.0.1:8085",
     .help = "services that weir status asks: name=http://host:port, comma separated; empty: none"},
    {.name = "tool.timeout_ms",
     .type = SETTING_INT,
     .offset = FIELD(timeout_ms),
     .fallback = "10000",
     .min = 100,
     .max = 600000,
     .help = "deadline of one call to a server, ms"},
    {.name = "init.partitions",
     .type = SETTING_INT,
     .offset = FIELD(partitions),
     .fallback = "16",
     .min = 1,
     .max = ROUTE_PARTITIONS_MAX,
     .help = "partitions of a new topic; the number never changes in a topic's life"},
    {.name = "init.replication",
     .type = SETTING_INT,
     .offset = FIELD(replication),
     .fallback = "1",
     .min = 1,
     .max = 15,
     .help = "brokers that hold a copy of each partition of a new topic"},
    {.name = "init.min_insync",
     .type = SETTING_INT,
     .offset = FIELD(min_insync),
     .fallback = "1",
     .min = 1,
     .max = 15,
     .help = "copies that must have a record before it is acknowledged"},
    {.name = "init.hold_ms",
     .type = SETTING_INT,
     .offset = FIELD(hold_ms),
     .fallback = "10000",
     .min = 1000,
     .max = 600000,
     .help = "hold of the coupons that weir seed makes, ms"},
    {.name = "init.layouts",
     .type = SETTING_TEXT,
     .offset = FIELD(layouts),
     .fallback = "hash,daily",
     .min = 1,
     .help = "layouts that get a route, tables and progress rows: those that have workers; comma separated",
     .check = check_layouts},
    {.name = "init.time_zone",
     .type = SETTING_TEXT,
     .offset = FIELD(time_zone),
     .fallback = "+00:00",
     .min = 1,
     .help = "the sale's time zone, which decides where a day begins; fixed when the catalog is made",
     .check = check_time_zone},
};

const struct config_program cli_program = {
    .name = "weir",
    .summary = "Commands: init, seed, status, coupon, tables; each has its own --help behind its name.",
    .usage = "COMMAND [options]",
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
};
