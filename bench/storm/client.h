/* The generator's loop: sends each request when it is due, on whichever connection is free, and reports how it ended.
 *
 *   schedule -> dispatch -> connection_send ... epoll ... connection_resume -> finish -> on_done
 *
 * What: one thread, one epoll, at most `connections` sockets opened as they are needed. When all are busy, due requests
 * wait (as numbers, not as memory) and their latency counts on from the intended time. Not: it judges no answer and
 * prints nothing; both belong to the callbacks. Nothing is ever sent twice. */
#ifndef WEIR_BENCH_STORM_CLIENT_H
#define WEIR_BENCH_STORM_CLIENT_H

#include "bench/storm/connection.h"
#include "bench/storm/scenario.h"
#include "bench/storm/schedule.h"

#include <signal.h>

/* How one request ended. Borrowed: valid during the call of on_done. */
struct client_result {
    enum failure failure; /* FAILURE_NONE when there is an answer */
    bool has_sent;        /* false: the server cannot have seen it */
    int status;           /* HTTP; 0 without an answer */
    const char *body;     /* the first body_len bytes of it */
    size_t body_len;
    const char *location; /* "" when there is none */
};

struct client_status {
    int64_t start_us; /* CLOCK_BOOTTIME; all other times are since then */
    int64_t elapsed_us;
    int64_t last_sent_us;
    uint64_t sent;
    uint64_t in_flight;
    uint64_t waiting; /* due, but no connection was free */
};

struct client_plan {
    struct target target;
    struct schedule schedule;
    struct scenario_plan scenario;
    uint32_t connections;
    int64_t timeout_ms;                /* of one request, from the moment it was sent */
    int64_t drain_ms;                  /* how long after the last due time waiting requests are still sent */
    const volatile sig_atomic_t *stop; /* set by a signal: sends no more, waits for what is in flight */
    void (*on_done)(void *context, const struct request *request, const struct client_result *result);
    void (*on_tick)(void *context, const struct client_status *status); /* about once a second */
    void *context;
};

/* Runs the whole plan; blocks. ret_status holds the closing figures. ERR_INTERNAL when
 * the system gives no epoll. */
bool client_run(const struct client_plan *plan, struct client_status *ret_status, struct err *err) WEIR_MUST_USE;

#endif
