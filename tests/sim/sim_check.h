/* What must hold (I1-I8, I11, I13, I14), judged by what was told to clients and by a fold of its own: the first record
 * of a grab decides, and one whose epoch is below the highest BARRIER before it is VOID. Nothing here is shared with
 * the protocol's code, and nothing knows of planted bugs.
 *
 *     at once   a record lands: I1, I3, I6;  an answer: I2, I6;  a script ran: what is settled has an OK row, I13;
 *               a commit: I7, I8, I11;  the status place answers: I4
 *     at rest   everything: I1-I8, I13, I14
 */
#ifndef WEIR_SIM_CHECK_H
#define WEIR_SIM_CHECK_H

#include "sim/sim_log.h"
#include "sim/sim_world.h"

enum { GRABS_MAX = 512, GRAB_SLOTS = 1024 };

enum row_truth { ROW_NONE, ROW_OK, ROW_VOID };

/* All that is known of one grab_id. */
struct grab_truth {
    uint64_t id, user, coupon, epoch;
    char try_key[TRY_BYTES];
    int partition;
    int64_t offset; /* of the record that decided its row */
    enum row_truth row;
    bool success;            /* told to somebody */
    bool refused;            /* its request was told that nothing is held and nothing will be */
    bool unknown;            /* told to somebody, with its place */
    bool told_ok, told_void; /* by the status place */
    int64_t unknown_us;      /* when it was told first */
    uint64_t place_epoch;    /* the highest that was told with it */
    bool ended;              /* the status place was seen to know its end, behind the faults */
};

struct sim_check *check_new(void);
void check_reset(struct world *world);
struct grab_truth *check_grab(struct world *world, uint64_t grab_id); /* NULL: no such id was ever made */
struct grab_truth *check_grab_nth(struct world *world, int nth);      /* NULL: past the last */
/* An id was made for a RESERVE: never one that was made before. */
void check_made(struct world *world, uint64_t grab_id, uint64_t user, uint64_t coupon, const char *try_key);
void check_landed(struct world *world, int partition, const struct log_record *record);
void check_redis(struct world *world, uint64_t coupon);
void check_opened(struct world *world, uint64_t coupon); /* with as much as the log leaves of it */
void check_owner(struct world *world, uint64_t writer, uint64_t owner);
void check_shard(struct world *world, int layout, int partition);
/* A worker that had no answer to its COMMIT takes its records of a partition for stored, or for not, and so it was when
 * the shard told. Either mistake would cost a round more and no row, by the compare-and-set: no other check sees it. */
void check_settled(struct world *world, const struct process *worker, int partition, bool taken, bool stored);
/* What a client was told. */
void check_success(struct world *world, uint64_t grab_id, uint64_t user, uint64_t coupon, const char *try_key);
void check_refused(struct world *world, uint64_t grab_id);
void check_unknown(struct world *world, uint64_t grab_id, uint64_t epoch);
void check_status(struct world *world, uint64_t grab_id, enum grab_status_word word);

/* It has a row, or never will have one that is OK: a BARRIER above its epoch has passed. */
bool check_is_final(const struct world *world, const struct grab_truth *grab);
uint64_t check_units_sold(const struct world *world, uint64_t coupon); /* OK rows, by the log */
/* Calls `fn` for each grab that a coupon's claims hold; its try key ends with a space or the text. */
typedef void (*check_claim_fn)(struct world *world, uint64_t grab_id, const char *try_key, void *arg);
void check_each_claim(struct world *world, uint64_t coupon, check_claim_fn fn, void *arg);
bool check_lag_is_zero(const struct world *world); /* both layouts have stored the log to its end */
/* Whether all has come to rest; when not, `ret_why` says what has not. */
bool check_is_at_rest(struct world *world, const char **ret_why);
void check_at_rest(struct world *world);
void check_never_quiet(struct world *world); /* I14: the time is over */

#endif
