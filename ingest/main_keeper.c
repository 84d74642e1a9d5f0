/* weir-keeper: first open, sweep, rebuild, and the carrying of admin changes. */
#include "core/crash.h"
#include "core/http.h"
#include "core/log.h"
#include "core/service.h"
#include "core/thread.h"
#include "ingest/keeper.h"

#include <pthread.h>
#include <stdlib.h>

static const char *const crash_points[] = {
    "keeper.lease_taken",    "keeper.open_claimed",   "keeper.open_building",    "keeper.open_written",
    "keeper.rebuild_step",   "keeper.rebuild_closed", "keeper.rebuild_barrier",  "keeper.rebuild_folded",
    "keeper.rebuild_claims", "keeper.rebuild_opened", "keeper.sweep_cancelling", "keeper.sweep_appended",
    "keeper.sweep_finished", "keeper.carried",
};

static void *run(void *arg)
{
    keeper_run(arg);
    return NULL;
}

static void die(const struct err *err)
{
    log_error("weir-keeper can not start", LOG_ERR(err));
    exit(err_exit_code(err));
}

int main(int argc, char **argv)
{
    struct keeper_config config = {0};
    struct keeper keeper;
    struct http_server *http = NULL;
    struct err err = {0};
    pthread_t thread;

    crash_start(argc, argv, crash_points, sizeof crash_points / sizeof *crash_points);
    config_load_or_exit(&keeper_program, argc, argv, &config, NULL);
    if (!log_open("weir-keeper", config.log_level, config.log_format, &err) ||
        !service_start("weir-keeper", config.drain_ms, &err))
        die(&err);
    keeper_init(&keeper, &config);
    struct http_options options = {.host = config.http_host,
                                   .port = (int)config.http_port,
                                   .threads = 1,
                                   .connections_max = 100,
                                   .request_timeout_ms = 3000,
                                   .idle_timeout_ms = 30000};
    if (!http_start(&options, &http, &err))
        die(&err);
    thread_start(&thread, run, &keeper, "the keeper's work");

    service_wait();
    pthread_join(thread, NULL);
    keeper_close(&keeper);
    bool drained = http_drain(http, service_drain_left_ms());
    http_free(http);
    config_free(&keeper_program, &config);
    return service_finish(drained);
}
