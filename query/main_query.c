/* weir-query: answers reads from the shards, the catalog and the stock. */
#include "core/crash.h"
#include "core/log.h"
#include "core/service.h"
#include "query/query.h"
#include <stdlib.h>

static const char *const crash_points[] = {"query.after_scatter", "query.after_part", "query.before_answer"};

static void die(const struct err *err)
{
    log_error("weir-query can not start", LOG_ERR(err));
    exit(err_exit_code(err));
}

static bool start_http(const struct query_config *config, struct query *query, struct http_server **ret_http,
                       struct err *err)
{
    struct http_options options = {.host = config->http_host,
                                   .port = (int)config->http_port,
                                   .threads = (int)config->http_threads,
                                   .connections_max = (int)config->http_connections_max,
                                   .request_timeout_ms = config->http_request_timeout_ms,
                                   .idle_timeout_ms = config->http_idle_timeout_ms,
                                   .on_loop_start = query_loop_start,
                                   .on_loop_end = query_loop_end,
                                   .arg = query};
    options.routes = query_routes(&options.route_count);
    return http_start(&options, ret_http, err);
}

int main(int argc, char **argv)
{
    static struct query query;
    struct query_config config = {0};
    struct http_server *http = NULL;
    struct err err = {0};

    crash_start(argc, argv, crash_points, sizeof crash_points / sizeof *crash_points);
    config_load_or_exit(&query_program, argc, argv, &config, NULL);
    if (!log_open("weir-query", config.log_level, config.log_format, &err) ||
        !service_start("weir-query", config.drain_ms, &err) || !query_start(&query, &config, &err) ||
        !start_http(&config, &query, &http, &err))
        die(&err);

    service_wait();
    service_drain_step("questions that are being answered");
    bool drained = http_drain(http, service_drain_left_ms());
    service_drain_step("connections to the databases");
    if (drained) { /* else requests and their jobs still use all of it, and the process is about to end */
        query_stop(&query);
        http_free(http);
        config_free(&query_program, &config);
    }
    exit(service_finish(drained)); /* not back from main: what still runs reads what lives in its frame */
}
