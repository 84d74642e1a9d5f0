/* Admin writes: one background thread with its own connection to the catalog. An operation changes the coupon's row and
 * its version, and writes a line to stock_logs, in one transaction; the keeper carries it to Redis. */
#ifndef WEIR_INGEST_ADMIN_WORK_H
#define WEIR_INGEST_ADMIN_WORK_H

#include "core/loop.h"
#include "ingest/admin_request.h"

enum { ADMIN_JOBS_MAX = 64 };
enum admin_action { ADMIN_CREATE, ADMIN_RESTOCK, ADMIN_OPEN, ADMIN_CLOSE };
enum admin_result {
    ADMIN_DONE,
    ADMIN_NO_COUPON, /* 404 */
    ADMIN_EXISTS,    /* 409 */
    ADMIN_TOO_MANY,  /* 422: the total would pass ADMIN_TOTAL_MAX */
    ADMIN_AWAY,      /* 503: err says why; nothing was written */
    ADMIN_NOT_KNOWN, /* 503: the commit may have been done, or not */
};

struct admin_job {
    struct loop_msg done; /* first; posted to `loop` when the job has a result; `done.fn` is the caller's */
    struct admin_job *next;
    struct loop *loop;
    enum admin_action action;
    uint64_t coupon_id;         /* not of ADMIN_CREATE */
    uint64_t add;               /* of ADMIN_RESTOCK */
    struct admin_create create; /* of ADMIN_CREATE */
    enum admin_result result;
    struct coupon coupon; /* of ADMIN_DONE: the row as it is now */
    struct err err;
};

struct admin_worker;
WEIR_MUST_USE bool admin_worker_start(const char *catalog_url, int64_t mysql_ms, struct admin_worker **ret_worker,
                                      struct err *err);
/* Any thread. False: ADMIN_JOBS_MAX wait already, and the job stays the caller's. */
WEIR_MUST_USE bool admin_worker_give(struct admin_worker *worker, struct admin_job *job);
/* Finishes what waits, and joins. NULL is fine. */
void admin_worker_stop(struct admin_worker *worker);

#endif
