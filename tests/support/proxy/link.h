/* A link: clients of LISTEN_PORT are carried to TARGET, as well or as badly as its fault says.
 *
 *     client --connect--> listener --accept--> conn <--connect--> target
 *
 * A link listens only while its target does, so that clients are refused exactly when the target itself would refuse
 * them: one that was accepted and then reset could not know that nothing was sent.
 *
 * One thread. The proxy owns its links, a link its connections.
 */
#ifndef WEIR_PROXY_LINK_H
#define WEIR_PROXY_LINK_H

#include "tests/support/proxy/fault.h"
#include "tests/support/proxy/poller.h"
#include <netinet/in.h>

enum { LINK_NAME_BYTES_MAX = 40, LINKS_MAX = 200 };

struct conn;
struct proxy;

struct counters { /* since the link was made */
    uint64_t connections;
    uint64_t bytes[DIRECTIONS];   /* delivered */
    uint64_t dropped[DIRECTIONS]; /* vanished */
    uint64_t hit[FAULT_KINDS];    /* connections hit by each fault; a new command counts anew */
};

struct link {
    struct watch listener; /* first: the watch is the link; fd -1 while it refuses */
    struct proxy *proxy;   /* borrowed */
    char name[LINK_NAME_BYTES_MAX + 1];
    uint16_t port;
    struct sockaddr_in target;
    bool target_listens;
    struct fault fault;
    struct counters counters;
    struct conn *conns; /* owned, a list */
};

struct proxy {
    int poller;
    struct link *links[LINKS_MAX]; /* owned */
    size_t link_count;
    struct conn *timed; /* connections that wait for a time */
    struct conn *dead;  /* closed, freed by proxy_turn */
    uint64_t last_conn_id;
    int64_t looked_us; /* when the targets were last looked at */
    bool look_soon;    /* something says that a target may be gone */
};

/* "NAME LISTEN_PORT HOST:PORT"; `text` is cut up. HOST is an IPv4 address. */
WEIR_MUST_USE bool proxy_link(struct proxy *proxy, char *text, struct err *err);
struct link *proxy_find(const struct proxy *proxy, const char *name);
/* Waits for events or times, handles them, and looks whether targets listen. */
void proxy_turn(struct proxy *proxy);
void proxy_free(struct proxy *proxy);

/* After `fault` was changed, here or (by `conn`) for one connection. */
void link_fault_changed(struct link *link);
/* Back to health; connections whose bytes have vanished are reset. */
void link_heal(struct link *link);

#endif
