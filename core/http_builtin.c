/* What every service answers: /livez (the process turns), /readyz and /healthz (its parts are there), /metrics. */
#include "core/http_internal.h"
#include "core/service.h"

static void on_livez(struct http_req *req, void *arg)
{
    (void)arg;
    http_respond(req, 200, "text/plain; charset=utf-8", NULL, 0, "ok\n", 3);
}

static void on_readyz(struct http_req *req, void *arg)
{
    (void)arg;
    bool ready = service_ready();
    struct buf text = {0};
    struct text verbose;
    if (http_req_query(req, "verbose", &verbose))
        service_ready_text(&text);
    buf_append_str(&text, ready ? "ok\n" : "not ready\n");
    http_respond(req, ready ? 200 : 503, "text/plain; charset=utf-8", NULL, 0, text.data, text.len);
    buf_free(&text);
}

static void on_metrics(struct http_req *req, void *arg)
{
    (void)arg;
    struct buf text = {0};
    metrics_render(&text);
    http_respond(req, 200, "text/plain; version=0.0.4; charset=utf-8", NULL, 0, text.data, text.len);
    buf_free(&text);
}

const struct http_route http_builtin_routes[] = {
    {.method = "GET", .path = "/livez", .handler = on_livez},
    {.method = "GET", .path = "/readyz", .handler = on_readyz},
    {.method = "GET", .path = "/healthz", .handler = on_readyz},
    {.method = "GET", .path = "/metrics", .handler = on_metrics},
};
const size_t http_builtin_route_count = sizeof http_builtin_routes / sizeof *http_builtin_routes;
