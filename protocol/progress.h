/* Progress and the rows that it stands for: what a worker concludes from what it finds there.
 *
 *     take over    the log must still be the one that progress speaks of (progress_fits_log)
 *     transaction  move by compare-and-set on offset and owner -> rows -> totals -> dead letters -> commit
 *     no answer    to the commit: read progress under its lock, on a new connection; what each part says of itself
 *                  (progress_settle), and the batch by all of them (progress_settle_batch)
 *     an error     a row is to blame, a table is missing, or it is an outage (store_error_of): only a row that is
 *                  refused alone, by the slow way too, becomes a dead letter
 *
 * (I7, I8, I11; model: workers.pml.) Pure.
 */
#ifndef WEIR_PROTOCOL_PROGRESS_H
#define WEIR_PROTOCOL_PROGRESS_H

#include "core/err.h"
#include <stddef.h>
#include <stdint.h>

/* Watermarks of the log against progress; `next` is the offset that would be taken next. */
enum log_fit {
    LOG_FITS,
    LOG_TOO_SHORT, /* it ends before progress: records were lost, or the topic was made anew */
    LOG_CUT,       /* it begins behind progress: records were dropped before they were stored */
};
enum log_fit progress_fits_log(int64_t next, int64_t low, int64_t high);

/* The record before progress, by which a log that was made anew and has outgrown progress is known. First, whether there is
 * one to look at: progress knows its checksum (0: it does not), and a log that begins at `low` has it. */
bool progress_has_last(int64_t next, uint64_t checksum, int64_t low);
/* Whether it is the one that was stored last. */
bool progress_is_last(int64_t next, uint64_t checksum, int64_t offset, uint64_t record_checksum);

/* What the compare-and-set asks. */
bool progress_may_move(bool same_owner, int64_t found, int64_t before);

/* A progress row as it is found, seen from a batch that goes from `before` to `after`. */
enum progress_found {
    PROGRESS_BEFORE,    /* ours, and nothing of the batch is there */
    PROGRESS_AFTER,     /* ours, and all of the batch is there */
    PROGRESS_ELSEWHERE, /* ours, at another offset: a failover took rows and offset back together; go on from there */
    PROGRESS_OTHERS,    /* another owner's: never write it again until it is assigned again */
};
enum progress_found progress_settle(bool same_owner, int64_t found, int64_t before, int64_t after);

/* What became of a batch, by what each of its parts (one or more) was found to be. BEFORE, AFTER: all of it. ELSEWHERE,
 * OTHERS: part `ret_part` leaves the batch, and the others are to be asked again without it.
 *
 * One transaction moves all parts or none, so parts of which some say AFTER and some BEFORE were moved by somebody else
 * as well. The batch is then neither stored, which would leave records out, nor to be done again as a whole. Each
 * partition goes by its own progress, which is where its rows are: those at AFTER leave, as any that is ours and
 * elsewhere, and go on from there once the log is looked at (progress_is_last: one that was put forward by hand has no
 * checksum that fits); those at BEFORE are done again, by compare-and-set as ever. */
enum progress_found progress_settle_batch(const enum progress_found *parts, size_t count, size_t *ret_part);

/* What an error of a statement that inserts rows means. */
enum store_error {
    STORE_ROW_REFUSED, /* a key is there already, or a value can not be stored: look rows up, then for the bad one */
    STORE_NO_TABLE,
    STORE_OUTAGE, /* tried again for ever */
};
enum store_error store_error_of(enum err_kind kind);

#endif
