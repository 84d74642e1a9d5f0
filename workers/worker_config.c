#include "workers/worker_config.h"

#include "core/sql.h"
#include "schemas/stream.h"

static const char *check_stream(const char *text)
{
    return stream_find(text) ? NULL : "must name a stream: grabs or readings";
}

#define AT(field_) .offset = offsetof(struct worker_config, field_)

static const struct setting rows[] = {
    {.name = "log.level", .type = SETTING_CHOICE, AT(log_level), .fallback = "info", .choices = "debug|info|warn|error", .help = "least level that is written"},
    {.name = "log.format", .type = SETTING_CHOICE, AT(log_format), .fallback = "kv", .choices = "kv|json", .help = "form of log lines"},
    {.name = "service.drain_ms", .type = SETTING_INT, AT(drain_ms), .fallback = "10000", .min = 100, .max = 600000, .help = "longest drain after SIGTERM, ms"},
    {.name = "http.host", .type = SETTING_TEXT, AT(http_host), .fallback = "127.0.0.1", .min = 1, .help = "address of /metrics and the probes"},
    {.name = "http.port", .type = SETTING_INT, AT(http_port), .fallback = "8084", .min = 0, .max = 65535, .help = "port of /metrics and the probes; 0: a free one"},
    {.name = "kafka.brokers", .type = SETTING_TEXT, AT(kafka_brokers), .fallback = "127.0.0.1:9092", .min = 1, .help = "host:port, several with commas"},
    {.name = "mysql.catalog", .type = SETTING_URL, AT(mysql_catalog), .fallback = "mysql://weir@127.0.0.1:3306/weir_catalog", .min = 1,
     .help = "database of routes and of the sale's time zone"},
    {.name = "mysql.shards", .type = SETTING_URLS, AT(mysql_shards), .min = 1, .help = "primaries of the shards; the position is the shard's number"},
    {.name = "worker.stream", .type = SETTING_TEXT, AT(stream), .fallback = "grabs", .min = 1, .check = check_stream, .help = "what is stored: grabs or readings"},
    {.name = "worker.layout", .type = SETTING_CHOICE, AT(layout), .fallback = "hash", .choices = "hash|daily", .help = "which tables it fills"},
    {.name = "worker.batch_rows_max", .type = SETTING_INT, AT(batch_rows_max), .fallback = "5000", .min = 1, .max = 100000, .help = "records of one transaction"},
    {.name = "worker.batch_bytes_max", .type = SETTING_INT, AT(batch_bytes_max), .fallback = "8388608", .min = 1024, .max = 268435456,
     .help = "bytes of one transaction's records (one record more may pass it)"},
    {.name = "worker.batch_age_ms", .type = SETTING_INT, AT(batch_age_ms), .fallback = "200", .min = 1, .max = 60000,
     .help = "longest gathering of one transaction, ms; it ends at once when there is no more"},
    {.name = "worker.fetch_bytes_max", .type = SETTING_INT, AT(fetch_bytes_max), .fallback = "67108864", .min = 1048576, .max = 4294967296,
     .help = "bytes that are read ahead, of the process"},
    {.name = "worker.session_timeout_ms", .type = SETTING_INT, AT(session_timeout_ms), .fallback = "10000", .min = 1000, .max = 300000,
     .help = "silence after which the group gives this process's partitions to others, ms"},
    {.name = "worker.poll_interval_ms_max", .type = SETTING_INT, AT(poll_interval_ms_max), .fallback = "60000", .min = 5000, .max = 600000,
     .help = "longest hang of this process's group thread, ms"},
    {.name = "worker.connect_timeout_ms", .type = SETTING_INT, AT(connect_timeout_ms), .fallback = "3000", .min = 100, .max = 60000,
     .help = "of a connection to a database, ms"},
    {.name = "worker.query_timeout_ms", .type = SETTING_INT, AT(query_timeout_ms), .fallback = "10000", .min = 100, .max = 600000,
     .help = "of one statement, ms"},
    {.name = "worker.retry_ms_max", .type = SETTING_INT, AT(retry_ms_max), .fallback = "5000", .min = 100, .max = 60000,
     .help = "longest wait between two tries in an outage, ms"},
    {.name = "worker.days_ahead", .type = SETTING_INT, AT(days_ahead), .fallback = "2", .min = 0, .max = 30, .help = "tables of days made ahead, days after today"},
};

const struct config_program worker_program = {
    .name = "weir-worker",
    .summary = "stores the log of a stream in the tables of one layout",
    .usage = "",
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
};
