/* What h2o refuses by itself (a body over the largest limit, a broken Content-Length, an unknown expectation) goes out
 * as a problem, like all our refusals. A request line that cannot be parsed is answered by h2o below its filters: a
 * plain 400. */
#include "core/http_internal.h"
#include <string.h>

struct problem_stream {
    h2o_ostream_t super;
    h2o_iovec_t body; /* h2o's pool */
};

static const char *code_of(int status)
{
    switch (status) {
    case 413:
        return "body_too_large";
    case 417:
        return "expectation_failed";
    default:
        return status < 500 ? "malformed" : "internal";
    }
}

static const char *detail_of(int status)
{
    switch (status) {
    case 413:
        return "The body is over what any path of this service takes.";
    case 417:
        return "Of the Expect header only 100-continue is known.";
    default:
        return "The request is not well-formed HTTP.";
    }
}

static void problem_send(h2o_ostream_t *super, h2o_req_t *h2o, COMPAT_BUFS *bufs, size_t count, h2o_send_state_t state)
{
    (void)bufs;
    (void)count;
    struct problem_stream *self = (struct problem_stream *)super;
    h2o_iovec_t body = self->body;
    self->body.len = 0; /* once */
    h2o_ostream_send_next(&self->super, h2o, &body, body.len > 0, state);
}

static bool answer_is_ours(const h2o_req_t *h2o)
{
    return h2o->res.headers.size > 0 && h2o->res.headers.entries[0].name->base == http_id_name;
}

static void on_setup(h2o_filter_t *super, h2o_req_t *h2o, h2o_ostream_t **slot)
{
    (void)super;
    if (answer_is_ours(h2o)) {
        h2o_setup_next_ostream(h2o, slot);
        return;
    }
    struct http_loop *self = H2O_STRUCT_FROM_MEMBER(struct http_loop, ctx, h2o->conn->ctx);
    char made[HTTP_ID_MADE_BYTES];
    struct text id = http_id_of(self, h2o, made);
    buf_reset(&self->scratch);
    http_problem_text(&self->scratch, h2o->res.status, code_of(h2o->res.status), detail_of(h2o->res.status), id);
    char *id_copy = compat_pool_copy(&h2o->pool, id.data, id.len);

    memset(&h2o->res.headers, 0, sizeof h2o->res.headers);
    h2o_add_header_by_str(&h2o->pool, &h2o->res.headers, http_id_name, strlen(http_id_name), 0, NULL, id_copy, id.len);
    h2o_add_header(&h2o->pool, &h2o->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL, H2O_STRLIT("application/problem+json"));
    h2o->res.reason = http_reason(h2o->res.status);
    h2o->res.content_length = self->scratch.len;
    http_count(h2o->res.status);

    struct problem_stream *stream = (struct problem_stream *)h2o_add_ostream(h2o, sizeof *stream, slot);
    stream->super.do_send = problem_send;
    bool head = h2o->input.method.len == 4 && memcmp(h2o->input.method.base, "HEAD", 4) == 0;
    stream->body = h2o_iovec_init(compat_pool_copy(&h2o->pool, self->scratch.data, self->scratch.len),
                                  head ? 0 : self->scratch.len);
    h2o_setup_next_ostream(h2o, &stream->super.next);
}

void http_filter_register(h2o_pathconf_t *path)
{
    h2o_filter_t *filter = h2o_create_filter(path, sizeof *filter);
    filter->on_setup_ostream = on_setup;
}
