/* Settings of `weir`. Only the servers that a command asks for must be right; so nothing here must be given. */
#include "ops/cli/init.h"

#include "core/redis.h"
#include "core/sql.h"
#include "schemas/layout.h"
#include "schemas/route.h"
#include "schemas/settings.h"

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
            return "must name layouts, of " LAYOUT_CHOICES ", comma separated";
        any = true;
    }
    return any ? NULL : "must name at least one layout";
}

static const struct setting rows[] = {
    SETTING_LOG_LEVEL(struct cli_config, "warn"),
    SETTING_KAFKA(struct cli_config, 1),
    SETTING_REDIS_STOCK(struct cli_config),
    SETTING_CATALOG(struct cli_config, "mysql://weir@127.0.0.1:3306/weir_catalog"),
    SETTING_SHARDS(struct cli_config, "mysql://weir@127.0.0.1:3306/weir_shard_0"),
    SETTING_ADMIN_TOKEN(struct cli_config),
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
    SETTING_WHOLE(struct cli_config, "tool.timeout_ms", timeout_ms, "10000", 100, 600000,
                  "deadline of one call to a server, ms"),
    SETTING_WHOLE(struct cli_config, "init.partitions", partitions, "16", 1, ROUTE_PARTITIONS_MAX,
                  "partitions of a new topic; the number never changes in a topic's life"),
    SETTING_WHOLE(struct cli_config, "init.replication", replication, "1", 1, 15,
                  "brokers that hold a copy of each partition of a new topic"),
    SETTING_WHOLE(struct cli_config, "init.min_insync", min_insync, "1", 1, 15,
                  "copies that must have a record before it is acknowledged"),
    SETTING_WHOLE(struct cli_config, "init.hold_ms", hold_ms, "10000", 1000, 600000,
                  "hold of the coupons that weir seed makes, ms"),
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
    .summary = "Commands: init, seed, status, coupon, tables, audit; each has its own --help behind its name.",
    .usage = "COMMAND [options]",
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
};
