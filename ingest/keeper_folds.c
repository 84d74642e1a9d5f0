/* Several shards' folds side by side, each on a thread of its own: they last as long as the slowest of them. The
 * keeper's thread waits and tells how far they are. One that fails makes the others give up; if it lacked an answer all are
 * done again: what they find was decided when the BARRIER landed, and a new rebuild would keep all closed for one more
 * WAIT. */
#include "ingest/keeper_fold.h"

#include "core/clock.h"
#include "core/crash.h"
#include "core/log.h"
#include "core/service.h"
#include "core/thread.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

enum { FOLDS_LOOK_MS = 20, FOLDS_TRIES = 3 };

struct folds {
    const struct keeper *keeper;
    struct fold_job *job;
    struct claims *claims; /* one a shard */
    size_t first;          /* shard */
    atomic_size_t next;    /* of them that no thread has taken yet, counted from 0 */
    atomic_size_t running; /* threads */
    pthread_mutex_t lock;
    enum step_outcome outcome; /* under the lock, with err: of the first that failed */
    struct err err;
};

static void note_outcome(struct folds *folds, enum step_outcome outcome, const struct err *err)
{
    pthread_mutex_lock(&folds->lock);
    if (folds->outcome == STEP_DONE) {
        folds->outcome = outcome;
        folds->err = *err;
    }
    atomic_store(&folds->job->stop, true); /* behind the cause: who gives up for it must not be the first to tell */
    pthread_mutex_unlock(&folds->lock);
}

static void *run(void *arg)
{
    struct folds *folds = arg;
    size_t at = atomic_fetch_add(&folds->next, 1), shard = folds->first + at;
    struct err err = {0};
    enum step_outcome outcome = keeper_fold_shard(folds->keeper, folds->job, (int)shard, &folds->claims[at], &err);
    if (outcome == STEP_DONE) {
        claims_sort(&folds->claims[at]);
        size_t done = atomic_fetch_add(&folds->job->progress->shards_done, 1) + 1;
        log_info("rebuild has folded a shard", LOG_INT("epoch", folds->job->epoch), LOG_INT("shard", shard),
                 LOG_INT("done", done), LOG_INT("of", folds->job->progress->shards));
        CRASH_POINT("keeper.rebuild_folded");
    } else {
        note_outcome(folds, outcome, &err);
    }
    atomic_fetch_sub(&folds->running, 1);
    return NULL;
}

static void await(struct keeper *keeper, struct folds *folds)
{
    const struct rebuild_progress *progress = folds->job->progress;
    uint64_t read = atomic_load(&progress->rows) + atomic_load(&progress->records);
    while (atomic_load(&folds->running) > 0) {
        uint64_t now = atomic_load(&progress->rows) + atomic_load(&progress->records);
        if (now > read)
            keeper_goes_on(keeper, 0);
        read = now;
        if (service_stopping())
            atomic_store(&folds->job->stop, true);
        progress_tell(folds->job->progress, keeper->part);
        clock_sleep_ms(FOLDS_LOOK_MS);
    }
}

static enum step_outcome fold_once(struct keeper *keeper, struct fold_job *job, size_t first, size_t count,
                                   struct claims *claims, struct err *err)
{
    pthread_t thread[KEEPER_FOLDS_MAX];
    struct folds folds = {.keeper = keeper, .job = job, .claims = claims, .first = first, .running = count};
    assert(count <= KEEPER_FOLDS_MAX && first + count <= keeper->config->mysql_shards.count);
    pthread_mutex_init(&folds.lock, NULL);
    for (size_t i = 0; i < count; i++)
        thread_start(&thread[i], run, &folds, "the rows of a shard");
    await(keeper, &folds);
    for (size_t i = 0; i < count; i++)
        pthread_join(thread[i], NULL);
    pthread_mutex_destroy(&folds.lock);
    /* the next rebuild begins above it */
    keeper->epoch_seen = rebuild_see_epoch(keeper->epoch_seen, atomic_load(&job->epoch_met));
    if (folds.outcome == STEP_DONE && service_stopping()) {
        err_set(err, ERR_OUTAGE, "the keeper is stopping");
        return STEP_NO_ANSWER;
    }
    *err = folds.err;
    return folds.outcome;
}

static void forget(struct fold_job *job, size_t first, size_t count, struct claims *claims)
{
    for (size_t i = 0; i < count; i++) {
        claims_free(&claims[i]);
        claims_init(&claims[i]);
        lost_free(&job->lost[first + i]);
    }
    atomic_store(&job->progress->shards_done, first);
    atomic_store(&job->stop, false);
}

/* Not by one that leads no more: another one has its turn, and rebuilds above this. */
static bool may_again(const struct keeper *keeper, enum step_outcome outcome, int tries, const struct err *err)
{
    struct err ignored;
    return outcome == STEP_NO_ANSWER && err->kind == ERR_OUTAGE && tries < FOLDS_TRIES && !service_stopping() &&
           keeper_lease_held(keeper->lease, &ignored);
}

enum step_outcome keeper_fold_shards(struct keeper *keeper, struct fold_job *job, size_t first, size_t count,
                                     struct claims *claims, struct err *err)
{
    const uint64_t rows = atomic_load(&job->progress->rows), records = atomic_load(&job->progress->records);
    for (int tries = 1;; tries++) {
        enum step_outcome outcome = fold_once(keeper, job, first, count, claims, err);
        if (!may_again(keeper, outcome, tries, err))
            return outcome;
        log_warn("rebuild: rows or log were not read to their end; they are read again", LOG_INT("epoch", job->epoch),
                 LOG_ERR(err));
        forget(job, first, count, claims);
        atomic_store(&job->progress->rows, rows);
        atomic_store(&job->progress->records, records);
        *err = (struct err){0};
        clock_sleep_ms(keeper->config->tick_ms);
    }
}
