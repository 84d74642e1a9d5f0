/* The metrics of weir-ingest. */
#ifndef WEIR_INGEST_INGEST_METRICS_H
#define WEIR_INGEST_INGEST_METRICS_H

#include "core/metrics.h"
#include "ingest/grab_answer.h"

struct ingest_metrics {
    struct metric *grabs[REASONS]; /* by outcome */
    struct metric *replayed;
    struct metric *invalid;
    struct metric *seconds;
    struct metric *in_flight;
    struct metric *admission_limit, *admission_queue, *admission_probes;
    struct metric *reserve_batches, *reserve_batch_grabs;
    struct metric *confirms, *releases, *settle_lost;
};

void ingest_metrics_declare(struct ingest_metrics *metrics);
/* Counts one answered grab. */
void ingest_metrics_count(const struct ingest_metrics *metrics, const struct grab_outcome *outcome);

#endif
