/* What weir-worker counts. Declared once, before its threads; written by any of them. */
#ifndef WEIR_WORKERS_WORKER_METRICS_H
#define WEIR_WORKERS_WORKER_METRICS_H

#include "core/metrics.h"
#include "workers/batch.h"

enum worker_retry {
    WORKER_RETRY_OUTAGE,
    WORKER_RETRY_NO_TABLE,
    WORKER_RETRY_DUPLICATE,
    WORKER_RETRY_REFUSED,
    WORKER_RETRY_CONFLICT,
    WORKER_RETRY_UNKNOWN,
    WORKER_RETRY_GAP,
    WORKER_RETRIES
};
enum { WORKER_BATCH_SIZES = 5 };

struct worker_metrics {
    struct metric *rows[FOLD_BARRIER + 1];      /* by verdict */
    struct metric *batches[WORKER_BATCH_SIZES]; /* by the least bound that holds their records */
    struct metric *commit_seconds;
    struct metric *dead_letters;
    struct metric *retries[WORKER_RETRIES];
    struct metric *alarms;     /* partitions that are stopped with an alarm */
    struct metric *partitions; /* assigned to this process */
};

void worker_metrics_declare(struct worker_metrics *ret_metrics, const char *layout);
/* A batch was stored in `us`. */
void worker_metrics_stored(const struct worker_metrics *metrics, const struct batch *batch, uint64_t us);
/* Records between progress and the log's end. Declared at its first use; partitions from WORKER_LAG_PARTITIONS_MAX on
 * are left out. */
enum { WORKER_LAG_PARTITIONS_MAX = 256 };
void worker_metrics_lag(const char *layout, int32_t partition, int64_t records);

#endif
