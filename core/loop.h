/* One event loop, one thread: h2o's evloop behind a small face. Everything of a loop belongs to the thread that runs
 * it, except where "any thread" is written.
 *
 *     events of a tick -> callbacks -> timers -> tick hooks (flush what the callbacks gathered) -> wait
 *
 * Time is CLOCK_BOOTTIME throughout: a stepped wall clock moves no timer.
 */
#ifndef WEIR_CORE_LOOP_H
#define WEIR_CORE_LOOP_H

#include "core/err.h"
#include <stdint.h>

struct loop;

/* NULL when no file descriptor is left. Also ignores SIGPIPE, for the process: a peer that went away is an error of the
 * write. */
WEIR_MUST_USE struct loop *loop_new(void);
void loop_run(struct loop *loop);  /* until loop_stop; the calling thread becomes the owner */
void loop_stop(struct loop *loop); /* any thread; the loop must not be freed before the call has come back */
/* After loop_run has come back; timers and watches are freed by their owners before. */
void loop_free(struct loop *loop);
int64_t loop_now_us(const struct loop *loop); /* CLOCK_BOOTTIME, read once a tick, at the first callback that asks */

/* A message to the loop's thread; the struct is the sender's (put it first in your own) until `fn` is called with it.
 * Messages of one sender keep their order. What is posted after the loop has stopped is never called. */
struct loop_msg {
    struct loop_msg *next;
    void (*fn)(struct loop_msg *msg);
};
/* Any thread, never blocks. What is posted before loop_stop is served. */
void loop_post(struct loop *loop, struct loop_msg *msg);

/* Called after each tick's callbacks. The hook that was added last is called first: what is built on top hands down its
 * work before what lies below flushes it. Each hook is called up to twice a tick (the second round takes what the first
 * one brought), so it must be cheap when it has nothing to do. */
struct loop_hook {
    struct loop_hook *next;
    void (*fn)(void *arg);
    void *arg;
};
void loop_hook_add(struct loop *loop,
                   struct loop_hook *hook); /* the hook is borrowed until it is removed or the loop ends */
void loop_hook_remove(struct loop *loop, struct loop_hook *hook); /* also from inside a hook */

/* Timers: one-shot; set again to move; the loop owns the struct. */
struct loop_timer;
struct loop_timer *loop_timer_new(struct loop *loop, void (*fn)(void *arg), void *arg);
void loop_timer_set(struct loop_timer *timer, uint32_t delay_ms);
void loop_timer_cancel(struct loop_timer *timer);
void loop_timer_free(struct loop_timer *timer); /* NULL is fine; also from its own callback */

/* Readiness of a file descriptor (level-triggered; hang-up and error count as readable). The fd stays the caller's and
 * becomes non-blocking: the loop watches a duplicate, so the caller may close the fd before or after loop_fd_free().
 * NULL when no descriptor is left for the duplicate. */
struct loop_fd;
struct loop_fd *loop_fd_new(struct loop *loop, int fd, void (*on_readable)(void *arg), void *arg);
void loop_fd_read(struct loop_fd *watch, bool on); /* off at first */
/* One call, when it can be written; a second ask before that is one ask. */
void loop_fd_write_once(struct loop_fd *watch, void (*on_writable)(void *arg));
void loop_fd_free(struct loop_fd *watch); /* NULL is fine; also from its own callbacks; none follows */

/* The libh2o loop itself, for core/http*.c alone. */
void *loop_h2o(struct loop *loop);

#endif
