/* How stock gets into Redis: first open of a coupon, rebuild of all that was open, and the carrying of an admin's
 * change. Nothing else ever writes stock. (I1, I5, I13; models: Keeper in weir.pml, all of coupons.pml, restock.pml.)
 *
 * A mark is valid when it is open or closed (by an admin) under the catalog's epoch and this Redis's run id and
 * master_replid, and all of the coupon's keys are there with the mark's epoch as their sentinel. Building, lower epochs
 * and anything else are not valid.
 *
 *     first open   READ the epoch E | CLAIM: CAS the catalog's `opened` 0 -> E | BUILDING(E, run id), sent once
 *                  | LOOK that the catalog says E | WRITE
 *     rebuild      RAISE the epoch to E | LIST coupons with 0 < opened < E | CLOSE: building(E, run id) each, sent once
 *                  | WAIT | BARRIER(E) to every partition | FOLD rows and log up to it | LOOK | CLAIMS | OPEN
 *
 * A FOLD takes as many partitions as memory has room for; while some are left, FOLD, LOOK and CLAIMS begin again behind
 * CLAIMS. What a fold of a partition finds was decided when its BARRIER landed, so it does not matter when it is done.
 *
 * A keeper that stops anywhere leaves something that any keeper rebuilds under a higher epoch. A coupon whose rows are
 * missing (row_counts.h) is left out of OPEN: to it the keeper has stopped just before, until they are back.
 */
#ifndef WEIR_PROTOCOL_REBUILD_H
#define WEIR_PROTOCOL_REBUILD_H

#include "core/err.h"
#include "protocol/step.h"

enum mark_state { MARK_MISSING, MARK_OPEN, MARK_CLOSED, MARK_BUILDING };

struct mark_view {
    enum mark_state state;
    uint64_t epoch;
    bool same_server; /* run id and master_replid in the mark are those read on this connection */
    bool whole;       /* every key of the coupon is there and carries the mark's epoch */
};

/* Of the word that a mark has for its state; "": there is no mark. A word that Weir does not write is a rebuild that has
 * not ended. */
enum mark_state mark_state_of(const char *word);
bool mark_valid(const struct mark_view *mark, uint64_t catalog_epoch);

/* What the keeper owes a coupon. `opened`: the catalog's, 0 before the first open. */
enum coupon_need { COUPON_NEEDS_NOTHING, COUPON_NEEDS_FIRST_OPEN, COUPON_NEEDS_REBUILD };
enum coupon_need coupon_need(uint64_t opened, bool gate_open, const struct mark_view *mark, uint64_t catalog_epoch);

enum open_step { OPEN_READ, OPEN_CLAIM, OPEN_BUILDING, OPEN_LOOK, OPEN_WRITE, OPEN_DONE, OPEN_STOP };
enum open_step open_next(enum open_step at, enum step_outcome outcome);

enum rebuild_step {
    REBUILD_RAISE,
    REBUILD_LIST,
    REBUILD_CLOSE,
    REBUILD_WAIT,
    REBUILD_BARRIER,
    REBUILD_FOLD,
    REBUILD_LOOK,
    REBUILD_CLAIMS,
    REBUILD_OPEN,
    REBUILD_DONE,
    REBUILD_STOP, /* begin again, with a new epoch */
};
/* The epoch that RAISE makes, atomically: above the catalog's and whatever was seen in Redis or in the log, for below
 * that no rebuild could ever end. */
uint64_t rebuild_epoch(uint64_t catalog_epoch, uint64_t seen_epoch);
/* What was seen, with one more: an epoch above EPOCH_MAX is none, whoever wrote it there. */
uint64_t rebuild_see_epoch(uint64_t seen_epoch, uint64_t epoch);
/* Whose turn it is. Keepers are correct without the lease, but two that both lead would raise the epoch above one
 * another's rebuilds for ever (I14; model: live.pml). So a keeper that finds the epoch above that of its own last
 * rebuild, while coupons are still not open, leaves the other one time to end: it raises again only when that epoch has
 * stood still for the length of WAIT, the next time for twice as long, and so on, up to a length that no rebuild needs.
 * Who has raised nothing yet raises at once: the other one may be dead, and there are not many keepers. So does who has
 * left its rebuild by itself: while Kafka is away the lease goes round among keepers that all fail, and if their rests
 * grew with each turn, the last would keep all closed long after Kafka is back.
 *
 *     look, something is owed   rebuild_may_raise ? RAISE, rebuild_raised : rest
 *     the rebuild stops         rebuild_stopped, with the step that it stopped at
 *     look, nothing is owed     rebuild_all_open
 */
enum { REBUILD_TURN_MS_MAX = 3600000 };
struct rebuild_turn {
    uint64_t raised; /* epoch of this keeper's last rebuild; 0: all has been open since then, or it left it by itself */
    uint64_t above;  /* another one's epoch that was found above it; 0: none yet */
    unsigned yielded;
    int64_t until_ms; /* `above` has its time till then */
};
void rebuild_raised(struct rebuild_turn *turn, uint64_t epoch);
void rebuild_stopped(struct rebuild_turn *turn, enum rebuild_step at, enum step_outcome outcome);
void rebuild_all_open(struct rebuild_turn *turn);
/* `wait_ms`: rebuild_wait_ms. `now_ms`: CLOCK_BOOTTIME. */
bool rebuild_may_raise(struct rebuild_turn *turn, uint64_t catalog_epoch, int64_t wait_ms, int64_t now_ms);
/* The length of WAIT. Where no mark is left nobody knows the hold that was in use: the catalog's longest, or a longer
 * one that this keeper saw. */
int64_t rebuild_wait_ms(int64_t catalog_hold_ms, int64_t seen_hold_ms);
/* CLOSE, CLAIMS and OPEN are one script a coupon: LOST there leaves out that coupon alone (its mark has a higher
 * epoch); the caller goes on with the others and hands in DONE. `all_folded`: no partition is left. */
enum rebuild_step rebuild_next(enum rebuild_step at, enum step_outcome outcome, bool all_folded);
bool rebuild_lists(uint64_t opened, uint64_t epoch);
/* A fold that meets a BARRIER of another rebuild at or above its own must begin again above it. */
bool rebuild_meets_foreign(uint64_t barrier_epoch, uint64_t own_epoch, bool own_record);

/* FOLD of one partition: progress and rows of one snapshot, then the log behind them up to the rebuild's own
 * BARRIER. */
enum fold_begin {
    FOLD_READ_LOG,  /* from progress on */
    FOLD_HAS_ALL,   /* progress is past the BARRIER and has folded it */
    FOLD_FOREIGN,   /* a higher BARRIER was folded already: begin again above it */
    FOLD_OTHER_LOG, /* progress is past the BARRIER and knows nothing of it: it is progress in another log */
};
enum fold_begin rebuild_fold_begin(int64_t next_offset, uint64_t partition_epoch, int64_t barrier_offset,
                                   uint64_t own_epoch);

/* Whether the rows at this progress are all that was sold before it: each offset before it was consumed, and so counted,
 * by whoever moved it. Progress that began behind the log's begin, or was put forward over records that were lost, lacks
 * what they sold: stock that is rebuilt from it is sold again. One that was put back, as in a topic that was made anew,
 * counts more than it is far, and nobody knows what the old log had behind it. */
bool rebuild_knows_all(int64_t next_offset, uint64_t records);

/* Units left after `ok` were sold; totals only grow, so this is never below 0 unless I1 is broken: then false. */
WEIR_MUST_USE bool rebuild_left(uint64_t total, uint64_t ok, uint64_t *ret_left);

#endif
