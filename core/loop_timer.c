/* A binary heap of one-shot timers. libh2o 2.2 has only lists of one fixed duration each, driven by the wall clock;
 * these have any duration and CLOCK_BOOTTIME. */
#include "core/loop_timer.h"
#include "core/buf.h"
#include "core/loop.h"
#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#define NOT_SET SIZE_MAX

struct loop_timer {
    struct loop *loop;
    void (*fn)(void *arg);
    void *arg;
    int64_t due_us;
    size_t index; /* in the heap; NOT_SET when it is not there */
};

static void heap_put(struct timer_heap *heap, size_t index, struct loop_timer *timer)
{
    heap->item[index] = timer;
    timer->index = index;
}

static void heap_rise(struct timer_heap *heap, size_t index)
{
    struct loop_timer *timer = heap->item[index];
    while (index > 0 && heap->item[(index - 1) / 2]->due_us > timer->due_us) {
        heap_put(heap, index, heap->item[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    heap_put(heap, index, timer);
}

static void heap_sink(struct timer_heap *heap, size_t index)
{
    struct loop_timer *timer = heap->item[index];
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= heap->count)
            break;
        if (child + 1 < heap->count && heap->item[child + 1]->due_us < heap->item[child]->due_us)
            child++;
        if (heap->item[child]->due_us >= timer->due_us)
            break;
        heap_put(heap, index, heap->item[child]);
        index = child;
    }
    heap_put(heap, index, timer);
}

static void heap_remove(struct timer_heap *heap, struct loop_timer *timer)
{
    size_t index = timer->index;
    struct loop_timer *last = heap->item[--heap->count];
    timer->index = NOT_SET;
    if (last == timer)
        return;
    heap_put(heap, index, last);
    heap_rise(heap, index);
    heap_sink(heap, last->index);
}

static void heap_add(struct timer_heap *heap, struct loop_timer *timer)
{
    if (heap->count == heap->cap) {
        heap->cap = heap->cap == 0 ? 16 : heap->cap * 2;
        heap->item = mem_grow(heap->item, heap->cap * sizeof *heap->item);
    }
    heap_put(heap, heap->count++, timer);
    heap_rise(heap, timer->index);
}

struct loop_timer *loop_timer_new(struct loop *loop, void (*fn)(void *arg), void *arg)
{
    struct loop_timer *timer = mem_alloc(sizeof *timer);
    *timer = (struct loop_timer){.loop = loop, .fn = fn, .arg = arg, .index = NOT_SET};
    return timer;
}

void loop_timer_set(struct loop_timer *timer, uint32_t delay_ms)
{
    loop_timer_cancel(timer);
    timer->due_us = loop_now_us(timer->loop) + (int64_t)delay_ms * 1000;
    heap_add(loop_timers(timer->loop), timer);
}

void loop_timer_cancel(struct loop_timer *timer)
{
    if (timer->index != NOT_SET)
        heap_remove(loop_timers(timer->loop), timer);
}

void loop_timer_free(struct loop_timer *timer)
{
    if (timer == NULL)
        return;
    loop_timer_cancel(timer);
    free(timer);
}

void timer_heap_run(struct timer_heap *heap, int64_t now_us)
{
    /* A callback may set itself again with no delay: bounded by what was set when the round began. */
    for (size_t left = heap->count; left > 0 && heap->count > 0 && heap->item[0]->due_us <= now_us; left--) {
        struct loop_timer *timer = heap->item[0];
        heap_remove(heap, timer);
        timer->fn(timer->arg); /* may free the timer */
    }
}

int32_t timer_heap_wait_ms(const struct timer_heap *heap, int64_t now_us, int32_t idle_ms)
{
    if (heap->count == 0)
        return idle_ms;
    int64_t wait_ms = (heap->item[0]->due_us - now_us + 999) / 1000;
    if (wait_ms < 0)
        return 0;
    return wait_ms < idle_ms ? (int32_t)wait_ms : idle_ms;
}

void timer_heap_free(struct timer_heap *heap)
{
    assert(heap->count == 0);
    free(heap->item);
    *heap = (struct timer_heap){0};
}
