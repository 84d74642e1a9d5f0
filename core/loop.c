/* The event loop: h2o's evloop, and around each of its iterations our timers, messages and tick hooks.
 *
 * Two things are not obvious. A write that a hook finishes at once is "pending" in h2o and would wait for the next
 * event, so the loop does not sleep while something is pending. And h2o closes the descriptors that it watches, so it
 * is given duplicates of those that are not its own.
 */
#include "core/loop.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/loop_timer.h"
#include <errno.h>
#include <fcntl.h>
#include <h2o.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { LOOP_IDLE_MS = 1000, LOOP_HOOK_ROUNDS = 2, LOOP_ERROR_PAUSE_MS = 1 };

struct loop {
    h2o_loop_t *h2o;
    struct timer_heap timers;
    struct loop_hook *hooks;
    struct loop_hook *next_hook;      /* of the round that runs, so that a hook may be removed under it */
    int64_t now_us;                   /* of this tick; 0: nobody has asked yet */
    _Atomic(struct loop_msg *) inbox; /* newest first */
    atomic_bool stop;
    int wake_fd; /* eventfd */
    struct loop_fd *wake;
};

struct loop_fd {
    h2o_socket_t *sock; /* on a duplicate of the caller's fd */
    void (*on_readable)(void *arg);
    void (*on_writable)(void *arg);
    void *arg;
};

/* ---- descriptors ---- */

static void fd_on_read(h2o_socket_t *sock, const char *error)
{
    (void)error; /* of a read, and h2o reads nothing here */
    struct loop_fd *watch = sock->data;
    watch->on_readable(watch->arg);
}

static void fd_on_write(h2o_socket_t *sock, const char *error)
{
    (void)error;
    struct loop_fd *watch = sock->data;
    void (*fn)(void *arg) = watch->on_writable;
    watch->on_writable = NULL;
    fn(watch->arg);
}

struct loop_fd *loop_fd_new(struct loop *loop, int fd, void (*on_readable)(void *arg), void *arg)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return NULL;
    struct loop_fd *watch = mem_alloc(sizeof *watch);
    *watch = (struct loop_fd){.on_readable = on_readable, .arg = arg};
    watch->sock = h2o_evloop_socket_create(loop->h2o, copy, H2O_SOCKET_FLAG_DONT_READ);
    watch->sock->data = watch;
    return watch;
}

void loop_fd_read(struct loop_fd *watch, bool on)
{
    if (on == h2o_socket_is_reading(watch->sock))
        return;
    if (on)
        h2o_socket_read_start(watch->sock, fd_on_read);
    else
        h2o_socket_read_stop(watch->sock);
}

void loop_fd_write_once(struct loop_fd *watch, void (*on_writable)(void *arg))
{
    if (watch->on_writable == NULL)
        h2o_socket_notify_write(watch->sock, fd_on_write);
    watch->on_writable = on_writable;
}

void loop_fd_free(struct loop_fd *watch)
{
    if (watch == NULL)
        return;
    h2o_socket_close(watch->sock); /* h2o frees it in a later tick and calls nothing of it before that */
    free(watch);
}

/* ---- messages ---- */

static void loop_wake(struct loop *loop)
{
    uint64_t one = 1;
    while (write(loop->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

void loop_post(struct loop *loop, struct loop_msg *msg)
{
    struct loop_msg *head = atomic_load_explicit(&loop->inbox, memory_order_relaxed);
    do
        msg->next = head;
    while (
        !atomic_compare_exchange_weak_explicit(&loop->inbox, &head, msg, memory_order_release, memory_order_relaxed));
    if (head == NULL)
        loop_wake(loop); /* whoever put the first one has woken it for the others */
}

static struct loop_msg *inbox_take(struct loop *loop)
{
    struct loop_msg *newest = atomic_exchange_explicit(&loop->inbox, NULL, memory_order_acquire);
    struct loop_msg *oldest = NULL;
    while (newest != NULL) {
        struct loop_msg *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

static void on_wake(void *arg)
{
    struct loop *loop = arg;
    uint64_t count;
    while (read(loop->wake_fd, &count, sizeof count) < 0 && errno == EINTR)
        ;
    for (struct loop_msg *msg = inbox_take(loop); msg != NULL;) {
        struct loop_msg *next = msg->next; /* `fn` may free the message */
        msg->fn(msg);
        msg = next;
    }
}

/* ---- hooks ---- */

void loop_hook_add(struct loop *loop, struct loop_hook *hook)
{
    hook->next = loop->hooks;
    loop->hooks = hook;
}

void loop_hook_remove(struct loop *loop, struct loop_hook *hook)
{
    struct loop_hook **at = &loop->hooks;
    while (*at != NULL && *at != hook)
        at = &(*at)->next;
    if (*at == NULL)
        return;
    if (loop->next_hook == hook)
        loop->next_hook = hook->next;
    *at = hook->next;
}

static void hooks_run(struct loop *loop)
{
    loop->next_hook = loop->hooks;
    while (loop->next_hook != NULL) {
        struct loop_hook *hook = loop->next_hook;
        loop->next_hook = hook->next;
        hook->fn(hook->arg);
    }
}

/* ---- life ---- */

struct loop *loop_new(void)
{
    signal(SIGPIPE, SIG_IGN);
    struct loop *loop = mem_alloc(sizeof *loop);
    loop->h2o = h2o_evloop_create();
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    loop->wake = loop->wake_fd < 0 ? NULL : loop_fd_new(loop, loop->wake_fd, on_wake, loop);
    if (loop->wake == NULL) {
        loop_free(loop);
        return NULL;
    }
    loop_fd_read(loop->wake, true);
    return loop;
}

int64_t loop_now_us(const struct loop *loop)
{
    struct loop *self = (struct loop *)(uintptr_t)loop; /* a cache of the clock, not a change of the loop */
    if (self->now_us == 0)
        self->now_us = clock_boottime_us();
    return self->now_us;
}

static int32_t loop_wait_ms(struct loop *loop)
{
    if (loop->h2o->_pending_as_client != NULL || loop->h2o->_pending_as_server != NULL)
        return 0;
    return timer_heap_wait_ms(&loop->timers, clock_boottime_us(), LOOP_IDLE_MS);
}

static void loop_tick(struct loop *loop)
{
    int32_t wait_ms = loop_wait_ms(loop);
    loop->now_us = 0;
    if (h2o_evloop_run(loop->h2o, wait_ms) != 0 && errno != EINTR)
        clock_sleep_ms(LOOP_ERROR_PAUSE_MS); /* epoll_ctl refused, out of memory: go on, but do not spin */
    if (loop->timers.count > 0)
        timer_heap_run(&loop->timers, loop_now_us(loop));
    for (int round = 0; round < LOOP_HOOK_ROUNDS; round++)
        hooks_run(loop);
}

void loop_run(struct loop *loop)
{
    while (!atomic_load_explicit(&loop->stop, memory_order_acquire))
        loop_tick(loop);
    on_wake(loop); /* what was posted before the stop, after which the last tick may have looked no more */
}

void loop_stop(struct loop *loop)
{
    atomic_store_explicit(&loop->stop, true, memory_order_release);
    loop_wake(loop);
}

void loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    loop_fd_free(loop->wake);
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
    timer_heap_free(&loop->timers);
    h2o_evloop_run(loop->h2o, 0); /* frees the closed sockets */
    h2o_evloop_destroy(loop->h2o);
    free(loop);
}

struct timer_heap *loop_timers(struct loop *loop)
{
    return &loop->timers;
}

void *loop_h2o(struct loop *loop)
{
    return loop->h2o;
}

#ifdef __SANITIZE_ADDRESS__
/* libh2o keeps a bounded cache a thread, which no call gives back at the thread's end, and forgets its (unused) message
 * queue. Ours alone should be reported. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:h2o_mem_alloc_recycle\nleak:h2o_multithread_create_queue\n";
}
#endif
