/* Connections of one thread: accept, count, and end those that take too long.
 *
 * h2o 2.2 has one timeout for everything that is read, driven by the wall clock, and none for writes. So its own is set
 * out of reach, and a sweep looks at each connection a few times a second: idle, in the middle of a request, being
 * worked on, or being written to. What is over its time is cut by shutdown(2): h2o then sees an end of file or a broken
 * pipe and cleans up by its own rules.
 */
#include "core/http_internal.h"
#include <errno.h>
#include <linux/tcp.h> /* glibc's struct tcp_info ends before bytes_acked */
#include <netinet/in.h>
#include <stdlib.h>

/* ---- accept ---- */

static void on_accept(h2o_socket_t *listener, const char *error);

static bool has_room(const struct http_loop *self)
{
    return atomic_load_explicit(&self->conn_count, memory_order_relaxed) < self->server->options.connections_max;
}

static void accept_on(struct http_loop *self, bool on)
{
    if (self->listener == NULL || on == h2o_socket_is_reading(self->listener))
        return;
    if (on)
        h2o_socket_read_start(self->listener, on_accept);
    else
        h2o_socket_read_stop(self->listener);
}

static void conn_on_close(void *arg)
{
    struct http_conn *conn = arg;
    struct http_loop *self = conn->owner;
    if (conn->prev != NULL)
        conn->prev->next = conn->next;
    else
        self->conns = conn->next;
    if (conn->next != NULL)
        conn->next->prev = conn->prev;
    free(conn);
    atomic_fetch_sub_explicit(&self->conn_count, 1, memory_order_relaxed);
    accept_on(self, has_room(self));
}

static void conn_begin(struct http_loop *self, h2o_socket_t *sock)
{
    struct http_conn *conn = mem_alloc(sizeof *conn);
    *conn = (struct http_conn){.owner = self, .sock = sock, .next = self->conns, .since_us = loop_now_us(self->loop)};
    if (self->conns != NULL)
        self->conns->prev = conn;
    self->conns = conn;
    atomic_fetch_add_explicit(&self->conn_count, 1, memory_order_relaxed);
    sock->on_close.cb = conn_on_close;
    sock->on_close.data = conn;
    h2o_accept(&self->accept, sock); /* may close it at once */
}

/* False when there is nothing left to accept now. */
static bool accept_one(struct http_loop *self)
{
    h2o_socket_t *sock = h2o_evloop_socket_accept(self->listener);
    if (sock != NULL) {
        conn_begin(self, sock);
        return true;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        accept_on(self, false); /* the sweep tries again; the listener would be readable all the time */
    return errno == ECONNABORTED || errno == EINTR;
}

static void on_accept(h2o_socket_t *listener, const char *error)
{
    (void)error;
    struct http_loop *self = listener->data;
    for (int i = 0; i < HTTP_ACCEPTS_MAX && has_room(self); i++)
        if (!accept_one(self))
            break;
    if (!has_room(self))
        accept_on(self, false);
}

void http_listen_begin(struct http_loop *self)
{
    self->listener = h2o_evloop_socket_create(loop_h2o(self->loop), self->listen_fd, H2O_SOCKET_FLAG_DONT_READ);
    self->listener->data = self;
    self->listen_fd = -1;
    accept_on(self, true);
}

void http_listen_end(struct http_loop *self)
{
    if (self->listener == NULL)
        return;
    while (has_room(self) && accept_one(self))
        ; /* these clients think that they are connected */
    h2o_socket_close(self->listener);
    self->listener = NULL;
}

/* ---- sweep ---- */

struct http_conn *http_conn_of(h2o_req_t *h2o)
{
    return h2o->conn->callbacks->get_socket(h2o->conn)->on_close.data;
}

static enum conn_state conn_look(const struct http_conn *conn)
{
    if (h2o_socket_is_writing(conn->sock))
        return CONN_WRITING;
    if (!h2o_socket_is_reading(conn->sock))
        return CONN_BUSY;
    return conn->sock->input->size > 0 ? CONN_PARTIAL : CONN_IDLE;
}

/* Bytes that the client's kernel has taken; any change of it is progress. */
static uint64_t conn_acked(const struct http_conn *conn)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    if (getsockopt(h2o_socket_get_fd(conn->sock), IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
        return 0;
    return info.tcpi_bytes_acked;
}

/* Notes what the connection does now; false when it has done just that since the last look. */
static bool conn_moved(struct http_conn *conn, int64_t now_us)
{
    enum conn_state state = conn_look(conn);
    uint64_t acked = state == CONN_WRITING ? conn_acked(conn) : 0;
    bool moved = state != conn->state || conn->requests != conn->seen_requests || acked != conn->seen_acked;
    if (moved)
        conn->since_us = now_us;
    conn->state = state;
    conn->seen_requests = conn->requests;
    conn->seen_acked = acked;
    return moved;
}

static int64_t conn_limit_ms(const struct http_conn *conn)
{
    const struct http_options *options = &conn->owner->server->options;
    switch (conn->state) {
    case CONN_IDLE:
        return conn->owner->draining ? HTTP_IDLE_DRAIN_MS : options->idle_timeout_ms;
    case CONN_PARTIAL:
        return options->request_timeout_ms;
    case CONN_WRITING:
        return options->idle_timeout_ms;
    case CONN_BUSY:
        break;
    }
    return INT64_MAX / 1000; /* the handler's own deadlines rule */
}

static void conn_sweep(struct http_conn *conn, int64_t now_us)
{
    if (conn_moved(conn, now_us))
        return;
    if (now_us - conn->since_us >= conn_limit_ms(conn) * 1000)
        shutdown(h2o_socket_get_fd(conn->sock), conn->state == CONN_WRITING ? SHUT_RDWR : SHUT_RD);
}

void http_sweep(void *http_loop)
{
    struct http_loop *self = http_loop;
    int64_t now_us = loop_now_us(self->loop);
    for (struct http_conn *conn = self->conns; conn != NULL; conn = conn->next)
        conn_sweep(conn, now_us);
    accept_on(self, has_room(self));
    http_tell_drained(self);
    loop_timer_set(self->sweep, self->draining ? HTTP_SWEEP_DRAIN_MS : HTTP_SWEEP_MS);
}
