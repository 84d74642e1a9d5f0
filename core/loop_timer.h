/* Timers of a loop, as a binary heap ordered by due time. For core/loop.c alone; pure but for memory: the time is
 * handed in. */
#ifndef WEIR_CORE_LOOP_TIMER_H
#define WEIR_CORE_LOOP_TIMER_H

#include <stddef.h>
#include <stdint.h>

struct loop;
struct loop_timer;

/* Invariant: item[i]->index == i, and no item is due before its parent item[(i - 1) / 2]. */
struct timer_heap {
    struct loop_timer **item;
    size_t count;
    size_t cap;
};

struct timer_heap *loop_timers(struct loop *loop);
/* Runs what is due at `now_us`, each timer at most once; what a callback sets anew with no delay waits for the next
 * call. */
void timer_heap_run(struct timer_heap *heap, int64_t now_us);
/* Milliseconds until the next one, rounded up; `idle_ms` when there is none or it is later. */
int32_t timer_heap_wait_ms(const struct timer_heap *heap, int64_t now_us, int32_t idle_ms);
void timer_heap_free(struct timer_heap *heap);

#endif
