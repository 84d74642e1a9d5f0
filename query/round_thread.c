#include "query/round_thread.h"

#include <string.h>
#include <time.h>

void round_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

/* True when the thread shall stop. */
static bool round_wait(struct round_thread *thread)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + thread->wait_ms % 1000 * 1000000;
    until.tv_sec += thread->wait_ms / 1000 + ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    pthread_mutex_lock(&thread->lock);
    int waited = 0;
    while (!thread->stopping && waited == 0)
        waited = pthread_cond_timedwait(&thread->wake, &thread->lock, &until);
    bool stopping = thread->stopping;
    pthread_mutex_unlock(&thread->lock);
    return stopping;
}

static void *round_main(void *arg)
{
    struct round_thread *thread = arg;
    do
        thread->round(thread->arg);
    while (!round_wait(thread));
    return NULL;
}

bool round_thread_start(struct round_thread *thread, void (*round)(void *arg), void *arg, int64_t wait_ms,
                        struct err *err)
{
    *thread = (struct round_thread){.round = round, .arg = arg, .wait_ms = wait_ms};
    pthread_mutex_init(&thread->lock, NULL);
    round_cond_init(&thread->wake);
    int code = pthread_create(&thread->id, NULL, round_main, thread);
    if (code == 0)
        return true;
    pthread_cond_destroy(&thread->wake);
    pthread_mutex_destroy(&thread->lock);
    return err_set(err, ERR_INTERNAL, "a thread cannot be started: %s", strerror(code));
}

void round_thread_stop(struct round_thread *thread)
{
    pthread_mutex_lock(&thread->lock);
    thread->stopping = true;
    pthread_cond_signal(&thread->wake);
    pthread_mutex_unlock(&thread->lock);
    pthread_join(thread->id, NULL);
    pthread_cond_destroy(&thread->wake);
    pthread_mutex_destroy(&thread->lock);
}
