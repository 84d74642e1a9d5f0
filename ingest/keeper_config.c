#include "ingest/keeper_config.h"

#include "core/redis.h"
#include "core/sql.h"
#include "schemas/layout.h"
#include "schemas/settings.h"

#define FIELD(field_) offsetof(struct keeper_config, field_)

static const struct setting rows[] = {
    SETTINGS_LOG(struct keeper_config),
    SETTINGS_SERVICE(struct keeper_config, "8082"),
    SETTING_KAFKA(struct keeper_config, 1),
    SETTING_REDIS_STOCK(struct keeper_config),
    SETTING_CATALOG(struct keeper_config, NULL),
    SETTING_SHARDS(struct keeper_config, NULL),
    {.name = "keeper.layout",
     .type = SETTING_CHOICE,
     .offset = FIELD(layout),
     .fallback = "hash",
     .choices = LAYOUT_CHOICES,
     .help = "layout whose rows a sweep and a rebuild read"},
    SETTING_WHOLE(struct keeper_config, "keeper.tick_ms", tick_ms, "200", 10, 1000,
                  "time between two looks at the coupons, ms"),
    SETTING_WHOLE(struct keeper_config, "keeper.lease_ms", lease_ms, "5000", 1000, 600000,
                  "silence of the keeper that leads after which another one does, ms"),
    SETTING_WHOLE(struct keeper_config, "keeper.stuck_ms", stuck_ms, "30000", 1000, 3600000,
                  "time without any progress after which the keeper that leads gives another one its turn, ms"),
    SETTING_WHOLE(struct keeper_config, "keeper.redis_ms", redis_ms, "2000", 50, 60000,
                  "deadline of one Redis command, ms"),
    SETTING_WHOLE(struct keeper_config, "keeper.mysql_ms", mysql_ms, "5000", 50, 60000,
                  "deadline of one MySQL statement; of one that reads whole tables, for its next row, ms"),
    SETTING_WHOLE(struct keeper_config, "keeper.fold_ms", fold_ms, "120000", 1000, 3600000,
                  "deadline of a rebuild for the rows of one shard, and for the log of one partition, ms"),
    SETTING_WHOLE(struct keeper_config, "keeper.fold_shards_max", fold_shards_max, "4", 1, KEEPER_FOLDS_MAX,
                  "shards that a rebuild folds side by side and holds in memory at once"),
    SETTING_WHOLE(struct keeper_config, "keeper.kafka_ms", kafka_ms, "5000", 100, 60000,
                  "deadline of one append, and of a look at topic or record, ms"),
    SETTING_WHOLE(struct keeper_config, "keeper.sweep_grabs_max", sweep_grabs_max, "100000", 1, 1000000,
                  "grabs of one coupon swept at a time"),
};

const struct config_program keeper_program = {
    .name = "weir-keeper",
    .summary = "keeps the stock in Redis: first open, sweep, rebuild, and the carrying of admin changes",
    .usage = "",
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
};
