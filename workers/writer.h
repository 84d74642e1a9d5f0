/* A writer: one thread that carries the partitions of one shard from the log into its tables.
 *
 *     attend (partitions come and go) -> gather (records into a batch)
 *                                     -> store (one transaction, until it is done or its partitions are gone)
 *
 * A shard that is away holds up its own writer alone. Nothing that was not committed is remembered: progress in the
 * database says where to go on.
 */
#ifndef WEIR_WORKERS_WRITER_H
#define WEIR_WORKERS_WRITER_H

#include "core/kafka.h"
#include "core/service.h"
#include "schemas/layout.h"
#include "workers/seats.h"
#include "workers/worker_config.h"
#include "workers/worker_metrics.h"

struct writer;

/* Everything is borrowed for the writer's life. */
struct writer_options {
    const struct worker_config *config;
    const struct stream *stream;
    const struct stream_layout *keys;
    const struct worker_metrics *metrics;
    struct seats *seats;
    struct kafka_group *group;
    struct kafka_queue *queue;
    struct service_part *ready; /* the shard's part; may be NULL */
    const char *cluster;        /* the catalog's id: the shard must be of the same */
    int offset_min;
    int shard;
    size_t partition_count;
    const int32_t *partitions; /* of this shard */
};

struct writer *writer_start(const struct writer_options *options);
void writer_stop(struct writer *writer); /* asks: the batch in hand is stored first, if the shard answers. Any thread */
void writer_free(struct writer *writer); /* joins; NULL is fine */

#endif
