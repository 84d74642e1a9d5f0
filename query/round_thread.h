/* A thread that does one thing again and again, with a wait between, until it is stopped. */
#ifndef WEIR_QUERY_ROUND_THREAD_H
#define WEIR_QUERY_ROUND_THREAD_H

#include "core/err.h"
#include <pthread.h>
#include <stdint.h>

struct round_thread {
    void (*round)(void *arg); /* on the thread */
    void *arg;
    int64_t wait_ms; /* between two rounds */
    pthread_t id;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping; /* under the lock */
};

/* The struct is the caller's and stays in place until round_thread_stop. */
WEIR_MUST_USE bool round_thread_start(struct round_thread *thread, void (*round)(void *arg), void *arg, int64_t wait_ms,
                                      struct err *err);
void round_thread_stop(struct round_thread *thread); /* waits for the round that runs */

/* A condition whose timed waits go by a clock that is never set. */
void round_cond_init(pthread_cond_t *cond);

#endif
