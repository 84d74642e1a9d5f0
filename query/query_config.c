#include "query/query_config.h"

#include "core/redis.h"
#include "core/sql.h"
#include "schemas/settings.h"

#define FIELD(field_) offsetof(struct query_config, field_)

static const struct setting rows[] = {
    SETTINGS_LOG(struct query_config),
    SETTINGS_SERVICE(struct query_config, "8083"),
    SETTINGS_HTTP(struct query_config),
    SETTING_KAFKA(struct query_config, 0), /* only for the lag that /admin tells; empty: none is told */
    SETTING_REDIS_STOCK(struct query_config),
    SETTING_CATALOG(struct query_config, NULL),
    SETTING_SHARDS(struct query_config, NULL),
    {.name = "redis.cache",
     .type = SETTING_URL,
     .offset = FIELD(redis_cache),
     .fallback = "",
     .check = redis_check_setting,
     .help = "the cache's Redis; no answer is cached, so nothing is sent to it"},
    SETTING_WHOLE(struct query_config, "query.deadline_ms", deadline_ms, "2000", 50, 60000,
                  "from a question to its answer, ms; a shard that needs longer has failed"),
    SETTING_WHOLE(struct query_config, "query.connect_ms", connect_ms, "1000", 50, 60000,
                  "deadline of a new connection to a shard, ms"),
    SETTING_WHOLE(struct query_config, "query.redis_ms", redis_ms, "500", 10, 60000,
                  "deadline of the look at the stock in Redis, ms"),
    SETTING_WHOLE(struct query_config, "query.shard_connections", shard_connections, "4", 1, 256,
                  "connections to each shard, and to the catalog"),
    SETTING_WHOLE(struct query_config, "query.shard_questions_max", shard_questions_max, "256", 1, 100000,
                  "questions that wait for one shard; further ones get 503"),
    SETTING_WHOLE(struct query_config, "query.shard_retry_ms", shard_retry_ms, "500", 10, 60000,
                  "between two tries of a shard that failed, ms; questions to it fail at once meanwhile"),
    SETTING_WHOLE(struct query_config, "query.catalog_read_ms", catalog_read_ms, "1000", 50, 60000,
                  "between two reads of the routes, ms"),
    SETTING_WHOLE(struct query_config, "query.lag_read_ms", lag_read_ms, "1000", 100, 60000,
                  "between two looks at the ends of the topic, ms"),
};

const struct config_program query_program = {
    .name = "weir-query",
    .summary = "answers reads from the shards, the catalog and the stock",
    .usage = "",
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
};
