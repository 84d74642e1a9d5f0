/* See poller.h. */
#include "tests/support/proxy/poller.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS_MAX = 256 };

bool poller_open(int *ret_poller, struct err *err)
{
    const int poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller < 0)
        return err_set(err, ERR_OUTAGE, "epoll_create1 failed: %s", strerror(errno));
    *ret_poller = poller;
    return true;
}

void poller_set(int poller, struct watch *watch, uint32_t events)
{
    assert(watch->fd >= 0);
    if (events == watch->events)
        return;
    const int operation = events == 0 ? EPOLL_CTL_DEL : watch->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    struct epoll_event event = {.events = events, .data.ptr = watch};
    const int failed = epoll_ctl(poller, operation, watch->fd, &event);
    assert(!failed); /* the descriptor is open, and the limit of watches far above that of descriptors */
    watch->events = events;
}

void poller_wait(int poller, int timeout_ms)
{
    struct epoll_event events[EVENTS_MAX];
    const int count = epoll_wait(poller, events, EVENTS_MAX, timeout_ms);
    for (int i = 0; i < count; i++) {
        struct watch *watch = events[i].data.ptr;
        if (watch->fd >= 0)
            watch->fn(watch, events[i].events);
    }
}

void watch_close(struct watch *watch, bool reset)
{
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};
    if (watch->fd < 0)
        return;
    if (reset)
        (void)setsockopt(watch->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(watch->fd);
    watch->fd = -1;
    watch->events = 0;
}
