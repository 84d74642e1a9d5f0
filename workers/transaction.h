/* The worker's transaction: a whole batch or nothing of it.
 *
 *     begin -> progress_move of each part -> rows by table -> totals -> dead letters -> commit
 *     slow way (a key was there already): begin -> lock progress of each part -> lookup (which ids have rows)
 *                                         -> batch_fold -> as above
 *
 * Everything but a lost commit has been rolled back when it returns without DONE. One connection, its thread; blocking,
 * each statement bounded by the connection's timeouts.
 */
#ifndef WEIR_WORKERS_TRANSACTION_H
#define WEIR_WORKERS_TRANSACTION_H

#include "core/sql.h"
#include "workers/batch.h"
#include "workers/progress.h"

struct transaction;

enum transaction_outcome {
    TRANSACTION_DONE,
    TRANSACTION_LOST,     /* a part's progress is another: `partition`, and `progress` as it is now or `no_progress` */
    TRANSACTION_REFUSED,  /* a row was not taken: ERR_DUPLICATE or ERR_DATA */
    TRANSACTION_NO_TABLE, /* the table of `slot` is not there */
    TRANSACTION_FAILED,   /* an outage, or something that only a person can mend: try again later */
    TRANSACTION_UNKNOWN,  /* the commit's answer was lost: settle it */
};

struct transaction_result {
    enum transaction_outcome outcome;
    int32_t partition;
    bool no_progress;
    struct progress progress;
    int64_t slot;
};

/* Borrows all for its life. `topic` is the stream's name. */
struct transaction *transaction_new(const struct stream *stream, const struct stream_layout *keys, size_t rows_max);
void transaction_free(struct transaction *transaction); /* NULL is fine */

/* The batch must have been folded. `lookup`: the slow way. `now_ms`: realtime, stamped on dead letters. */
void transaction_run(struct transaction *transaction, struct sql *sql, struct batch *batch, bool lookup, int64_t now_ms,
                     struct transaction_result *ret_result, struct err *err);

/* What became of a batch whose commit had no answer, read under lock on a new connection: DONE, FAILED (could not be
 * asked: ask again), LOST as above (which part, progress_settle_batch says), or REFUSED: nothing of it is there, do it
 * again. */
void transaction_settle(struct transaction *transaction, struct sql *sql, const struct batch *batch,
                        struct transaction_result *ret_result, struct err *err);

/* Marks the rows that can never be stored, by bisection in transactions that are rolled back; answers how many. False:
 * an outage came between, or a table has been changed, so that no row is to blame. */
WEIR_MUST_USE bool transaction_find_bad(struct transaction *transaction, struct sql *sql, struct batch *batch,
                                        size_t *ret_found, struct err *err);

#endif
