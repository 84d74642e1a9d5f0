#include "ingest/admin_endpoint.h"

#include "core/clock.h"
#include "ingest/admin_work.h"
#include "ingest/grab_endpoint.h"
#include "ingest/ingest.h"

#include <stdlib.h>
#include <string.h>

enum { CARRY_LOOK_MS = 50 };

struct admin_call {
    struct admin_job job; /* first: the worker posts it back */
    struct http_req *req;
    struct ingest_loop *loop;
    struct loop_timer *timer;
    int64_t wait_until_us;
};

/* ---- the answer ---- */

static void append_time(struct buf *json, const char *name, int64_t ms)
{
    char text[CLOCK_TEXT_MAX] = "";
    buf_printf(json, ",\"%s\":", name);
    if (ms == 0) {
        buf_append_str(json, "null");
        return;
    }
    clock_format(ms, 0, text);
    buf_append_json(json, text, strlen(text));
}

static void coupon_json(const struct coupon *coupon, bool carried, struct buf *json)
{
    buf_printf(json,
               "{\"success\":true,\"coupon_id\":%llu,\"room_id\":%u,\"title\":", (unsigned long long)coupon->coupon_id,
               coupon->room_id);
    buf_append_json(json, coupon->title, strlen(coupon->title));
    buf_printf(json, ",\"total\":%llu,\"per_user_limit\":%u", (unsigned long long)coupon->total,
               coupon->per_user_limit);
    append_time(json, "opens_at", coupon->opens_at_ms);
    append_time(json, "ends_at", coupon->ends_at_ms);
    buf_printf(json, ",\"gate\":\"%s\",\"hold_ms\":%lld,\"version\":%llu,\"carried\":%s}",
               coupon->gate_open ? "open" : "closed", (long long)coupon->hold_ms, (unsigned long long)coupon->version,
               carried ? "true" : "false");
}

static void call_end(struct admin_call *call)
{
    loop_timer_free(call->timer);
    free(call);
}

static void call_answer(struct admin_call *call, bool carried)
{
    struct buf json = {0};
    coupon_json(&call->job.coupon, carried, &json);
    int done = call->job.action == ADMIN_CREATE ? 201 : 200;
    http_respond_json(call->req, carried ? done : 202, &json);
    buf_free(&json);
    call_end(call);
}

static void call_refuse(struct admin_call *call)
{
    static const struct {
        int status, retry_after_s;
        const char *code;
    } problem[] = {
        [ADMIN_NO_COUPON] = {404, 0, "unknown_coupon"},  [ADMIN_EXISTS] = {409, 0, "coupon_exists"},
        [ADMIN_TOO_MANY] = {422, 0, "bad_field"},        [ADMIN_AWAY] = {503, RETRY_AFTER_S, "catalog_away"},
        [ADMIN_NOT_KNOWN] = {503, 0, "outcome_unknown"},
    };
    enum admin_result result = call->job.result;
    const char *detail = call->job.err.text;
    if (result == ADMIN_EXISTS)
        detail = "A coupon of this coupon_id exists already.";
    else if (result == ADMIN_NOT_KNOWN)
        detail = "The catalog may have taken the change, or not: look at the coupon before trying again.";
    else if (result == ADMIN_AWAY)
        detail = "The catalog did not take the change; nothing was written.";
    http_respond_problem(call->req, problem[result].status, problem[result].code, detail,
                         problem[result].retry_after_s);
    call_end(call);
}

/* ---- waiting for the keeper ---- */

static void look_later(struct admin_call *call)
{
    if (loop_now_us(call->loop->loop) >= call->wait_until_us)
        call_answer(call, false);
    else
        loop_timer_set(call->timer, CARRY_LOOK_MS);
}

static bool text_is(const struct redis_reply *reply, const char *word)
{
    size_t len;
    const char *text = redis_reply_text(reply, &len);
    return len == strlen(word) && memcmp(text, word, len) == 0;
}

/* {state, version} of the mark. */
static void on_look(const struct redis_reply *reply, void *arg)
{
    struct admin_call *call = arg;
    bool there = reply != NULL && redis_reply_type(reply) == REDIS_LIST && redis_reply_count(reply) == 2;
    bool set = there && (text_is(redis_reply_at(reply, 0), "open") || text_is(redis_reply_at(reply, 0), "closed"));
    if (set && (uint64_t)redis_reply_int(redis_reply_at(reply, 1)) >= call->job.coupon.version)
        call_answer(call, true);
    else
        look_later(call);
}

static void look(void *arg)
{
    struct admin_call *call = arg;
    struct stock_keys keys;
    stock_keys_of(call->job.coupon.coupon_id, &keys);
    const char *words[] = {"HMGET", keys.name[STOCK_MARK], "state", "version"};
    struct redis_arg args[4];
    for (size_t i = 0; i < 4; i++)
        args[i] = (struct redis_arg){.data = words[i], .len = strlen(words[i])};
    if (!redis_send(call->loop->redis, args, 4, on_look, call))
        look_later(call);
}

static void on_written(struct loop_msg *msg)
{
    struct admin_call *call = (struct admin_call *)msg; /* the message is the job's first member, the job the call's */
    if (call->job.result != ADMIN_DONE) {
        call_refuse(call);
        return;
    }
    call->wait_until_us = clock_boottime_us() + call->loop->ingest->config->carry_wait_ms * 1000;
    look(call);
}

/* ---- the request ---- */

static void respond_unauthorized(struct http_req *req)
{
    static const char body[] = "{\"type\":\"about:blank\",\"title\":\"Unauthorized\",\"status\":401,"
                               "\"code\":\"unauthorized\",\"detail\":\"Send the admin token: Authorization: Bearer "
                               "TOKEN.\",\"success\":false,\"request_id\":";
    struct text id = http_req_id(req);
    struct buf json = {0};
    buf_append_str(&json, body);
    buf_append_json(&json, id.data, id.len);
    buf_append_char(&json, '}');
    struct http_header ask = {.name = "www-authenticate", .value = {"Bearer", 6}};
    http_respond(req, 401, "application/problem+json", &ask, 1, json.data, json.len);
    buf_free(&json);
}

static bool allowed(struct http_req *req, const struct ingest_loop *loop)
{
    struct text header;
    const char *token = loop->ingest->config->admin_token;
    if (token[0] == '\0') {
        http_respond_problem(req, 403, "admin_disabled", "No admin.token is set on this server.", 0);
        return false;
    }
    if (http_req_header(req, "authorization", &header) && admin_token_ok(header.data, header.len, token))
        return true;
    respond_unauthorized(req);
    return false;
}

/* NULL: it was answered already. */
static struct admin_call *call_begin(struct http_req *req, enum admin_action action)
{
    struct ingest_loop *loop = http_req_state(req);
    if (!allowed(req, loop))
        return NULL;
    struct admin_call *call = mem_alloc(sizeof *call);
    call->req = req;
    call->loop = loop;
    call->timer = loop_timer_new(loop->loop, look, call);
    call->job = (struct admin_job){.done = {.fn = on_written}, .loop = loop->loop, .action = action};
    return call;
}

static void call_give(struct admin_call *call)
{
    if (admin_worker_give(call->loop->ingest->admin, &call->job))
        return;
    http_respond_problem(call->req, 429, "overloaded", "Too many admin requests wait; try again.", RETRY_AFTER_S);
    call_end(call);
}

static void call_fault(struct admin_call *call, const struct request_fault *fault)
{
    fault_respond(call->req, fault);
    call_end(call);
}

static bool type_ok(const struct http_req *req, struct request_fault *fault)
{
    struct text type;
    if (!http_req_header(req, "content-type", &type) || request_is_json(type.data, type.len))
        return true;
    return request_fault_set(fault, 415, "not_json_type", "The Content-Type must be application/json.");
}

static bool path_coupon(const struct http_req *req, uint64_t *ret_id, struct request_fault *fault)
{
    struct text id = http_req_param(req, 0);
    if (id_parse(id.data, id.len, ret_id))
        return true;
    return request_fault_set(fault, 404, "unknown_coupon", "The path holds no coupon id.");
}

void admin_create_endpoint(struct http_req *req, void *arg)
{
    (void)arg;
    struct admin_call *call = call_begin(req, ADMIN_CREATE);
    struct request_fault fault;
    if (call == NULL)
        return;
    struct text body = http_req_body(req);
    if (type_ok(req, &fault) && admin_create_parse(body.data, body.len, &call->job.create, &fault))
        call_give(call);
    else
        call_fault(call, &fault);
}

void admin_restock_endpoint(struct http_req *req, void *arg)
{
    (void)arg;
    struct admin_call *call = call_begin(req, ADMIN_RESTOCK);
    struct request_fault fault;
    if (call == NULL)
        return;
    struct text body = http_req_body(req);
    if (type_ok(req, &fault) && path_coupon(req, &call->job.coupon_id, &fault) &&
        admin_restock_parse(body.data, body.len, &call->job.add, &fault))
        call_give(call);
    else
        call_fault(call, &fault);
}

/* A body is not looked at: there is nothing to say in it. */
static void gate_endpoint(struct http_req *req, enum admin_action action)
{
    struct admin_call *call = call_begin(req, action);
    struct request_fault fault;
    if (call == NULL)
        return;
    if (path_coupon(req, &call->job.coupon_id, &fault))
        call_give(call);
    else
        call_fault(call, &fault);
}

void admin_open_endpoint(struct http_req *req, void *arg)
{
    (void)arg;
    gate_endpoint(req, ADMIN_OPEN);
}

void admin_close_endpoint(struct http_req *req, void *arg)
{
    (void)arg;
    gate_endpoint(req, ADMIN_CLOSE);
}
