/* How far a rebuild is: one sentence for people (readiness, `weir status`, the log at intervals) and gauges for graphs.
 *
 * The folds count from threads of their own; all else belongs to the keeper's thread. The sentence is made purely, from
 * the figures and a time that is handed in.
 */
#ifndef WEIR_INGEST_KEEPER_PROGRESS_H
#define WEIR_INGEST_KEEPER_PROGRESS_H

#include "core/err.h"
#include "protocol/rebuild.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct service_part;

enum { PROGRESS_TEXT_MAX = 200, PROGRESS_TELL_MS = 1000, PROGRESS_LOG_MS = 5000 };

struct rebuild_progress {
    uint64_t epoch;
    enum rebuild_step step;
    enum rebuild_step stopped_at; /* the last one that was begun, once the rebuild has ended */
    int64_t step_begun_ms;        /* CLOCK_BOOTTIME, as all times here */
    uint64_t step_from;           /* rows and records, or claims, when the step began: there may be parts before it */
    int64_t wait_until_ms;        /* of REBUILD_WAIT */
    size_t shards;                /* that are folded */
    atomic_size_t shards_done;    /* by the folds' threads, as the next two */
    _Atomic uint64_t rows;        /* read from tables */
    _Atomic uint64_t records;     /* read from the log behind them */
    uint64_t claims, claims_all;  /* written to Redis, of how many */
    size_t coupons, coupons_done; /* to open, and opened */
    int64_t told_ms, logged_ms;   /* when last */
};

const char *rebuild_step_name(enum rebuild_step step);
/* Pure. "rebuild: epoch 7, fold, shard 2 of 4, 1.2 M rows, 310 k/s" */
void progress_text(const struct rebuild_progress *progress, int64_t now_ms, char ret_text[PROGRESS_TEXT_MAX]);

/* The rest is of the keeper's thread. */
void progress_step(struct rebuild_progress *progress, enum rebuild_step step, struct service_part *part);
void progress_tell(struct rebuild_progress *progress, struct service_part *part); /* at most once a second: cheap */
void progress_end(struct rebuild_progress *progress);                             /* the gauges go back to none */

#endif
