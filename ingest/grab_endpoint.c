#include "ingest/grab_endpoint.h"

#include "ingest/ingest.h"

void fault_respond(struct http_req *req, const struct request_fault *fault)
{
    http_respond_problem(req, fault->status, fault->code, fault->detail, 0);
}

bool grab_headers_read(const struct http_req *req, struct grab_input *ret_input, struct request_fault *fault)
{
    struct text type, key, trace;
    if (http_req_header(req, "content-type", &type) && !request_is_json(type.data, type.len))
        return request_fault_set(fault, 415, "not_json_type", "The Content-Type must be application/json.");
    struct grab_input input = {.start_us = http_req_start_us(req), .request_id = http_req_id(req)};
    if (http_req_header(req, "idempotency-key", &key)) {
        if (!stock_try_key_ok(key.data, key.len))
            return request_fault_set(fault, 422, "bad_idempotency_key",
                                     "The Idempotency-Key must be 1 to 64 bytes of visible ASCII.");
        input.try_key = key;
    }
    if (http_req_header(req, "traceparent", &trace) && request_is_traceparent(trace.data, trace.len))
        input.traceparent = trace;
    *ret_input = input;
    return true;
}

static void respond_unavailable(struct http_req *req, enum grab_reason reason)
{
    http_respond_problem(req, reason == REASON_OVERLOADED ? 429 : 503, grab_reason_word(reason),
                         grab_reason_detail(reason), RETRY_AFTER_S);
}

bool grab_let_in(struct ingest_loop *loop, struct http_req *req)
{
    enum grab_reason reason = grab_flow_admission(loop);
    if (reason == REASON_SUCCESS)
        return true;
    metric_add(loop->ingest->metrics.grabs[reason], 1);
    respond_unavailable(req, reason);
    return false;
}

static void respond_unknown(struct http_req *req, const struct grab_outcome *outcome, const struct buf *json)
{
    struct buf place = {0};
    grab_answer_location(outcome, &place);
    struct http_header location = {.name = "location", .value = {place.data, place.len}};
    http_respond(req, 202, "application/json", &location, 1, json->data, json->len);
    buf_free(&place);
}

static void on_done(const struct grab_outcome *outcome, size_t index, void *arg)
{
    (void)index;
    struct http_req *req = arg;
    if (outcome->answer == ANSWER_UNAVAILABLE) {
        respond_unavailable(req, outcome->reason);
        return;
    }
    struct ingest_loop *loop = http_req_state(req);
    buf_reset(&loop->answer);
    grab_answer_json(outcome, false, &loop->answer);
    if (outcome->answer == ANSWER_UNKNOWN)
        respond_unknown(req, outcome, &loop->answer);
    else
        http_respond_json(req, 200, &loop->answer);
}

void grab_endpoint(struct http_req *req, void *arg)
{
    (void)arg;
    struct ingest_loop *loop = http_req_state(req);
    if (!grab_let_in(loop, req))
        return;
    struct text body = http_req_body(req);
    struct grab_input input;
    struct request_fault fault;
    if (!grab_headers_read(req, &input, &fault) || !grab_request_parse(body.data, body.len, &input.request, &fault)) {
        metric_add(loop->ingest->metrics.invalid, 1);
        fault_respond(req, &fault);
        return;
    }
    input.done = on_done;
    input.arg = req;
    grab_flow_start(loop, &input);
}
