/* One connection through a link: two sockets, and a flow in each direction.
 *
 *     read(client) -> queue[UP]   -> (vanish? late? slow? cut?) -> write(server)
 *     write(client) <- (the same) <- queue[DOWN] <- read(server)
 *
 * A full queue is not read into (back-pressure). The end of a stream is passed on after the bytes before it. A
 * connection is made by its link's listener and freed by proxy_turn after it was closed.
 */
#ifndef WEIR_PROXY_CONN_H
#define WEIR_PROXY_CONN_H

#include "tests/support/proxy/link.h"
#include "tests/support/proxy/queue.h"

struct flow {
    struct queue queue;
    bool ended;         /* no more to read */
    bool broken;        /* by RST, which is not passed on yet */
    bool closed;        /* the end was passed on */
    bool holed;         /* bytes or the end have vanished: this stream can never be whole again */
    bool blocked;       /* the socket that it writes to is full */
    uint64_t passed;    /* bytes written */
    uint64_t cut_from;  /* `passed` when cut_after was set */
    int64_t allowed_us; /* when the throttle lets the next bytes pass */
};

struct conn {
    struct side {
        struct watch watch; /* first: the watch is the side */
        struct conn *conn;
    } side[DIRECTIONS]; /* side[UP] is the client's, where UP is read; side[DOWN] the server's */
    struct flow flow[DIRECTIONS];
    struct link *link;   /* borrowed */
    struct fault *fault; /* the link's; or an own one, owned */
    struct conn *next, *previous;
    struct conn *next_timed; /* in proxy->timed, while `timed` */
    struct conn *next_dead;
    struct fault_scan scan; /* of the requests, for the match */
    int64_t wake_us;
    uint64_t id;
    bool timed, connecting, dead;
    bool swallowing;  /* the answer to a matching request is to vanish */
    bool swallow_cut; /* and the connection is then to be reset */
    uint32_t hits;    /* bit FAULT_x: counted since the last command */
};

/* Accepts a client of the link, and connects to the target. */
void conn_accept(struct link *link);
struct conn *conn_find(const struct link *link, uint64_t id);
/* A fault of its own from now on, as `words` say on top of what held. */
WEIR_MUST_USE bool conn_fault(struct conn *conn, char *words, struct err *err);
void conn_fault_changed(struct conn *conn);                 /* its fault was set anew */
void conn_heal(struct conn *conn);                          /* its own fault is gone; reset when bytes have vanished */
void conn_reset(struct conn *conn);                         /* RST to both */
void conn_end(struct conn *conn, enum direction direction); /* the end of stream now, whatever comes after */
void conn_hit(struct conn *conn, enum fault_kind kind);
/* Those whose time has come go on; answers when the next one's does (INT64_MAX: none waits). */
int64_t conns_wake(struct proxy *proxy, int64_t now_us);
void conns_bury(struct proxy *proxy); /* frees the dead */

#endif
