/* One grab, from RESERVE to its answer: every decision that ingest takes, and none that it takes elsewhere.
 *
 *     RESERVE -> taken    -> APPEND -> persisted, in time -> answer success, SETTLE
 *                                   -> persisted, late    -> CONFIRM -> held: success; else unknown
 *                                   -> not persisted      -> RELEASE, answer unavailable
 *                                   -> possibly persisted -> answer unknown; never release
 *             -> existing -> settled: success, replayed
 *                         -> pending: ask again for a while, then unknown with that grab's place
 *             -> refused  -> answer refused
 *             -> closed, or no answer -> unavailable; nothing is ever appended for its id
 *
 * (I1-I4; model: proctype Request.) Pure: the clock is handed in, in us of CLOCK_BOOTTIME. A step says what to do next
 * and what to answer now; both can be "nothing".
 */
#ifndef WEIR_PROTOCOL_GRAB_H
#define WEIR_PROTOCOL_GRAB_H

#include "core/err.h"
#include <stdint.h>

/* What RESERVE answered; the numbers are those of reserve.lua. */
enum reserve_result {
    RESERVE_CLOSED = 0,         /* no valid mark */
    RESERVE_TAKEN = 1,          /* one unit is held for this grab */
    RESERVE_EXISTS_SETTLED = 2, /* this try has a grab, and it is settled */
    RESERVE_EXISTS_PENDING = 3, /* ... pending or cancelling; it is shown from now on */
    RESERVE_ENDED = 4,          /* past the window, or closed by an admin */
    RESERVE_NOT_STARTED = 5,
    RESERVE_LIMIT_REACHED = 6,
    RESERVE_OUT_OF_STOCK = 7,
    RESERVE_NO_ANSWER = 8, /* unknown whether it ran; never in Lua */
};

/* What one answer of reserve.lua says: anything that is not one of its answers is as good as none. `existing_id`: 0
 * when it named none. */
enum reserve_result grab_reserve_result(int64_t code, uint64_t existing_id, uint64_t own_id);

enum append_report { APPEND_PERSISTED, APPEND_NOT_PERSISTED, APPEND_POSSIBLY_PERSISTED };
enum confirm_result { CONFIRM_HELD, CONFIRM_NOT_HELD, CONFIRM_NO_ANSWER };

enum grab_action {
    GRAB_DO_NOTHING,
    GRAB_DO_APPEND,
    GRAB_DO_SETTLE,    /* later, in batches; its own answer changes nothing */
    GRAB_DO_CONFIRM,   /* and hand its result to grab_on_confirm */
    GRAB_DO_RELEASE,   /* its own answer changes nothing */
    GRAB_DO_ASK_AGAIN, /* RESERVE again after GRAB_ASK_AGAIN_MS, under a new grab_id */
};

enum grab_answer {
    ANSWER_NOT_YET,
    ANSWER_SUCCESS,     /* 200, this grab */
    ANSWER_REPLAYED,    /* 200, the existing grab, replayed */
    ANSWER_REFUSED,     /* 200, the reason is the last reserve_result */
    ANSWER_UNKNOWN,     /* 202 with the place to ask: this grab's, or the existing one's */
    ANSWER_UNAVAILABLE, /* 503 with Retry-After: this grab has no OK row and never will */
};

struct grab_step {
    enum grab_action action;
    enum grab_answer answer;
};

enum { GRAB_ASK_AGAIN_MS = 10, GRAB_ASK_AGAIN_FOR_MS = 100 };

struct grab {
    uint64_t grab_id;         /* of the RESERVE that is on its way; new for each */
    uint64_t epoch;           /* that RESERVE compared */
    int64_t hold_ms;          /* of the mark */
    int64_t reserve_sent_us;  /* read before RESERVE was sent */
    int64_t first_pending_us; /* when an existing claim was first found pending; 0: never */
    uint64_t existing_id;     /* the existing claim's grab, 0: none */
    uint64_t existing_epoch;
    enum reserve_result reserved;
};

/* Before each RESERVE. The id must never have been in a RESERVE before. */
void grab_begin(struct grab *grab, uint64_t new_grab_id, int64_t now_us);
/* `existing_id` counts for RESERVE_EXISTS_*; epoch and hold for all that found a mark. */
struct grab_step grab_on_reserve(struct grab *grab, enum reserve_result result, uint64_t epoch, int64_t hold_ms,
                                 uint64_t existing_id, int64_t now_us);
struct grab_step grab_on_report(struct grab *grab, enum append_report report, int64_t now_us);
struct grab_step grab_on_confirm(struct grab *grab, enum confirm_result result);

/* Where an unknown is asked for: the existing grab that was found, under the mark's epoch, else this one. */
struct grab_place {
    uint64_t grab_id;
    uint64_t epoch;
};
struct grab_place grab_place(const struct grab *grab);

/* RESERVE_CLOSED: why is there no valid mark? `catalog_known`: ingest's copy of the catalog is at most 1 s old;
 * `opened` is its coupon's, and 1 for a row that could not be read. Two of them are refusals: such a grab can never be
 * sold. */
enum closed_why {
    CLOSED_CATALOG_AWAY,
    CLOSED_NOT_READY, /* it was opened: a rebuild is on its way or owed */
    CLOSED_NOT_STARTED,
    CLOSED_NO_COUPON,
};
enum closed_why grab_closed_why(bool catalog_known, bool has_coupon, uint64_t opened);

#endif
