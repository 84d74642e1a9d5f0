/* weir-ingest: load, wire, run, drain. */
#include "core/crash.h"
#include "core/log.h"
#include "core/service.h"
#include "ingest/ingest.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const crash_points[] = {
    "ingest.after_reserve",  "ingest.after_append", "ingest.after_report", "ingest.after_confirm",
    "ingest.before_answer",  "ingest.after_answer", "ingest.after_settle", "ingest.after_release",
    "ingest.producer_fatal", "ingest.queue_full",
};

/* Time of the drain that is kept for what comes after the last answer, ms. */
enum { DRAIN_REST_MS = 300 };

static bool begin(struct ingest *ingest, const struct ingest_config *config, struct err *err)
{
    if (!log_open("weir-ingest", config->log_level, config->log_format, err) || !stream_check(&stream_grabs, err) ||
        !service_start("weir-ingest", config->drain_ms, err))
        return false;
    ingest_init(ingest, config);
    return ingest_start(ingest, err);
}

/* Where requests are still open their loops cannot be taken down, and go on reading the settings. */
static int drain(struct ingest *ingest, struct ingest_config *config)
{
    int64_t left_ms = service_drain_left_ms() - DRAIN_REST_MS;
    bool drained = ingest_drain(ingest, left_ms > 0 ? left_ms : 0);
    if (drained) {
        ingest_free(ingest);
        config_free(&ingest_program, config);
    }
    return service_finish(drained);
}

int main(int argc, char **argv)
{
    static struct ingest ingest;
    struct ingest_config config = {0};
    struct err err = {0};
    crash_start(argc, argv, crash_points, sizeof crash_points / sizeof *crash_points);
    config_load_or_exit(&ingest_program, argc, argv, &config, NULL);
    if (!begin(&ingest, &config, &err)) {
        fprintf(stderr, "weir-ingest: %s\n", err.text);
        exit(err_exit_code(&err)); /* what has begun may still read the settings */
    }
    log_info("listening", LOG_STR("host", config.http_host), LOG_INT("port", http_port(ingest.http)),
             LOG_INT("threads", config.http_threads));
    service_wait();
    exit(drain(&ingest, &config));
}
