/* A batch until it is stored: which answer of a transaction leads to which next try.
 *
 *     refused by a key or a value -> the slow way; refused there too -> bisection, dead letters -> again
 *     no table -> ask for it, wait -> again          an outage -> wait -> again, for ever
 *     the commit had no answer -> new connection, ask progress -> stored, or wait -> again
 *     progress lost -> without that partition -> again
 */
#include "core/clock.h"
#include "core/crash.h"
#include "core/log.h"
#include "workers/writer_parts.h"

#include <assert.h>

/* How a batch stands between its tries. */
struct storing {
    bool lookup;       /* a key was there, or a row was refused: ask the tables before inserting */
    bool unknown;      /* a commit had no answer */
    struct err commit; /* what it had instead */
    int refused;       /* commits that did not happen, one after the other */
    bool given_up;
    int64_t began_us; /* of this try */
};

void writer_tell_ready(const struct writer *w, bool ready, const char *why)
{
    if (w->options.ready && !(ready && lanes_wait_for_shard(w)))
        service_part_set(w->options.ready, ready, why);
}

static void storing_wait(struct writer *w, struct storing *storing, const struct err *err)
{
    log_warn("batch waits for its shard", LOG_INT("shard", w->options.shard), LOG_INT("records", w->batch->count),
             LOG_ERR(err));
    writer_tell_ready(w, false, err->text);
    storing->given_up = atomic_load(&w->stop);
    if (!storing->given_up)
        writer_pause(w);
}

static void part_done(struct writer *w, const struct batch_part *part)
{
    struct lane *lane = lanes_find(w, part->partition);
    assert(lane && lane->progress.next_offset == part->next_offset);
    lane->progress.next_offset = part->last_offset + 1;
    lane->progress.fold = part->after;
    lane->progress.checksum = part->checksum;
    seats_tell_next(w->options.seats, part->partition, lane->progress.next_offset);
    kafka_group_tell_offset(w->options.group, part->partition, lane->progress.next_offset);
}

static void storing_done(struct writer *w, const struct storing *storing)
{
    for (size_t i = 0; i < w->batch->part_count; i++)
        if (w->batch->parts[i].records > 0)
            part_done(w, &w->batch->parts[i]);
    CRASH_POINT("worker.after_tell_offset");
    worker_metrics_stored(w->options.metrics, w->batch, (uint64_t)(clock_boottime_us() - storing->began_us));
    log_debug("batch stored", LOG_INT("shard", w->options.shard), LOG_INT("records", w->batch->count),
              LOG_INT("rows", w->batch->row_count));
    writer_tell_ready(w, true, NULL);
    retry_reset(&w->retry);
    batch_reset(w->batch);
}

static void storing_refused(struct writer *w, struct storing *storing, struct err *err)
{
    writer_count_retry(w, err->kind == ERR_DUPLICATE ? WORKER_RETRY_DUPLICATE : WORKER_RETRY_REFUSED);
    if (!storing->lookup) {
        log_debug("batch goes the slow way", LOG_ERR(err));
        storing->lookup = true;
        return;
    }
    size_t found = 0;
    if (!transaction_find_bad(w->transaction, w->sql, w->batch, &found, err) || found == 0) {
        storing_wait(w, storing, err);
        return;
    }
    log_error("records that can never be stored become dead letters", LOG_INT("shard", w->options.shard),
              LOG_INT("records", found));
}

static void storing_no_table(struct writer *w, struct storing *storing, int64_t slot, const struct err *err)
{
    writer_count_retry(w, WORKER_RETRY_NO_TABLE);
    tables_ask(w->tables, slot);
    storing_wait(w, storing, err);
}

static void storing_settle(struct writer *w, struct storing *storing)
{
    struct transaction_result result;
    struct err err = {0};
    transaction_settle(w->transaction, w->sql, w->batch, &result, &err);
    storing->unknown = result.outcome == TRANSACTION_FAILED;
    if (result.outcome == TRANSACTION_FAILED)
        storing_wait(w, storing, &err);
    if (result.outcome == TRANSACTION_DONE)
        storing_done(w, storing);
    /* Once it is the fault of a connection; a server that refuses each COMMIT is away, whatever else it answers. */
    if (result.outcome == TRANSACTION_REFUSED && ++storing->refused > 1)
        storing_wait(w, storing, &storing->commit);
    if (result.outcome == TRANSACTION_LOST) {
        storing->unknown = true; /* of the others, if there are any */
        lanes_lost(w, &result, &err);
    }
}

static void storing_try(struct writer *w, struct storing *storing)
{
    struct transaction_result result;
    struct err err = {0};
    storing->began_us = clock_boottime_us();
    batch_fold(w->batch);
    transaction_run(w->transaction, w->sql, w->batch, storing->lookup, clock_realtime_ms(), &result, &err);
    switch (result.outcome) {
    case TRANSACTION_DONE:
        storing_done(w, storing);
        return;
    case TRANSACTION_LOST:
        lanes_lost(w, &result, &err);
        return;
    case TRANSACTION_REFUSED:
        storing_refused(w, storing, &err);
        return;
    case TRANSACTION_NO_TABLE:
        storing_no_table(w, storing, result.slot, &err);
        return;
    case TRANSACTION_UNKNOWN:
        writer_count_retry(w, WORKER_RETRY_UNKNOWN);
        log_warn("the commit had no answer, asking progress", LOG_INT("shard", w->options.shard), LOG_ERR(&err));
        storing->unknown = true;
        storing->commit = err;
        sql_close(w->sql);
        w->sql = NULL;
        return;
    case TRANSACTION_FAILED:
        writer_count_retry(w, WORKER_RETRY_OUTAGE);
        storing_wait(w, storing, &err);
        return;
    }
}

void writer_store(struct writer *w)
{
    struct storing storing = {0};
    while (w->batch->count > 0 && !storing.given_up) {
        struct err err = {0};
        lanes_leave(w);
        if (w->batch->count == 0)
            break;
        if (!writer_connect(w, &err)) {
            writer_count_retry(w, WORKER_RETRY_OUTAGE);
            storing_wait(w, &storing, &err);
        } else if (storing.unknown) {
            storing_settle(w, &storing);
        } else {
            storing_try(w, &storing);
        }
    }
    batch_reset(w->batch); /* where it went with its partitions, the next look at progress says how the shard is */
}
