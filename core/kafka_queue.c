/* A writer's queue: partitions of the group are forwarded into it, one thread takes records out.
 *
 * Errors of partitions come the same way as records. They are not the taker's business: they are kept for the group's
 * poll thread.
 */
#include "core/buf.h"
#include "core/clock.h"
#include "core/kafka_group.h"
#include <stdio.h>
#include <stdlib.h>

struct kafka_queue *kafka_queue_new(struct kafka_group *group)
{
    struct kafka_queue *queue = mem_alloc(sizeof *queue);
    queue->group = group;
    queue->handle = rd_kafka_queue_new(group->data);
    pthread_mutex_lock(&group->lock);
    queue->next = group->queues;
    group->queues = queue;
    pthread_mutex_unlock(&group->lock);
    return queue;
}

static void unlink_queue(struct kafka_queue *queue)
{
    pthread_mutex_lock(&queue->group->lock);
    struct kafka_queue **at = &queue->group->queues;
    while (*at != queue)
        at = &(*at)->next;
    *at = queue->next;
    pthread_mutex_unlock(&queue->group->lock);
}

void kafka_queue_free(struct kafka_queue *queue)
{
    if (!queue)
        return;
    if (queue->group) {
        unlink_queue(queue);
        rd_kafka_queue_destroy(queue->handle);
    }
    free(queue);
}

void kafka_queues_detach(struct kafka_group *group)
{
    for (struct kafka_queue *queue = group->queues; queue; queue = queue->next) {
        rd_kafka_queue_destroy(queue->handle);
        queue->handle = NULL;
        queue->group = NULL;
    }
    group->queues = NULL;
}

static struct kafka_failure *failure_of(struct kafka_group *group, int32_t partition)
{
    for (size_t i = 0; i < group->failure_count; i++)
        if (group->failures[i].partition == partition)
            return &group->failures[i];
    group->failures = mem_grow(group->failures, (group->failure_count + 1) * sizeof *group->failures);
    group->failures[group->failure_count] = (struct kafka_failure){.partition = partition};
    return &group->failures[group->failure_count++];
}

static void keep_failure(struct kafka_group *group, const rd_kafka_message_t *message)
{
    const char *words = rd_kafka_message_errstr(message);
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        return;
    pthread_mutex_lock(&group->lock);
    struct kafka_failure *failure = failure_of(group, message->rkt ? message->partition : -1);
    snprintf(failure->why, sizeof failure->why, "%s at offset %lld (%s)",
             words ? words : rd_kafka_err2str(message->err), (long long)message->offset,
             rd_kafka_err2name(message->err));
    pthread_mutex_unlock(&group->lock);
}

bool kafka_queue_take(struct kafka_queue *queue, int64_t timeout_ms, struct kafka_record *ret_record)
{
    int64_t deadline_ms = timeout_ms > 0 ? clock_boottime_ms() + timeout_ms : 0;
    while (queue->handle) {
        rd_kafka_message_t *message = rd_kafka_consume_queue(queue->handle, timeout_ms > 0 ? (int)timeout_ms : 0);
        if (!message)
            return false;
        if (!message->err) {
            kafka_record_fill(message, ret_record);
            return true;
        }
        keep_failure(queue->group, message);
        rd_kafka_message_destroy(message);
        if (deadline_ms > 0)
            timeout_ms = deadline_ms - clock_boottime_ms();
    }
    return false;
}
