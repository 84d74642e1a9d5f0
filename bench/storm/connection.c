/* The states of a connection. Sockets are edge-triggered: after an event everything is written and read until the
 * kernel has no more, which a short read shows as well (epoll(7), "Questions and answers", 9). */
#include "bench/storm/connection.h"

#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES_MAX 16384u

void connection_init(struct connection *c)
{
    c->fd = -1;
    c->state = CONNECTION_CLOSED;
    c->failure = FAILURE_NONE;
    c->out_len = 0;
    c->out_done = 0;
    c->previous = NULL;
    c->next = NULL;
    response_reset(&c->response);
}

void connection_close(struct connection *c)
{
    if (c->fd >= 0) {
        close(c->fd); /* also takes it out of epoll */
    }
    c->fd = -1;
    c->state = CONNECTION_CLOSED;
}

bool connection_has_sent(const struct connection *c)
{
    return c->out_done > 0;
}

static enum connection_step fail(struct connection *c, enum failure failure)
{
    c->failure = failure;
    connection_close(c);
    return CONNECTION_FAILED;
}

static enum connection_step write_rest(struct connection *c)
{
    while (c->out_done < c->out_len) {
        ssize_t n = send(c->fd, c->out + c->out_done, c->out_len - c->out_done, MSG_NOSIGNAL);
        if (n >= 0) {
            c->out_done += (size_t)n;
        } else if (errno == EAGAIN) {
            return CONNECTION_WAITS;
        } else if (errno != EINTR) {
            return fail(c, FAILURE_RESET);
        }
    }
    c->state = CONNECTION_READING;
    return CONNECTION_WAITS;
}

static enum connection_step answered(struct connection *c, bool is_last)
{
    if (is_last || !c->response.keep_alive) {
        connection_close(c);
    } else {
        c->state = CONNECTION_IDLE;
    }
    return CONNECTION_ANSWERED;
}

static enum connection_step take_bytes(struct connection *c, const char *data, size_t len)
{
    size_t used = 0;
    switch (response_feed(&c->response, data, len, &used)) {
    case RESPONSE_MORE:
        return CONNECTION_WAITS;
    case RESPONSE_DONE:
        /* Bytes behind the answer belong to no request: the connection is of no more use. */
        return answered(c, used < len);
    default:
        return fail(c, FAILURE_BAD_HTTP);
    }
}

static enum connection_step take_end(struct connection *c)
{
    bool is_whole = response_close(&c->response) == RESPONSE_DONE;
    return is_whole ? answered(c, true) : fail(c, FAILURE_RESET);
}

/* until_empty: the peer has closed its side, so a short read does not mean that the end was seen. */
static enum connection_step read_all(struct connection *c, bool until_empty)
{
    char data[READ_BYTES_MAX];
    enum connection_step step = CONNECTION_WAITS;
    while (step == CONNECTION_WAITS) {
        ssize_t n = recv(c->fd, data, sizeof data, 0);
        if (n > 0) {
            step = take_bytes(c, data, (size_t)n);
            if ((size_t)n < sizeof data && !until_empty) {
                return step;
            }
        } else if (n == 0) {
            return take_end(c);
        } else if (errno == EAGAIN) {
            return step;
        } else if (errno != EINTR) {
            return fail(c, FAILURE_RESET);
        }
    }
    return step;
}

static enum connection_step on_connected(struct connection *c)
{
    int code = 0;
    socklen_t len = sizeof code;
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &code, &len) != 0 || code != 0) {
        return fail(c, FAILURE_CONNECT);
    }
    c->state = CONNECTION_SENDING;
    return write_rest(c);
}

static enum connection_step open_socket(struct connection *c, const struct target *target, int epoll_fd)
{
    c->fd = target_connect(target);
    if (c->fd < 0) {
        return fail(c, FAILURE_CONNECT);
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event) != 0) {
        return fail(c, FAILURE_CONNECT);
    }
    c->state = CONNECTION_CONNECTING; /* epoll reports EPOLLOUT at once when it already stands */
    return CONNECTION_WAITS;
}

/* A look at the socket itself: its close may wait in epoll behind other events, and a grab sent after it would be
 * lost. */
static bool is_usable(const struct connection *c)
{
    char byte;
    return recv(c->fd, &byte, 1, MSG_PEEK) < 0 && errno == EAGAIN;
}

enum connection_step connection_send(struct connection *c, const struct target *target, int epoll_fd)
{
    assert(c->state == CONNECTION_CLOSED || c->state == CONNECTION_IDLE);
    c->out_len = request_render(&c->request, target->host, c->out);
    c->out_done = 0;
    c->failure = FAILURE_NONE;
    response_reset(&c->response);
    if (c->state == CONNECTION_IDLE && is_usable(c)) {
        c->state = CONNECTION_SENDING;
        return write_rest(c);
    }
    connection_close(c);
    return open_socket(c, target, epoll_fd);
}

/* An idle connection may only be closed by the server; bytes without a request are a broken server. */
static enum connection_step on_idle(struct connection *c, uint32_t events)
{
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0) {
        return CONNECTION_WAITS;
    }
    char byte;
    if (recv(c->fd, &byte, 1, 0) < 0 && (errno == EAGAIN || errno == EINTR)) {
        return CONNECTION_WAITS;
    }
    connection_close(c);
    return CONNECTION_DROPPED;
}

enum connection_step connection_resume(struct connection *c, uint32_t events)
{
    bool is_ended = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    enum connection_step step = CONNECTION_WAITS;
    switch (c->state) {
    case CONNECTION_CLOSED:
        return CONNECTION_WAITS;
    case CONNECTION_IDLE:
        return on_idle(c, events);
    case CONNECTION_CONNECTING:
        step = on_connected(c);
        break;
    case CONNECTION_SENDING:
        step = write_rest(c);
        break;
    case CONNECTION_READING:
        break;
    }
    /* A server may answer and close before it took the whole request, so an end is looked for while sending too. */
    bool has_input = (events & EPOLLIN) != 0 || is_ended;
    return step == CONNECTION_WAITS && has_input ? read_all(c, is_ended) : step;
}
