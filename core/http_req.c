/* A request object: made when h2o hands over a whole request, and given back by http_respond().
 *
 * Everything that a handler can see is copied out of h2o's memory, so that it stays readable until the answer, whatever
 * becomes of the connection. h2o's request is touched only by http_respond() and only while the `gone` note in h2o's
 * pool has not said that it has ended.
 */
#include "core/http_internal.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory ---- */

void *http_req_alloc(struct http_req *req, size_t size)
{
    size_t room = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (room >= size && room <= HTTP_REQ_INLINE_BYTES - req->inline_used) {
        char *at = req->inline_bytes + req->inline_used;
        req->inline_used += room;
        return memset(at, 0, room);
    }
    struct http_more *more = mem_alloc(sizeof *more + size);
    more->next = req->more;
    req->more = more;
    return more->bytes;
}

static struct text req_copy(struct http_req *req, const char *data, size_t len)
{
    char *copy = http_req_alloc(req, len + 1);
    if (len > 0)
        memcpy(copy, data, len);
    return (struct text){copy, len};
}

static struct http_req *req_take(struct http_loop *self)
{
    struct http_req *req = self->kept;
    if (req != NULL) {
        self->kept = req->next_kept;
        self->kept_count--;
    } else {
        req = mem_alloc(sizeof *req);
    }
    memset(req, 0, offsetof(struct http_req, inline_bytes));
    req->owner = self;
    return req;
}

static void req_give_back(struct http_req *req)
{
    struct http_loop *self = req->owner;
    while (req->more != NULL) {
        struct http_more *next = req->more->next;
        free(req->more);
        req->more = next;
    }
    if (self->kept_count == HTTP_REQS_KEPT_MAX) {
        free(req);
        return;
    }
    req->next_kept = self->kept;
    self->kept = req;
    self->kept_count++;
}

void http_reqs_free(struct http_loop *self)
{
    while (self->kept != NULL) {
        struct http_req *next = self->kept->next_kept;
        free(self->kept);
        self->kept = next;
    }
}

/* ---- begin and end ---- */

static void on_gone(void *http_gone)
{
    struct http_gone *gone = http_gone;
    if (gone->req != NULL)
        gone->req->h2o = NULL;
}

static struct http_req *req_begin(struct http_loop *self, h2o_req_t *h2o)
{
    struct http_req *req = req_take(self);
    req->h2o = h2o;
    req->gone = h2o_mem_alloc_shared(&h2o->pool, sizeof *req->gone, on_gone);
    req->gone->req = req;
    req->start_us = loop_now_us(self->loop);
    req->target = http_target_split(req_copy(req, h2o->input.path.base, h2o->input.path.len));
    char made[HTTP_ID_MADE_BYTES];
    struct text id = http_id_of(self, h2o, made);
    req->id = req_copy(req, id.data, id.len);
    atomic_fetch_add_explicit(&self->in_flight, 1, memory_order_relaxed);
    http_conn_of(h2o)->requests++;
    return req;
}

void http_req_end(struct http_req *req)
{
    struct http_loop *self = req->owner;
    if (req->h2o != NULL)
        req->gone->req = NULL;
    metric_observe_us(http_metrics.seconds, (uint64_t)(clock_boottime_us() - req->start_us));
    req_give_back(req);
    atomic_fetch_sub_explicit(&self->in_flight, 1, memory_order_relaxed);
    http_tell_drained(self);
}

/* ---- dispatch ---- */

static bool params_decode(struct http_req *req)
{
    for (int i = 0; i < req->match.param_count; i++) {
        struct text *param = &req->match.params[i];
        struct text copy = req_copy(req, param->data, param->len);
        long len = http_decode((char *)(uintptr_t)copy.data, copy.len, false);
        if (len < 0)
            return false;
        *param = (struct text){copy.data, (size_t)len};
    }
    return true;
}

static void refuse_match(struct http_req *req)
{
    if (!req->match.path_known) {
        http_respond_problem(req, 404, "not_found", "There is nothing at this path; /openapi.json lists what there is.",
                             0);
        return;
    }
    struct buf text = {0};
    http_problem_text(&text, 405, "method_not_allowed",
                      "This path does not take this method; the Allow header names those that it takes.", req->id);
    const struct http_header allow = {"allow", {req->match.allow, strlen(req->match.allow)}};
    http_respond(req, 405, "application/problem+json", &allow, 1, text.data, text.len);
    buf_free(&text);
}

static void refuse_body(struct http_req *req)
{
    char detail[100];
    snprintf(detail, sizeof detail, "The body is over the %zu bytes that this path takes.",
             req->match.route->body_bytes_max);
    http_respond_problem(req, 413, "body_too_large", detail, 0);
}

/* h2o has gone by one of the lengths, and what it takes for the next request may be a part of this one's body. */
static void refuse_framing(struct http_req *req)
{
    req->h2o->http1_is_persistent = 0;
    http_respond_problem(req, 400, "malformed",
                         "More than one header says where the body ends: one Content-Length or one Transfer-Encoding "
                         "is right.",
                         0);
}

static void dispatch(struct http_req *req, h2o_req_t *h2o)
{
    const struct http_server *server = req->owner->server;
    struct text method = {h2o->input.method.base, h2o->input.method.len};
    http_route_find(server->routes, server->route_count, method, req->target.path, &req->match);
    h2o_iovec_t head = compat_head_before_body(h2o);
    if (!http_framed_once((struct text){head.base, head.len})) {
        refuse_framing(req);
        return;
    }
    const struct http_route *route = req->match.route;
    if (route == NULL) {
        refuse_match(req);
        return;
    }
    bool has_body = strcmp(route->method, "GET") != 0;
    if (has_body && h2o->entity.len > route->body_bytes_max) {
        refuse_body(req);
        return;
    }
    if (!params_decode(req) || !http_escapes_valid(req->target.query)) {
        http_respond_problem(req, 400, "malformed",
                             "The path or the query holds a '%' that two hex digits do not follow.", 0);
        return;
    }
    req->body = has_body ? req_copy(req, h2o->entity.base, h2o->entity.len) : (struct text){"", 0};
    route->handler(req, route->arg);
}

int http_on_req(h2o_handler_t *handler, h2o_req_t *h2o)
{
    (void)handler;
    struct http_loop *self = H2O_STRUCT_FROM_MEMBER(struct http_loop, ctx, h2o->conn->ctx);
    dispatch(req_begin(self, h2o), h2o);
    return 0;
}

/* ---- reading ---- */

struct text http_req_body(const struct http_req *req)
{
    return req->body;
}

struct text http_req_param(const struct http_req *req, int index)
{
    assert(index >= 0 && index < req->match.param_count);
    return req->match.params[index];
}

/* What is copied belongs to the request: a cache of its memory, not a change that a reader could see. */
static struct http_req *req_unconst(const struct http_req *req)
{
    return (struct http_req *)(uintptr_t)req;
}

bool http_req_query(const struct http_req *req, const char *name, struct text *ret_value)
{
    struct text raw;
    if (!http_query_find(req->target.query, name, &raw))
        return false;
    struct text copy = req_copy(req_unconst(req), raw.data, raw.len);
    long len = http_decode((char *)(uintptr_t)copy.data, copy.len, true);
    if (len < 0)
        return false; /* cannot be: dispatch() looked at the escapes */
    *ret_value = (struct text){copy.data, (size_t)len};
    return true;
}

bool http_req_header(const struct http_req *req, const char *name, struct text *ret_value)
{
    if (req->h2o == NULL)
        return false;
    ssize_t at = h2o_find_header_by_str(&req->h2o->headers, name, strlen(name), -1);
    if (at < 0)
        return false;
    h2o_iovec_t value = req->h2o->headers.entries[at].value;
    *ret_value = req_copy(req_unconst(req), value.base, value.len);
    return true;
}

struct text http_req_id(const struct http_req *req)
{
    return req->id;
}

struct loop *http_req_loop(const struct http_req *req)
{
    return req->owner->loop;
}

void *http_req_state(const struct http_req *req)
{
    return req->owner->state;
}

int64_t http_req_start_us(const struct http_req *req)
{
    return req->start_us;
}
