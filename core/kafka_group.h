/* The group consumer's inside, shared by kafka_group.c (poll thread) and kafka_queue.c (takers). */
#ifndef WEIR_CORE_KAFKA_GROUP_H
#define WEIR_CORE_KAFKA_GROUP_H

#include "core/kafka_internal.h"
#include <pthread.h>

#define KAFKA_WHY_BYTES_MAX 300

struct kafka_partition {
    bool assigned;
    bool started; /* only while assigned */
};

struct kafka_failure {
    int32_t partition;
    char why[KAFKA_WHY_BYTES_MAX];
};

struct kafka_group {
    struct kafka_group_options options; /* its texts are the caller's and used at open only */
    char *brokers;
    char *topic_name;
    rd_kafka_t *member;
    rd_kafka_t *data;
    rd_kafka_topic_t *topic;            /* of data */
    struct kafka_partition *partitions; /* by number; the poll thread's */
    size_t partition_count;
    int64_t told_at_ms;                    /* CLOCK_BOOTTIME; the poll thread's */
    pthread_mutex_t lock;                  /* of what follows */
    rd_kafka_topic_partition_list_t *told; /* next offsets that the group has not been told yet; NULL: none */
    struct kafka_failure *failures;        /* at most one a partition, the latest */
    size_t failure_count;
    struct kafka_queue *queues;
};

struct kafka_queue {
    struct kafka_group *group; /* NULL once the group is closed */
    struct kafka_queue *next;
    rd_kafka_queue_t *handle;
};

/* What one queue may hold of fetch_bytes_max, in bytes of records. */
int64_t kafka_group_queue_bytes(const struct kafka_group_options *options);
/* Takes the library's queues away from all kafka_queue of the group, which is about to go; no taker runs any more. */
void kafka_queues_detach(struct kafka_group *group);

#endif
