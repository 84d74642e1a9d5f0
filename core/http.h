/* An HTTP/1.1 server on libh2o: any number of threads, each with a loop, a listener (SO_REUSEPORT) and a context of its
 * own.
 *
 * A handler is called on its loop's thread with a `struct http_req`, which lives until http_respond() has been called
 * on it, exactly once, now or on a later tick, on the same thread, even when the client has gone meanwhile (then the
 * answer goes nowhere). HTTP/2 and TLS belong to the front door. A client that goes away while its request is being
 * worked on is noticed when the answer is written, not before.
 *
 * Answered here, for every service: /livez, /readyz (?verbose), /healthz, /metrics, 404, 405 with Allow, 413, 400 to a
 * request with two lengths (or a length and a Transfer-Encoding), whose connection is closed, X-Request-Id (echoed or
 * made).
 */
#ifndef WEIR_CORE_HTTP_H
#define WEIR_CORE_HTTP_H

#include "core/buf.h"
#include "core/err.h"
#include "core/loop.h"
#include <stddef.h>

struct http_server;
struct http_req;

struct text { /* borrowed bytes, not NUL-terminated */
    const char *data;
    size_t len;
};

typedef void (*http_handler)(struct http_req *req, void *arg);

/* `path` may hold parts in braces: "/api/things/{id}/parts"; a brace part matches one non-empty path segment,
 * percent-decoded. */
struct http_route {
    const char *method; /* "GET" (HEAD follows), "POST" */
    const char *path;
    http_handler handler;
    void *arg;
    size_t body_bytes_max; /* over it: 413 problem; of GET no body is looked at */
};

struct http_options {
    const char *host;
    int port; /* 0: a free one, see http_port() */
    int threads;
    const struct http_route *routes; /* borrowed for the server's life */
    size_t route_count;
    int connections_max;        /* a thread; further ones wait in the backlog */
    int64_t request_timeout_ms; /* from the first byte of a request to its last; then the connection is closed */
    int64_t idle_timeout_ms; /* of a connection without a request, and of an answer of which the client takes nothing */
    /* On each loop's thread before its first request; what it answers is http_req_state() of its requests. May be
     * NULL. */
    void *(*on_loop_start)(struct loop *loop, int index, void *arg);
    /* On each loop's thread when it drains: start to finish outstanding work. May be NULL. */
    void (*on_loop_drain)(void *state);
    void (*on_loop_end)(void *state);
    void *arg;
};

/* Binds, starts the threads and waits until each is ready to accept. Errors: the port is taken (names it), no such
 * host, a broken route. */
WEIR_MUST_USE bool http_start(const struct http_options *options, struct http_server **ret_server, struct err *err);
/* Stops to accept, closes idle connections, waits for every request that was accepted to be answered; false when
 * `deadline_ms` passed first. */
WEIR_MUST_USE bool http_drain(struct http_server *server, int64_t deadline_ms);
/* After http_drain; ends and joins the loops. NULL is fine. When the drain missed its deadline, what the open requests
 * hold stays allocated: the process is about to end. */
void http_free(struct http_server *server);
int http_port(const struct http_server *server); /* the bound one */

/* Reading a request: all texts are borrowed and live until http_respond(). */
struct text http_req_body(const struct http_req *req);
struct text http_req_param(const struct http_req *req, int index); /* the index'th brace part, decoded */
bool http_req_query(const struct http_req *req, const char *name,
                    struct text *ret_value); /* decoded; false: not there; the first one wins */
/* Lower-case name; the first one wins. Not there: Host, Content-Length, Transfer-Encoding, Expect and Upgrade, which
 * the server has dealt with. */
bool http_req_header(const struct http_req *req, const char *name, struct text *ret_value);
struct text http_req_id(const struct http_req *req); /* X-Request-Id, given or made */
struct loop *http_req_loop(const struct http_req *req);
void *http_req_state(const struct http_req *req);
int64_t http_req_start_us(const struct http_req *req);   /* CLOCK_BOOTTIME when the handler was called */
void *http_req_alloc(struct http_req *req, size_t size); /* zeroed memory that dies with the request */

struct http_header {
    const char *name;  /* lower case, a literal */
    struct text value; /* copied; control characters become spaces */
};

/* Answers. `content_type` is a literal or NULL; headers and body are copied. */
void http_respond(struct http_req *req, int status, const char *content_type, const struct http_header *headers,
                  size_t header_count, const void *body, size_t body_len);
void http_respond_json(struct http_req *req, int status, const struct buf *body);
/* RFC 9457 problem with code, detail, request_id, success:false; `retry_after_s` > 0 adds Retry-After. */
void http_respond_problem(struct http_req *req, int status, const char *code, const char *detail, int retry_after_s);

/* The next path: a pure parser for `a=b&c=d` and percent-decoding, shared with tests. Decodes in place; answers the new
 * length, or -1 when an escape is broken. */
long http_decode(char *text, size_t len, bool plus_is_space);

#endif
