/* One array under one lock; see the header for who writes what. A wake-up that comes just before a sleep is lost, which
 * costs at most that sleep: it is bounded. */
#include "workers/seats.h"

#include "core/buf.h"
#include "core/clock.h"
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct seat {
    bool assigned;
    bool held;
    bool broken;
    uint32_t generation; /* rises with each assignment */
    enum seat_wish wish;
    bool beginning; /* a begin is wished, or being done */
    int64_t wish_offset;
    int64_t next_offset;
    int64_t let_go_ms; /* 0: not let go */
    char alarm[SEAT_WHY_BYTES_MAX];
    char waits[SEAT_WHY_BYTES_MAX];
};

struct seats {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t changes;   /* that a sleeping writer should see */
    int64_t awaited_ms; /* 0: an assignment holds */
    int32_t count;
    struct seat *seat;
};

struct seats *seats_new(int32_t partitions, int64_t awaited_ms)
{
    struct seats *seats = mem_alloc(sizeof *seats);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&seats->lock, NULL);
    pthread_cond_init(&seats->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    seats->awaited_ms = awaited_ms;
    seats->count = partitions;
    seats->seat = mem_alloc((size_t)partitions * sizeof *seats->seat);
    for (int32_t i = 0; i < partitions; i++)
        seats->seat[i].next_offset = -1;
    return seats;
}

void seats_free(struct seats *seats)
{
    if (!seats)
        return;
    pthread_cond_destroy(&seats->changed);
    pthread_mutex_destroy(&seats->lock);
    free(seats->seat);
    free(seats);
}

int32_t seats_count(const struct seats *seats)
{
    return seats->count;
}

static struct seat *seat_lock(struct seats *seats, int32_t partition)
{
    assert(partition >= 0 && partition < seats->count);
    pthread_mutex_lock(&seats->lock);
    return &seats->seat[partition];
}

static void seat_unlock(struct seats *seats)
{
    pthread_mutex_unlock(&seats->lock);
}

static void seats_changed(struct seats *seats) /* under the lock */
{
    seats->changes++;
    pthread_cond_broadcast(&seats->changed);
}

/* Waits on the condition until `until_us` of CLOCK_MONOTONIC at the latest; false when that has come. Under the
 * lock. */
static bool seats_sleep(struct seats *seats, const struct timespec *until)
{
    return pthread_cond_timedwait(&seats->changed, &seats->lock, until) == 0;
}

static struct timespec time_after_ms(int64_t ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    const int64_t ns = at.tv_nsec + ms % 1000 * 1000000;
    at.tv_sec += ms / 1000 + ns / 1000000000;
    at.tv_nsec = ns % 1000000000;
    return at;
}

void seats_assign(struct seats *seats, int32_t partition)
{
    struct seat *seat = seat_lock(seats, partition);
    seat->assigned = true;
    seat->generation++;
    seat->wish = SEAT_NOTHING;
    seat->beginning = false;
    seat->let_go_ms = 0;
    seat->broken = false;
    seat->waits[0] = '\0';
    seats_changed(seats);
    seat_unlock(seats);
}

void seats_whole(struct seats *seats)
{
    pthread_mutex_lock(&seats->lock);
    seats->awaited_ms = 0;
    seat_unlock(seats);
}

int64_t seats_awaited_ms(struct seats *seats)
{
    pthread_mutex_lock(&seats->lock);
    const int64_t awaited_ms = seats->awaited_ms;
    seat_unlock(seats);
    return awaited_ms;
}

static bool seats_any_held(const struct seats *seats, const int32_t *partitions, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (seats->seat[partitions[i]].held)
            return true;
    return false;
}

bool seats_revoke(struct seats *seats, const int32_t *partitions, size_t count, int64_t wait_ms)
{
    const struct timespec until = time_after_ms(wait_ms);
    pthread_mutex_lock(&seats->lock);
    if (seats->awaited_ms == 0)
        seats->awaited_ms = clock_boottime_ms();
    for (size_t i = 0; i < count; i++) {
        struct seat *seat = &seats->seat[partitions[i]];
        seat->assigned = false;
        seat->wish = SEAT_NOTHING;
        seat->beginning = false;
        seat->next_offset = -1;
        seat->let_go_ms = 0;
        seat->alarm[0] = '\0';
        seat->waits[0] = '\0';
    }
    seats_changed(seats);
    bool held;
    while ((held = seats_any_held(seats, partitions, count)) && seats_sleep(seats, &until)) {
    }
    seat_unlock(seats);
    return !held;
}

enum seat_wish seats_take_wish(struct seats *seats, int32_t partition, int64_t *ret_offset)
{
    struct seat *seat = seat_lock(seats, partition);
    const enum seat_wish wish = seat->wish;
    seat->wish = SEAT_NOTHING;
    *ret_offset = seat->wish_offset;
    seat_unlock(seats);
    return wish;
}

void seats_began(struct seats *seats, int32_t partition)
{
    struct seat *seat = seat_lock(seats, partition);
    if (seat->wish != SEAT_BEGIN) /* else another one was wished meanwhile */
        seat->beginning = false;
    seat_unlock(seats);
}

bool seats_beginning(struct seats *seats, int32_t partition)
{
    const struct seat *seat = seat_lock(seats, partition);
    const bool beginning = seat->beginning;
    seat_unlock(seats);
    return beginning;
}

void seats_break(struct seats *seats, int32_t partition)
{
    struct seat *seat = seat_lock(seats, partition);
    seat->broken = true;
    seats_changed(seats);
    seat_unlock(seats);
}

bool seats_assigned(struct seats *seats, int32_t partition, uint32_t *ret_generation)
{
    const struct seat *seat = seat_lock(seats, partition);
    const bool assigned = seat->assigned;
    *ret_generation = seat->generation;
    seat_unlock(seats);
    return assigned;
}

bool seats_hold(struct seats *seats, int32_t partition, uint32_t generation)
{
    struct seat *seat = seat_lock(seats, partition);
    const bool mine = seat->assigned && seat->generation == generation;
    seat->held = mine;
    seat_unlock(seats);
    return mine;
}

void seats_release(struct seats *seats, int32_t partition)
{
    struct seat *seat = seat_lock(seats, partition);
    seat->held = false;
    seats_changed(seats);
    seat_unlock(seats);
}

static void seats_want(struct seats *seats, int32_t partition, enum seat_wish wish, int64_t offset)
{
    struct seat *seat = seat_lock(seats, partition);
    if (seat->assigned) {
        seat->wish = wish;
        seat->wish_offset = offset;
        seat->beginning = wish == SEAT_BEGIN;
    }
    seat_unlock(seats);
}

void seats_want_begin(struct seats *seats, int32_t partition, int64_t offset)
{
    seats_want(seats, partition, SEAT_BEGIN, offset);
}

void seats_want_end(struct seats *seats, int32_t partition)
{
    seats_want(seats, partition, SEAT_END, -1);
}

bool seats_take_broken(struct seats *seats, int32_t partition)
{
    struct seat *seat = seat_lock(seats, partition);
    const bool broken = seat->broken;
    seat->broken = false;
    seat_unlock(seats);
    return broken;
}

void seats_tell_next(struct seats *seats, int32_t partition, int64_t next_offset)
{
    struct seat *seat = seat_lock(seats, partition);
    if (seat->assigned)
        seat->next_offset = next_offset;
    seat_unlock(seats);
}

bool seats_alarm(struct seats *seats, int32_t partition, const char *why)
{
    struct seat *seat = seat_lock(seats, partition);
    char text[SEAT_WHY_BYTES_MAX] = "";
    if (why)
        strncat(text, why, sizeof text - 1);
    const bool other = strcmp(text, seat->alarm) != 0;
    memcpy(seat->alarm, text, sizeof text);
    seat_unlock(seats);
    return other;
}

void seats_tell_wait(struct seats *seats, int32_t partition, const char *why)
{
    struct seat *seat = seat_lock(seats, partition);
    seat->waits[0] = '\0';
    if (why && seat->assigned)
        strncat(seat->waits, why, sizeof seat->waits - 1);
    seat_unlock(seats);
}

void seats_let_go(struct seats *seats, int32_t partition)
{
    struct seat *seat = seat_lock(seats, partition);
    if (seat->assigned)
        seat->let_go_ms = clock_boottime_ms();
    seat_unlock(seats);
}

void seats_view(struct seats *seats, int32_t partition, struct seat_view *ret_view)
{
    const struct seat *seat = seat_lock(seats, partition);
    ret_view->assigned = seat->assigned;
    ret_view->awaited_ms = seats->awaited_ms;
    ret_view->let_go = seat->let_go_ms != 0;
    ret_view->next_offset = seat->next_offset;
    memcpy(ret_view->alarm, seat->alarm, sizeof ret_view->alarm);
    memcpy(ret_view->waits, seat->waits, sizeof ret_view->waits);
    seat_unlock(seats);
}

bool seats_stuck(struct seats *seats, int64_t ms)
{
    const int64_t now_ms = clock_boottime_ms();
    bool stuck = false;
    pthread_mutex_lock(&seats->lock);
    for (int32_t i = 0; i < seats->count; i++) {
        const struct seat *seat = &seats->seat[i];
        stuck |= seat->assigned && seat->let_go_ms != 0 && now_ms - seat->let_go_ms > ms;
    }
    seat_unlock(seats);
    return stuck;
}

void seats_wait(struct seats *seats, int64_t ms)
{
    const struct timespec until = time_after_ms(ms);
    pthread_mutex_lock(&seats->lock);
    const uint64_t seen = seats->changes;
    while (seats->changes == seen && seats_sleep(seats, &until)) {
    }
    seat_unlock(seats);
}

void seats_wake(struct seats *seats)
{
    pthread_mutex_lock(&seats->lock);
    seats_changed(seats);
    seat_unlock(seats);
}
