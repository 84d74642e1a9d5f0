/* Answers: headers and body are copied into h2o's pool, written in the same tick, and the request object is given
 * back. */
#include "core/http_internal.h"
#include <stdio.h>
#include <string.h>

const char http_id_name[] = "x-request-id";

struct text http_id_of(struct http_loop *self, h2o_req_t *h2o, char made[HTTP_ID_MADE_BYTES])
{
    ssize_t at = h2o_find_header_by_str(&h2o->headers, http_id_name, sizeof http_id_name - 1, -1);
    if (at >= 0) {
        struct text given = {h2o->headers.entries[at].value.base, h2o->headers.entries[at].value.len};
        if (http_id_valid(given))
            return given;
    }
    http_id_make(self->id_state, made);
    return (struct text){made, HTTP_ID_MADE_BYTES};
}

void http_count(int status)
{
    static const enum http_code_class classes[] = {CLASS_5XX, CLASS_2XX, CLASS_2XX, CLASS_3XX, CLASS_4XX, CLASS_5XX};
    metric_add(http_metrics.requests[classes[status / 100 > 5 ? 0 : status / 100]], 1);
}

static void header_add(h2o_req_t *h2o, const char *name, struct text value)
{
    char *copy = compat_pool_copy(&h2o->pool, value.data, value.len);
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)copy[i] < 0x20 || copy[i] == 0x7f)
            copy[i] = ' '; /* a line end would begin a header of somebody else's choice */
    h2o_add_header_by_str(&h2o->pool, &h2o->res.headers, name, strlen(name), 0, NULL, copy, value.len);
}

static void h2o_answer(struct http_req *req, const void *body, size_t body_len)
{
    static h2o_generator_t generator = {NULL, NULL};
    h2o_req_t *h2o = req->h2o;
    if (req->owner->draining)
        h2o->http1_is_persistent = 0;
    h2o->res.content_length = body_len;
    h2o_start_response(h2o, &generator);
    if (req->match.head || body_len == 0) {
        h2o_send(h2o, NULL, 0, H2O_SEND_STATE_FINAL);
        return;
    }
    h2o_iovec_t copy = h2o_iovec_init(compat_pool_copy(&h2o->pool, body, body_len), body_len);
    h2o_send(h2o, &copy, 1, H2O_SEND_STATE_FINAL);
}

void http_respond(struct http_req *req, int status, const char *content_type, const struct http_header *headers,
                  size_t header_count, const void *body, size_t body_len)
{
    http_count(status);
    if (req->h2o != NULL) {
        h2o_req_t *h2o = req->h2o;
        h2o->res.status = status;
        h2o->res.reason = http_reason(status);
        header_add(h2o, http_id_name, req->id);
        if (content_type != NULL)
            h2o_add_header(&h2o->pool, &h2o->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL, content_type,
                           strlen(content_type));
        for (size_t i = 0; i < header_count; i++)
            header_add(h2o, headers[i].name, headers[i].value);
        h2o_answer(req, body, body_len);
    }
    http_req_end(req);
}

void http_respond_json(struct http_req *req, int status, const struct buf *body)
{
    http_respond(req, status, "application/json", NULL, 0, body->data, body->len);
}

void http_problem_text(struct buf *ret_text, int status, const char *code, const char *detail, struct text id)
{
    buf_append_str(ret_text, "{\"type\":\"about:blank\",\"title\":");
    buf_append_json(ret_text, http_reason(status), strlen(http_reason(status)));
    buf_append_str(ret_text, ",\"status\":");
    buf_append_i64(ret_text, status);
    buf_append_str(ret_text, ",\"code\":");
    buf_append_json(ret_text, code, strlen(code));
    buf_append_str(ret_text, ",\"detail\":");
    buf_append_json(ret_text, detail, strlen(detail));
    buf_append_str(ret_text, ",\"request_id\":");
    buf_append_json(ret_text, id.data, id.len);
    buf_append_str(ret_text, ",\"success\":false}");
}

void http_respond_problem(struct http_req *req, int status, const char *code, const char *detail, int retry_after_s)
{
    struct buf *text = &req->owner->scratch;
    buf_reset(text);
    http_problem_text(text, status, code, detail, req->id);
    char seconds[16];
    int len = snprintf(seconds, sizeof seconds, "%d", retry_after_s);
    const struct http_header retry = {"retry-after", {seconds, (size_t)len}};
    http_respond(req, status, "application/problem+json", &retry, retry_after_s > 0, text->data, text->len);
}
