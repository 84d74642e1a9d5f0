/* epoll behind a small face. One thread. A watch is a part of its owner's struct. */
#ifndef WEIR_PROXY_POLLER_H
#define WEIR_PROXY_POLLER_H

#include "core/err.h"
#include <stdint.h>
#include <sys/epoll.h>

struct watch {
    int fd; /* -1: closed; events that are already under way are dropped */
    uint32_t events;
    void (*fn)(struct watch *watch, uint32_t events);
};

WEIR_MUST_USE bool poller_open(int *ret_poller, struct err *err);
/* Watches for exactly these events; 0: for nothing, errors included. */
void poller_set(int poller, struct watch *watch, uint32_t events);
/* Waits up to `timeout_ms` (-1: for ever) and calls the watches. What a call frees must stay until this has
 * returned. */
void poller_wait(int poller, int timeout_ms);
/* Closes the descriptor, by RST when `reset`. */
void watch_close(struct watch *watch, bool reset);

#endif
