#include "workers/worker_config.h"

#include "core/sql.h"
#include "schemas/layout.h"
#include "schemas/settings.h"
#include "schemas/stream.h"

static const char *check_stream(const char *text)
{
    return stream_find(text) ? NULL : "must name a stream: grabs or readings";
}

#define AT(field_) .offset = offsetof(struct worker_config, field_)

static const struct setting rows[] = {
    SETTINGS_LOG(struct worker_config),
    SETTINGS_SERVICE(struct worker_config, "8084"),
    SETTING_KAFKA(struct worker_config, 1),
    SETTING_CATALOG(struct worker_config, NULL),
    SETTING_SHARDS(struct worker_config, NULL),
    {.name = "worker.stream",
     .type = SETTING_TEXT,
     AT(stream),
     .fallback = "grabs",
     .min = 1,
     .check = check_stream,
     .help = "what is stored: grabs or readings"},
    {.name = "worker.layout",
     .type = SETTING_CHOICE,
     AT(layout),
     .fallback = "hash",
     .choices = LAYOUT_CHOICES,
     .help = "which tables it fills"},
    SETTING_WHOLE(struct worker_config, "worker.batch_rows_max", batch_rows_max, "5000", 1, 100000,
                  "records of one transaction"),
    SETTING_WHOLE(struct worker_config, "worker.batch_bytes_max", batch_bytes_max, "8388608", 1024, 268435456,
                  "bytes of one transaction's records (one record more may pass it)"),
    SETTING_WHOLE(struct worker_config, "worker.batch_age_ms", batch_age_ms, "200", 1, 60000,
                  "longest gathering of one transaction, ms; it ends at once when there is no more"),
    SETTING_WHOLE(
        struct worker_config, "worker.batch_gap_ms", batch_gap_ms, "20", 0, 1000,
        "shortest time between two transactions of a shard, ms; a batch that is full does not wait, nor does the "
        "first one after a silence"),
    SETTING_WHOLE(struct worker_config, "worker.fetch_bytes_max", fetch_bytes_max, "67108864", 1048576, 4294967296,
                  "bytes that are read ahead, of the process"),
    SETTING_WHOLE(struct worker_config, "worker.session_timeout_ms", session_timeout_ms, "10000", 1000, 300000,
                  "silence after which the group gives this process's partitions to others, ms; at most "
                  "worker.poll_interval_ms_max"),
    SETTING_WHOLE(struct worker_config, "worker.poll_interval_ms_max", poll_interval_ms_max, "60000", 5000, 600000,
                  "longest hang of this process's group thread, ms"),
    SETTING_WHOLE(struct worker_config, "worker.connect_timeout_ms", connect_timeout_ms, "3000", 100, 60000,
                  "of a connection to a database, ms"),
    SETTING_WHOLE(struct worker_config, "worker.query_timeout_ms", query_timeout_ms, "5000", 100, 600000,
                  "of one statement, ms"),
    SETTING_WHOLE(struct worker_config, "worker.retry_ms_max", retry_ms_max, "5000", 100, 60000,
                  "longest wait between two tries in an outage, ms"),
    SETTING_WHOLE(struct worker_config, "worker.days_ahead", days_ahead, "2", 0, 30,
                  "tables of days made ahead, days after today"),
};

/* The client library's own rule: a member that is silent for the session has lost its partitions, whatever it may hang. */
static bool check_timeouts(const void *arg, struct err *err)
{
    const struct worker_config *config = arg;
    return config->session_timeout_ms <= config->poll_interval_ms_max ||
           err_set(err, ERR_USAGE,
                   "worker.session_timeout_ms: must be at most worker.poll_interval_ms_max (%lld), not %lld",
                   (long long)config->poll_interval_ms_max, (long long)config->session_timeout_ms);
}

const struct config_program worker_program = {
    .name = "weir-worker",
    .summary = "stores the log of a stream in the tables of one layout",
    .usage = "",
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
    .check = check_timeouts,
};
