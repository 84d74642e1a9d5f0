/* The process: what is shared by the loops, the routes, and the order of start and stop. */
#include "ingest/ingest.h"

#include "core/clock.h"
#include "core/log.h"
#include "core/service.h"
#include "core/sql.h"
#include "ingest/admin_endpoint.h"
#include "ingest/admin_work.h"
#include "ingest/grab_endpoint.h"
#include "ingest/id_lease.h"
#include "schemas/grabs.h"
#include "schemas/openapi.h"

#include <string.h>

enum { IDS_GIVE_MS_MIN = 1000 }; /* the deadlines of a connection are whole seconds */

static void openapi_endpoint(struct http_req *req, void *arg)
{
    (void)arg;
    http_respond(req, 200, "application/json", NULL, 0, openapi_json, strlen(openapi_json));
}

static const struct http_route routes[] = {
    {.method = "POST", .path = "/api/coupon/grab", .handler = grab_endpoint, .body_bytes_max = GRAB_BODY_BYTES_MAX},
    {.method = "POST",
     .path = "/api/coupon/grab/batch",
     .handler = batch_endpoint,
     .body_bytes_max = BATCH_BODY_BYTES_MAX},
    {.method = "POST",
     .path = "/admin/coupons",
     .handler = admin_create_endpoint,
     .body_bytes_max = ADMIN_BODY_BYTES_MAX},
    {.method = "POST",
     .path = "/admin/coupons/{id}/restock",
     .handler = admin_restock_endpoint,
     .body_bytes_max = ADMIN_BODY_BYTES_MAX},
    {.method = "POST",
     .path = "/admin/coupons/{id}/open",
     .handler = admin_open_endpoint,
     .body_bytes_max = ADMIN_BODY_BYTES_MAX},
    {.method = "POST",
     .path = "/admin/coupons/{id}/close",
     .handler = admin_close_endpoint,
     .body_bytes_max = ADMIN_BODY_BYTES_MAX},
    {.method = "GET", .path = "/openapi.json", .handler = openapi_endpoint},
};

static void on_render(void *arg)
{
    struct ingest *ingest = arg;
    int in_flight = 0, limit = 0, queue_us = 0;
    for (int i = 0; i < ingest->config->http_threads; i++) {
        struct ingest_loop *loop = ingest->loops[i];
        if (loop == NULL)
            continue;
        in_flight += atomic_load_explicit(&loop->grabs_in_flight, memory_order_relaxed);
        limit += atomic_load_explicit(&loop->admission_limit, memory_order_relaxed);
        int own_us = atomic_load_explicit(&loop->admission_queue_us, memory_order_relaxed);
        queue_us = own_us > queue_us ? own_us : queue_us;
    }
    metric_set(ingest->metrics.in_flight, in_flight);
    metric_set(ingest->metrics.admission_limit, limit);
    metric_set(ingest->metrics.admission_queue, queue_us / 1e6);
}

void ingest_init(struct ingest *ingest, const struct ingest_config *config)
{
    static const enum stock_script used[INGEST_SCRIPTS] = {STOCK_RESERVE, STOCK_SETTLE, STOCK_RELEASE};
    *ingest = (struct ingest){.config = config, .stream = &stream_grabs};
    for (int i = 0; i < INGEST_SCRIPTS; i++) {
        struct redis_script *script = &ingest->scripts[used[i]];
        *script = (struct redis_script){.name = stock_script_name(used[i]), .text = stock_script_text(used[i])};
        redis_script_init(script);
        ingest->loaded[i] = script;
    }
    ingest_metrics_declare(&ingest->metrics);
    metrics_on_render(on_render, ingest);
    ingest->redis_part = service_part("redis");
    ingest->kafka_part = service_part("kafka");
    (void)service_part("catalog"); /* set by the reader; all parts are declared before the first is set */
    (void)service_part("ids");
}

/* ---- what the catalog's thread hands to the loops ---- */

static void on_copy(struct catalog_copy *copy, void *arg)
{
    struct ingest *ingest = arg;
    for (int i = 0; i < ingest->config->http_threads; i++)
        ingest_loop_give_copy(ingest->loops[i], copy);
}

static bool span_wanted(int loop, void *arg)
{
    const struct ingest *ingest = arg;
    return atomic_load_explicit(&ingest->loops[loop]->span_wanted, memory_order_relaxed);
}

static void on_span(int loop, const struct id_span *span, void *arg)
{
    struct ingest *ingest = arg;
    ingest_loop_give_span(ingest->loops[loop], span);
}

/* ---- start and stop ---- */

static bool start_http(struct ingest *ingest, struct err *err)
{
    const struct ingest_config *config = ingest->config;
    struct http_options options = {
        .host = config->http_host,
        .port = (int)config->http_port,
        .threads = (int)config->http_threads,
        .routes = routes,
        .route_count = sizeof routes / sizeof *routes,
        .connections_max = (int)config->http_connections_max,
        .request_timeout_ms = config->http_request_timeout_ms,
        .idle_timeout_ms = config->http_idle_timeout_ms,
        .on_loop_start = ingest_loop_start,
        .on_loop_end = ingest_loop_end,
        .arg = ingest,
    };
    return http_start(&options, &ingest->http, err);
}

static bool start_reader(struct ingest *ingest, struct err *err)
{
    const struct ingest_config *config = ingest->config;
    struct catalog_reader_options options = {
        .catalog_url = config->mysql_catalog,
        .brokers = config->kafka_brokers,
        .topic = ingest->stream->name,
        .mysql_ms = config->mysql_ms,
        .read_ms = config->catalog_read_ms,
        .span_ms = config->id_span_ms,
        .loops = (int)config->http_threads,
        .on_copy = on_copy,
        .span_wanted = span_wanted,
        .on_span = on_span,
        .arg = ingest,
    };
    return catalog_reader_start(&options, &ingest->reader, err);
}

/* The admin thread first: a request may come as soon as there is a listener. */
bool ingest_start(struct ingest *ingest, struct err *err)
{
    const struct ingest_config *config = ingest->config;
    return sql_check_url(config->mysql_catalog, err) &&
           admin_worker_start(config->mysql_catalog, config->mysql_ms, &ingest->admin, err) &&
           start_http(ingest, err) && start_reader(ingest, err);
}

static int stock_items(const struct ingest *ingest)
{
    int items = 0;
    for (int i = 0; i < ingest->config->http_threads; i++)
        items += atomic_load_explicit(&ingest->loops[i]->stock_items, memory_order_acquire);
    return items;
}

bool ingest_drain(struct ingest *ingest, int64_t deadline_ms)
{
    int64_t until_ms = clock_boottime_ms() + deadline_ms;
    service_drain_step("requests without an answer");
    if (!http_drain(ingest->http, deadline_ms))
        return false;
    service_drain_step("settles without an answer");
    while (stock_items(ingest) > 0 && clock_boottime_ms() < until_ms)
        clock_sleep_ms(2);
    if (stock_items(ingest) > 0)
        log_warn("left to the sweep: settles without an answer", LOG_INT("grabs", stock_items(ingest)));
    return true;
}

/* ---- spans of ids that are left ---- */

static bool ids_give_all(struct ingest *ingest, struct sql *sql, struct err *err)
{
    struct id_span unused;
    for (int i = 0; i < ingest->config->http_threads; i++)
        while (id_maker_give(&ingest->ids[i], &unused)) {
            if (!id_lease_give(sql, &unused, err))
                return false;
            log_debug("span of ids given back", LOG_INT("loop", i), LOG_INT("node", unused.node),
                      LOG_INT("begin_ms", unused.begin_ms), LOG_INT("end_ms", unused.end_ms));
        }
    return true;
}

/* All in one transaction: one wait for the disk. Without an answer nothing is lost but the time of the spans, so it may
 * take a part of the drain, not all of it. */
static void ids_give(struct ingest *ingest)
{
    int64_t wait_ms = service_drain_left_ms() / 4;
    struct err err = {0};
    struct sql *sql = NULL;
    if (wait_ms < IDS_GIVE_MS_MIN)
        return;
    wait_ms = wait_ms < ingest->config->mysql_ms ? wait_ms : ingest->config->mysql_ms;
    const struct sql_options options = {
        .url = ingest->config->mysql_catalog, .connect_timeout_ms = wait_ms, .query_timeout_ms = wait_ms};
    bool given = sql_open(&options, &sql, &err) && sql_begin(sql, &err) && ids_give_all(ingest, sql, &err) &&
                 sql_commit(sql, &err);
    if (!given)
        log_info("spans of ids are left to run out", LOG_ERR(&err));
    sql_close(sql);
}

void ingest_free(struct ingest *ingest)
{
    service_drain_step("the background threads");
    catalog_reader_stop(ingest->reader);
    admin_worker_stop(ingest->admin);
    service_drain_step("the loops");
    http_free(ingest->http);
    for (int i = 0; i < INGEST_LOOPS_MAX; i++)
        free(ingest->loops[i]);
    service_drain_step("giving back ids");
    ids_give(ingest);
}
