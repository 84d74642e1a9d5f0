/* One keep-alive connection with at most one request in flight, never blocking.
 *
 *   closed --connection_send--> connecting -> sending -> reading --answer--> idle --connection_send--> sending …
 *                                    \___________\__________\__failure, timeout or a server's close--> closed
 *
 * The socket is watched edge-triggered from its first moment, so that a request costs no epoll_ctl. The client owns the
 * struct; it lives as long as the run. One thread. */
#ifndef WEIR_BENCH_STORM_CONNECTION_H
#define WEIR_BENCH_STORM_CONNECTION_H

#include "bench/storm/request.h"
#include "bench/storm/response.h"
#include "bench/storm/target.h"

#include <stdbool.h>
#include <stdint.h>

enum connection_state {
    CONNECTION_CLOSED,
    CONNECTION_CONNECTING,
    CONNECTION_SENDING,
    CONNECTION_READING,
    CONNECTION_IDLE,
};

/* Why a request has no answer. */
enum failure { FAILURE_NONE, FAILURE_CONNECT, FAILURE_RESET, FAILURE_TIMEOUT, FAILURE_BAD_HTTP, FAILURE_COUNT };

enum connection_step {
    CONNECTION_WAITS,    /* nothing to do for the caller */
    CONNECTION_ANSWERED, /* `response` is whole; now idle, or closed when the server wanted that */
    CONNECTION_FAILED,   /* `failure` says why; now closed */
    CONNECTION_DROPPED,  /* the server closed it while idle; now closed */
};

/* Invariants: fd < 0 exactly when closed; out_done <= out_len <= sizeof out. */
struct connection {
    int fd;
    enum connection_state state;
    enum failure failure;
    size_t out_len;
    size_t out_done;
    struct request request;             /* the one in flight, or the last */
    struct connection *previous, *next; /* in the client's list for its state */
    char out[REQUEST_BYTES_MAX];
    struct response response;
};

/* Makes a closed one. */
void connection_init(struct connection *c);

/* Sends c->request, on the open socket or on a new one that it registers with epoll_fd (data.ptr = c). Wants a closed
 * or idle c. Never CONNECTION_DROPPED. */
enum connection_step connection_send(struct connection *c, const struct target *target, int epoll_fd) WEIR_MUST_USE;

/* Goes on after epoll reported `events` (EPOLLIN …) for c. */
enum connection_step connection_resume(struct connection *c, uint32_t events) WEIR_MUST_USE;

/* Closes it in whatever state. */
void connection_close(struct connection *c);

/* False while it is certain that the server has seen no byte of the request: such a grab cannot have happened. */
bool connection_has_sent(const struct connection *c);

#endif
