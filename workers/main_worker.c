/* weir-worker: load, wire, run, drain. */
#include "core/crash.h"
#include "core/http.h"
#include "core/log.h"
#include "core/service.h"
#include "schemas/layout.h"
#include "workers/worker.h"
#include <stdio.h>
#include <stdlib.h>

enum { CONNECTIONS_MAX = 64, REQUEST_TIMEOUT_MS = 3000, IDLE_TIMEOUT_MS = 10000 };

static const char *const crash_names[] = {"worker.after_take",   "worker.after_begin",      "worker.after_progress",
                                          "worker.after_rows",   "worker.after_totals",     "worker.before_commit",
                                          "worker.after_commit", "worker.after_tell_offset"};

static void exit_on(bool good, const struct err *err)
{
    if (good)
        return;
    fprintf(stderr, "weir-worker: %s\n", err->text);
    exit(err_exit_code(err));
}

static bool streams_check(const struct worker_config *config, struct err *err)
{
    const struct stream *stream = stream_find(config->stream);
    if (!stream_check(stream, err))
        return false;
    return stream_layout(stream, config->layout) ||
           err_set(err, ERR_USAGE, "worker.layout is %s, but the stream %s has no such layout.", config->layout,
                   config->stream);
}

static bool probes_start(const struct worker_config *config, struct http_server **ret_server, struct err *err)
{
    const struct http_options options = {.host = config->http_host,
                                         .port = (int)config->http_port,
                                         .threads = 1,
                                         .connections_max = CONNECTIONS_MAX,
                                         .request_timeout_ms = REQUEST_TIMEOUT_MS,
                                         .idle_timeout_ms = IDLE_TIMEOUT_MS};
    return http_start(&options, ret_server, err);
}

int main(int argc, char **argv)
{
    struct worker_config config = {0};
    struct http_server *server;
    struct err err = {0};
    crash_start(argc, argv, crash_names, sizeof crash_names / sizeof *crash_names);
    config_load_or_exit(&worker_program, argc, argv, &config, NULL);
    exit_on(log_open("weir-worker", config.log_level, config.log_format, &err), &err);
    exit_on(streams_check(&config, &err), &err);
    exit_on(service_start("weir-worker", config.drain_ms, &err), &err);
    struct worker *worker = worker_start(&config);
    exit_on(probes_start(&config, &server, &err), &err);
    service_wait();
    worker_stop(worker);
    service_drain_step("http");
    const bool drained = http_drain(server, service_drain_left_ms());
    http_free(server);
    config_free(&worker_program, &config);
    return service_finish(drained);
}
