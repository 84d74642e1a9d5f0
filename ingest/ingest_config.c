#include "ingest/ingest_config.h"

#include "core/redis.h"
#include "core/sql.h"
#include "ingest/catalog_copy.h"
#include "schemas/settings.h"

#define FIELD(field_) offsetof(struct ingest_config, field_)

static const struct setting rows[] = {
    SETTINGS_LOG(struct ingest_config),
    SETTINGS_SERVICE(struct ingest_config, "8081"),
    SETTINGS_HTTP(struct ingest_config),
    SETTING_KAFKA(struct ingest_config, 1),
    SETTING_REDIS_STOCK(struct ingest_config),
    SETTING_CATALOG(struct ingest_config, NULL),
    SETTING_ADMIN_TOKEN(struct ingest_config),
    SETTING_WHOLE(struct ingest_config, "ingest.grabs_max", grabs_max, "16384", 16, 1000000,
                  "grabs in flight in one loop, at most; further ones get 429, and one batch may go beyond it"),
    SETTING_WHOLE(struct ingest_config, "ingest.grabs_min", grabs_min, "64", 1, 1000000,
                  "grabs in flight in one loop that are let in whatever time they take"),
    SETTING_WHOLE(struct ingest_config, "ingest.grabs_calm", grabs_calm, "256", 1, 1000000,
                  "grabs in flight in one loop that are let in before an overload has been measured: the fortieth part "
                  "of what it can take in a second is a queue of 25 ms"),
    SETTING_WHOLE(struct ingest_config, "ingest.target_ms", target_ms, "8", 1, 60000,
                  "how long grabs may wait for one another in Redis and Kafka before further ones get 429, ms"),
    SETTING_WHOLE(struct ingest_config, "ingest.batch_grabs_max", batch_grabs_max, "1000", 1, 1000,
                  "grabs in one batch request"),
    {.name = "ingest.strict_room",
     .type = SETTING_BOOL,
     .offset = FIELD(strict_room),
     .fallback = "false",
     .help = "refuse a grab whose room_id is not the coupon's"},
    SETTING_WHOLE(struct ingest_config, "ingest.linger_ms", linger_ms, "1", 0, 2,
                  "how long a record waits for others to go with, ms"),
    SETTING_WHOLE(struct ingest_config, "ingest.append_ms", append_ms, "3000", 100, 60000,
                  "how long a record may stay without a report before its grab is answered as unknown, ms"),
    SETTING_WHOLE(struct ingest_config, "ingest.redis_ms", redis_ms, "1000", 50, 60000,
                  "deadline of one Redis command, ms"),
    SETTING_WHOLE(struct ingest_config, "ingest.redis_pending_max", redis_pending_max, "20000", 16, 1000000,
                  "script calls in flight of one loop"),
    SETTING_WHOLE(struct ingest_config, "ingest.mysql_ms", mysql_ms, "3000", 50, 60000,
                  "deadline of one catalog statement, ms"),
    SETTING_WHOLE(struct ingest_config, "ingest.catalog_read_ms", catalog_read_ms, "300", 50, CATALOG_READ_MS_MAX,
                  "time from the begin of one read of the coupons to the next, ms"),
    SETTING_WHOLE(struct ingest_config, "ingest.id_span_ms", id_span_ms, "300000", 1000, 3600000,
                  "id time leased at once, ms"),
    SETTING_WHOLE(struct ingest_config, "ingest.carry_wait_ms", carry_wait_ms, "2000", 0, 60000,
                  "how long an admin request waits for the keeper before it is answered 202, ms"),
};

const struct config_program ingest_program = {
    .name = "weir-ingest",
    .summary = "takes grabs: reserves in Redis, appends to Kafka, answers, settles",
    .usage = "",
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
};
