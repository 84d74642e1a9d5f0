#include "workers/worker_metrics.h"

#include <stdio.h>

static const struct {
    const char *label;
    size_t rows_max;
} sizes[WORKER_BATCH_SIZES] = {{"1", 1}, {"10", 10}, {"100", 100}, {"1000", 1000}, {"+Inf", SIZE_MAX}};

static struct metric *labelled(const char *name, const char *help, const char *layout, const char *label,
                               const char *value)
{
    char labels[160];
    snprintf(labels, sizeof labels, "layout=\"%s\",%s=\"%s\"", layout, label, value);
    return metric_counter(name, help, labels);
}

void worker_metrics_declare(struct worker_metrics *ret_metrics, const char *layout)
{
    static const char *const verdicts[] = {[FOLD_OK] = "ok",
                                           [FOLD_VOID_CANCELLED] = "void_cancelled",
                                           [FOLD_VOID_STALE] = "void_stale",
                                           [FOLD_DUPLICATE] = "duplicate",
                                           [FOLD_BARRIER] = "barrier"};
    static const char *const retries[WORKER_RETRIES] = {"outage",   "no_table",       "duplicate", "refused",
                                                        "conflict", "unknown_commit", "gap"};
    char labels[64];
    snprintf(labels, sizeof labels, "layout=\"%s\"", layout);
    for (size_t i = 0; i <= FOLD_BARRIER; i++)
        ret_metrics->rows[i] = labelled("weir_worker_rows_total", "Records stored, by what became of them.", layout,
                                        "verdict", verdicts[i]);
    for (size_t i = 0; i < WORKER_BATCH_SIZES; i++)
        ret_metrics->batches[i] =
            labelled("weir_worker_batches_total", "Transactions, by the least bound of their records.", layout,
                     "rows_max", sizes[i].label);
    for (size_t i = 0; i < WORKER_RETRIES; i++)
        ret_metrics->retries[i] =
            labelled("weir_worker_retries_total", "Tries that were done again, by cause.", layout, "kind", retries[i]);
    ret_metrics->commit_seconds =
        metric_histogram("weir_worker_commit_seconds", "One transaction, from begin to commit.", labels);
    ret_metrics->dead_letters =
        metric_counter("weir_worker_dead_letters_total", "Records that can never be stored.", labels);
    ret_metrics->alarms = metric_gauge("weir_worker_alarms", "Partitions that are stopped with an alarm.", labels);
    ret_metrics->partitions = metric_gauge("weir_worker_partitions", "Partitions assigned to this process.", labels);
}

static size_t size_of(size_t rows)
{
    size_t i = 0;
    while (rows > sizes[i].rows_max)
        i++;
    return i;
}

void worker_metrics_stored(const struct worker_metrics *metrics, const struct batch *batch, uint64_t us)
{
    size_t verdicts[FOLD_BARRIER + 1] = {0}, dead_letters = 0;
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->records[i].reason)
            dead_letters++;
        else
            verdicts[batch->records[i].verdict]++;
    }
    for (size_t i = 0; i <= FOLD_BARRIER; i++)
        if (verdicts[i] > 0)
            metric_add(metrics->rows[i], verdicts[i]);
    if (dead_letters > 0)
        metric_add(metrics->dead_letters, dead_letters);
    metric_add(metrics->batches[size_of(batch->count)], 1);
    metric_observe_us(metrics->commit_seconds, us);
}

void worker_metrics_lag(const char *layout, int32_t partition, int64_t records)
{
    static struct metric *lag[WORKER_LAG_PARTITIONS_MAX]; /* the monitor's thread alone */
    if (partition >= WORKER_LAG_PARTITIONS_MAX)
        return;
    if (!lag[partition]) {
        char labels[96];
        snprintf(labels, sizeof labels, "layout=\"%s\",partition=\"%d\"", layout, (int)partition);
        lag[partition] = metric_gauge("weir_lag_records", "Records between progress and the end of the log.", labels);
    }
    metric_set(lag[partition], (double)records);
}
