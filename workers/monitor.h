/* Looks at the log and the catalog once a second: lag of each partition, alarms, readiness; and says when the worker
 * must begin anew (another route). A thread of its own, because brokers and databases may let it wait. */
#ifndef WEIR_WORKERS_MONITOR_H
#define WEIR_WORKERS_MONITOR_H

#include "workers/plan.h"
#include "workers/seats.h"
#include "workers/worker_metrics.h"

struct monitor;

struct monitor_options { /* borrowed for its life */
    const struct worker_config *config;
    const struct stream *stream;
    const struct stream_layout *keys;
    const struct worker_metrics *metrics;
    const struct plan *plan;
    struct seats *seats;
    struct kafka_group *group;
    struct service_part *catalog;
    struct service_part *kafka;
    struct service_part *partitions;
};

struct monitor *monitor_start(const struct monitor_options *options);
bool monitor_wants_restart(const struct monitor *monitor); /* any thread */
void monitor_stop(struct monitor *monitor);                /* joins, within about two seconds; NULL is fine */

#endif
