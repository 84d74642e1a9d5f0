/* The connections of one database (a shard, or the catalog), each with a thread of its own, behind one bounded queue.
 * Loops put jobs in; a job comes back to its loop by message. A database that failed is tried again by one job each
 * `retry_ms`; all others fail at once meanwhile, with what was the matter.
 *
 *     loop: pool_submit(job) -> queue -> thread: job->run(sql) -> loop_post -> loop: job->done(job)
 *
 * Jobs only read, so one that met a dead connection that had been idle is run once more on a new one.
 */
#ifndef WEIR_QUERY_POOL_H
#define WEIR_QUERY_POOL_H

#include "core/loop.h"
#include "core/sql.h"

struct pool;

/* Put it first in your own struct. The pool has it from a successful pool_submit until `done` is called; then it is
 * yours again. */
struct pool_job {
    struct loop_msg msg;   /* the pool's */
    struct pool_job *next; /* the pool's */
    struct loop *loop;     /* where `done` is called */
    int64_t deadline_us;   /* CLOCK_BOOTTIME: not begun after it */
    bool (*run)(struct pool_job *job, struct sql *sql,
                struct err *err); /* on a pool's thread; clears what an earlier run left */
    void (*done)(struct pool_job *job);
    bool probe; /* the pool's */
    bool good;  /* for `done` */
    struct err err;
};

enum { POOL_CONNECTIONS_MAX = 256, POOL_NAME_MAX = 31 };

struct pool_options {
    const char *name; /* "shard 2", "catalog": begins each error's sentence; copied */
    const char *url;  /* borrowed */
    int connections;
    int64_t jobs_max; /* waiting */
    int64_t connect_ms;
    int64_t query_ms;
    int64_t retry_ms;
    /* On each new connection: is it the right database? May be NULL. */
    bool (*check)(struct sql *sql, void *arg, struct err *err);
    void *arg;
};

WEIR_MUST_USE bool pool_start(const struct pool_options *options, struct pool **ret_pool, struct err *err);
/* Any thread. False: not taken, `done` is not called; the queue is full, or the database has failed a moment ago. */
WEIR_MUST_USE bool pool_submit(struct pool *pool, struct pool_job *job, struct err *err);
const char *pool_address(const struct pool *pool); /* "127.0.0.1:3306/weir_shard_0" */
const char *pool_name(const struct pool *pool);
/* Jobs that wait come back as failed; waits for those that run. NULL is fine. */
void pool_stop(struct pool *pool);

#endif
