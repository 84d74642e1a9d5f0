/* Where the group's thread and the writers meet: one seat a partition. Both sides set what is so and look at what is
 * wanted; nothing is queued, so nothing can overflow or come late.
 *
 *     group thread                                     writer of the partition's shard
 *     seats_assign ------------ assigned, generation -> seats_assigned, seats_hold
 *     seats_whole ------------- whole ----------------> (readiness and lag)
 *     seats_revoke (waits)  <-- held = false ---------- seats_release
 *     seats_take_wish       <-- begin at / end -------- seats_want_begin, seats_want_end
 *     seats_began ------------- done -----------------> seats_beginning
 *     seats_break ------------- broken ---------------> seats_take_broken
 *
 * All functions: any thread; one lock, held for moments.
 */
#ifndef WEIR_WORKERS_SEATS_H
#define WEIR_WORKERS_SEATS_H

#include "core/err.h"
#include <stddef.h>
#include <stdint.h>

struct seats;

enum { SEAT_WHY_BYTES_MAX = 400 };

/* What a seat shows to readiness and metrics. */
struct seat_view {
    bool assigned;
    int64_t awaited_ms;             /* CLOCK_BOOTTIME since when no assignment holds; 0: one does, so that whoever has
                                     * what is not assigned here is known to the group */
    bool let_go;                    /* another owner is in progress, or none; waits to be assigned again */
    int64_t next_offset;            /* committed; -1: not known yet */
    char alarm[SEAT_WHY_BYTES_MAX]; /* "": none */
    char waits[SEAT_WHY_BYTES_MAX]; /* why it could not be taken over yet; "": it was, or was not tried */
};

enum seat_wish { SEAT_NOTHING, SEAT_BEGIN, SEAT_END };

/* No assignment holds yet; `awaited_ms` (CLOCK_BOOTTIME): since when. */
struct seats *seats_new(int32_t partitions, int64_t awaited_ms);
void seats_free(struct seats *seats);
int32_t seats_count(const struct seats *seats);

void seats_assign(struct seats *seats, int32_t partition);
/* The group's assignment has come, all of it; an empty one is one, too: others have all. */
void seats_whole(struct seats *seats);
/* CLOCK_BOOTTIME since when no assignment holds; 0: one does. */
int64_t seats_awaited_ms(struct seats *seats);
/* The assignment holds no longer. Takes the partitions back and waits until no writer holds them, or `wait_ms` has passed
 * (then false: progress still fences them). */
bool seats_revoke(struct seats *seats, const int32_t *partitions, size_t count, int64_t wait_ms);
enum seat_wish seats_take_wish(struct seats *seats, int32_t partition, int64_t *ret_offset);
/* The last SEAT_BEGIN was done: what is taken from the queue from now on was read from there. */
void seats_began(struct seats *seats, int32_t partition);
void seats_break(struct seats *seats, int32_t partition);

bool seats_assigned(struct seats *seats, int32_t partition, uint32_t *ret_generation);
/* False when it is no longer assigned under this generation. */
bool seats_hold(struct seats *seats, int32_t partition, uint32_t generation);
void seats_release(struct seats *seats, int32_t partition);
void seats_want_begin(struct seats *seats, int32_t partition, int64_t offset);
void seats_want_end(struct seats *seats, int32_t partition);
/* A begin is wished and not done yet: records of an earlier begin may still come. */
bool seats_beginning(struct seats *seats, int32_t partition);
bool seats_take_broken(struct seats *seats, int32_t partition);
void seats_tell_next(struct seats *seats, int32_t partition, int64_t next_offset);
/* NULL or "": no alarm. True when it is another one than before. */
bool seats_alarm(struct seats *seats, int32_t partition, const char *why);
/* NULL: it waits no more. */
void seats_tell_wait(struct seats *seats, int32_t partition, const char *why);
void seats_let_go(struct seats *seats, int32_t partition);

void seats_view(struct seats *seats, int32_t partition, struct seat_view *ret_view);
/* Whether a partition that is assigned was let go longer than `ms` ago: time to be assigned again. */
bool seats_stuck(struct seats *seats, int64_t ms);
/* Sleeps up to `ms`; an assignment, a revocation or seats_wake ends it. */
void seats_wait(struct seats *seats, int64_t ms);
void seats_wake(struct seats *seats);

#endif
