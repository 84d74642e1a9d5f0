#include "ingest/ingest_metrics.h"

#include <stdio.h>

static struct metric *grabs_of(const char *outcome)
{
    char labels[64];
    snprintf(labels, sizeof labels, "outcome=\"%s\"", outcome);
    return metric_counter("weir_grabs_total", "Grabs answered, by outcome.", labels);
}

void ingest_metrics_declare(struct ingest_metrics *metrics)
{
    for (int i = 0; i < REASONS; i++)
        metrics->grabs[i] = grabs_of(grab_reason_word((enum grab_reason)i));
    metrics->replayed = grabs_of("replayed");
    metrics->invalid = grabs_of("invalid");
    metrics->seconds = metric_histogram(
        "weir_grab_seconds", "From a grab's request to its answer; without those refused before they were read.", NULL);
    metrics->in_flight = metric_gauge("weir_grabs_in_flight", "Grabs that are not answered yet.", NULL);
    metrics->admission_limit =
        metric_gauge("weir_admission_limit", "Grabs that may be in flight, of all loops; further ones get 429.", NULL);
    metrics->admission_queue =
        metric_gauge("weir_admission_queue_seconds",
                     "How long grabs wait for one another in Redis and Kafka; the worst loop's.", NULL);
    metrics->admission_probes =
        metric_counter("weir_admission_probes_total",
                       "Short holds under overload, to measure what a grab takes without a queue.", NULL);
    metrics->reserve_batches =
        metric_counter("weir_reserve_batches_total", "Script calls that reserved for one or more grabs.", NULL);
    metrics->reserve_batch_grabs =
        metric_counter("weir_reserve_batch_grabs_total", "Grabs in those calls; the ratio is the batch's size.", NULL);
    metrics->confirms = metric_counter("weir_confirms_total", "Grabs persisted late and confirmed in Redis.", NULL);
    metrics->releases = metric_counter("weir_releases_total", "Grabs that were not persisted, given back.", NULL);
    metrics->settle_lost = metric_counter(
        "weir_settle_lost_total", "Settles or releases without effect or answer; the sweep ends those grabs.", NULL);
}

void ingest_metrics_count(const struct ingest_metrics *metrics, const struct grab_outcome *outcome)
{
    bool replayed = outcome->answer == ANSWER_REPLAYED;
    metric_add(replayed ? metrics->replayed : metrics->grabs[outcome->reason], 1);
    metric_observe_us(metrics->seconds, (uint64_t)outcome->latency_us);
}
