/* What the files of the HTTP server share: http.c (threads, drain), http_conn.c (accept, timeouts), http_req.c (a
 * request), http_respond.c (its answer), http_builtin.c (health, metrics), http_filter.c (h2o's own errors as
 * problems). Nobody else includes this. */
#ifndef WEIR_CORE_HTTP_INTERNAL_H
#define WEIR_CORE_HTTP_INTERNAL_H

#include "core/buf.h"
#include "core/clock.h"
#include "core/h2o_compat.h"
#include "core/http.h"
#include "core/http_route.h"
#include "core/http_text.h"
#include "core/metrics.h"
#include <pthread.h>
#include <stdatomic.h>

enum {
    HTTP_THREADS_MAX = 64,
    HTTP_SWEEP_MS = 250, /* how exact the timeouts of connections are */
    HTTP_SWEEP_DRAIN_MS = 10,
    HTTP_IDLE_DRAIN_MS = 100,  /* long enough for a busy client to send once more, and be told to close */
    HTTP_ACCEPTS_MAX = 64,     /* a tick */
    HTTP_REQS_KEPT_MAX = 1024, /* request objects that a thread keeps for the next requests */
    HTTP_REQ_INLINE_BYTES = 1024,
    /* A body that is over its route's limit by no more is read whole, so that the client surely sees the 413. */
    HTTP_BODY_SLACK_BYTES = 64 * 1024,
};

enum http_code_class { CLASS_2XX, CLASS_3XX, CLASS_4XX, CLASS_5XX, CLASS_COUNT };

struct http_metrics { /* declared once for the process */
    struct metric *requests[CLASS_COUNT];
    struct metric *seconds;
    struct metric *in_flight;
    struct metric *connections;
};

enum conn_state { CONN_IDLE, CONN_PARTIAL, CONN_BUSY, CONN_WRITING };

/* A connection, as the sweep sees it. Its socket belongs to h2o and calls us when it closes. */
struct http_conn {
    struct http_conn *prev, *next;
    struct http_loop *owner;
    h2o_socket_t *sock;
    uint64_t requests; /* begun on this connection */
    enum conn_state state;
    int64_t since_us; /* it has been in this state, without progress */
    uint64_t seen_requests, seen_acked;
};

struct http_loop { /* one a thread; all but the atomics belongs to that thread */
    struct http_server *server;
    int index;
    pthread_t thread;
    struct loop *loop;
    h2o_context_t ctx;
    h2o_accept_ctx_t accept;
    h2o_socket_t *listener; /* NULL once it drains */
    int listen_fd;          /* until the thread has made the listener of it */
    struct http_conn *conns;
    struct loop_timer *sweep;
    bool draining;
    bool drained; /* has been told */
    void *state;
    struct http_req *kept;
    int kept_count;
    uint64_t id_state[2];
    struct buf scratch;
    struct loop_msg drain_msg;
    atomic_int in_flight;
    atomic_int conn_count;
};

struct http_server {
    struct http_options options;
    struct http_route *routes; /* the caller's, then the built-in ones */
    size_t route_count;
    int port;
    h2o_globalconf_t config;
    struct http_loop *loops;
    int loop_count;
    pthread_mutex_t lock; /* guards the next two */
    pthread_cond_t moved;
    int started;
    int drained;
    struct http_server *next; /* in the list that the gauges are read from */
};

struct http_gone { /* in h2o's pool: tells the request that h2o's side has ended */
    struct http_req *req;
};

struct http_more { /* memory of a request beyond the inline bytes */
    struct http_more *next;
    max_align_t bytes[];
};

struct http_req {
    struct http_req *next_kept;
    struct http_loop *owner;
    h2o_req_t *h2o; /* NULL: the client has gone */
    struct http_gone *gone;
    struct http_match match;
    struct http_target target;
    struct text body;
    struct text id;
    int64_t start_us;
    struct http_more *more;
    size_t inline_used;
    _Alignas(max_align_t) char inline_bytes[HTTP_REQ_INLINE_BYTES];
};

extern struct http_metrics http_metrics;

/* http_conn.c */
void http_listen_begin(struct http_loop *self);
void http_listen_end(struct http_loop *self); /* takes what waits in the backlog, then closes */
void http_sweep(void *http_loop);             /* enforces the timeouts; sets itself again */
struct http_conn *http_conn_of(h2o_req_t *h2o);

/* http.c */
void http_tell_drained(struct http_loop *self); /* when nothing is left; cheap to call often */

/* http_req.c */
int http_on_req(h2o_handler_t *handler, h2o_req_t *h2o);
void http_req_end(struct http_req *req); /* after the answer */
void http_reqs_free(struct http_loop *self);

/* http_respond.c */
extern const char http_id_name[]; /* "x-request-id"; the pointer marks an answer as ours */
struct text http_id_of(struct http_loop *self, h2o_req_t *h2o, char made[HTTP_ID_MADE_BYTES]);
void http_problem_text(struct buf *ret_text, int status, const char *code, const char *detail, struct text id);
void http_count(int status);

/* http_builtin.c */
extern const struct http_route http_builtin_routes[];
extern const size_t http_builtin_route_count;

/* http_filter.c */
void http_filter_register(h2o_pathconf_t *path);

#endif
