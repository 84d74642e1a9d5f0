#include "workers/writer.h"

#include "core/buf.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/thread.h"
#include "schemas/ddl.h"
#include "schemas/shard_identity.h"
#include "workers/writer_parts.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { IDLE_MS = 100, RETRY_MS_MIN = 50, DROPS_MAX = 100000 };

/* A wrong URL must never write a shard's rows into another. */
static bool identity_check(const struct writer *w, struct sql *sql, struct err *err)
{
    struct shard_identity identity = {0};
    if (!sql_select(sql, sql_identity_read, NULL, 0, shard_identity_take, &identity, err))
        return err->kind == ERR_MISSING ? err_prefix(err, "This database is no shard yet, `weir init` makes it one")
                                        : false;
    return shard_identity_check(&identity, sql_where(sql), w->options.cluster, w->options.shard, err);
}

bool writer_connect(struct writer *w, struct err *err)
{
    if (w->sql && sql_alive(w->sql))
        return true;
    sql_close(w->sql);
    w->sql = NULL;
    const struct sql_options options = {.url = w->url,
                                        .connect_timeout_ms = w->options.config->connect_timeout_ms,
                                        .query_timeout_ms = w->options.config->query_timeout_ms,
                                        /* who is silent for so long has lost its partitions, and the locks with them */
                                        .idle_transaction_ms = w->options.config->session_timeout_ms};
    struct sql *sql = NULL;
    const bool good = sql_open(&options, &sql, err) && identity_check(w, sql, err);
    if (!good) { /* that it answers does not say that it takes rows: what was refused says so until it is done */
        writer_tell_ready(w, false, err->text);
        sql_close(sql);
        return false;
    }
    w->sql = sql;
    return true;
}

void writer_pause(struct writer *w)
{
    seats_wait(w->options.seats, retry_next_ms(&w->retry));
}

void writer_count_retry(const struct writer *w, enum worker_retry kind)
{
    metric_add(w->options.metrics->retries[kind], 1);
}

/* How long the next record is waited for: long when nothing is in hand; else until the gap since the last transaction
 * is over, so that a steady trickle makes some dozens of transactions a second, not hundreds, while a lone record after
 * a silence is stored at once. */
static int64_t gather_wait_ms(const struct writer *w)
{
    if (w->batch->count == 0)
        return IDLE_MS;
    const int64_t left_ms = w->stored_at_ms + w->options.config->batch_gap_ms - clock_boottime_ms();
    return left_ms > 0 && !atomic_load(&w->stop) ? left_ms : 0;
}

/* Until there is no more at hand or the batch is full. */
static void writer_gather(struct writer *w)
{
    struct kafka_record record;
    for (size_t taken = 0; taken < DROPS_MAX && !batch_full(w->batch, clock_boottime_ms()); taken++) {
        if (!kafka_queue_take(w->options.queue, gather_wait_ms(w), &record))
            break;
        lanes_take(w, &record);
    }
    if (w->batch->count > 0)
        w->stored_at_ms = clock_boottime_ms();
}

static void *writer_run(void *arg)
{
    struct writer *w = arg;
    struct err err = {0};
    if (!writer_connect(w, &err))
        log_warn("shard is away", LOG_INT("shard", w->options.shard), LOG_ERR(&err));
    while (!atomic_load(&w->stop)) {
        lanes_attend(w);
        writer_gather(w);
        writer_store(w);
    }
    lanes_release_all(w);
    return NULL;
}

static struct tables *tables_of(const struct writer *w)
{
    if (!w->options.keys->layout->by_day)
        return NULL;
    const struct worker_config *config = w->options.config;
    const struct tables_options options = {.url = w->url,
                                           .stream = w->options.stream,
                                           .keys = w->options.keys,
                                           .offset_min = w->options.offset_min,
                                           .days_ahead = config->days_ahead,
                                           .connect_timeout_ms = config->connect_timeout_ms,
                                           .query_timeout_ms = config->query_timeout_ms};
    return tables_start(&options);
}

static struct batch *batch_of(const struct writer *w)
{
    const struct worker_config *config = w->options.config;
    const struct batch_options options = {.stream = w->options.stream,
                                          .layout = w->options.keys->layout,
                                          .offset_min = w->options.offset_min,
                                          .rows_max = (size_t)config->batch_rows_max,
                                          .bytes_max = (size_t)config->batch_bytes_max,
                                          .age_ms_max = config->batch_age_ms,
                                          .release = kafka_record_free};
    return batch_new(&options);
}

static void lanes_make(struct writer *w)
{
    memset(w->lane_of, -1, sizeof w->lane_of);
    w->lanes = mem_alloc((w->options.partition_count + 1) * sizeof *w->lanes);
    for (size_t i = 0; i < w->options.partition_count; i++) {
        const int32_t partition = w->options.partitions[i];
        w->lane_of[partition] = (int16_t)i;
        w->lanes[i].partition = partition;
        retry_init(&w->lanes[i].retry, RETRY_MS_MIN, w->options.config->retry_ms_max,
                   (uint64_t)clock_boottime_us() + (uint64_t)partition);
    }
}

struct writer *writer_start(const struct writer_options *options)
{
    struct writer *w = mem_alloc(sizeof *w);
    w->options = *options;
    w->url = options->config->mysql_shards.item[options->shard];
    retry_init(&w->retry, RETRY_MS_MIN, options->config->retry_ms_max,
               (uint64_t)clock_boottime_us() + (uint64_t)options->shard);
    lanes_make(w);
    w->batch = batch_of(w);
    w->transaction = transaction_new(options->stream, options->keys, (size_t)options->config->batch_rows_max);
    w->tables = tables_of(w);
    thread_start(&w->thread, writer_run, w, "the writer of a shard");
    return w;
}

void writer_stop(struct writer *w)
{
    atomic_store(&w->stop, true);
    seats_wake(w->options.seats);
}

void writer_free(struct writer *w)
{
    if (!w)
        return;
    pthread_join(w->thread, NULL);
    tables_stop(w->tables);
    sql_close(w->sql);
    kafka_admin_close(w->admin);
    transaction_free(w->transaction);
    batch_free(w->batch);
    free(w->lanes);
    free(w);
}
