/* The group consumer, on two handles of the client library.
 *
 *     member (subscribe)  -> rebalance callbacks -> on_assigned, on_revoked       who owns which partition
 *     data (no group)     -> one fetch a partition, begun and ended at will -> the writer's queue -> kafka_queue_take
 *
 * Why two: a group handle of the eager kind can only replace its assignment as a whole, which throws away what the
 * other partitions have read ahead; pause and seek can skip records. Starting one partition at one offset is what the
 * handle without a group does best, and each start or stop raises the partition's version, so that records of an
 * earlier start never come out of a queue afterwards. The member is assigned nothing and reads nothing: it owns.
 *
 * Threads: one polls (kafka_group_*); takers use their queues. They meet in what the lock is for; kafka_group_told
 * uses the library's handle alone, which is thread-safe.
 */
#include "core/kafka_group.h"
#include "core/buf.h"
#include "core/clock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TELL_MS         1000
#define MEMORY_FACTOR   2                         /* a queued record takes about twice its bytes */
#define QUEUE_BYTES_MAX (INT64_C(2097151) * 1024) /* the library takes no more, see queued.max.messages.kbytes */

static struct kafka_partition *partition_find(struct kafka_group *group, int32_t number)
{
    return number >= 0 && (size_t)number < group->partition_count ? &group->partitions[number] : NULL;
}

static struct kafka_partition *partition_need(struct kafka_group *group, int32_t number)
{
    size_t count = (size_t)number + 1;
    if (count > group->partition_count) {
        group->partitions = mem_grow(group->partitions, count * sizeof *group->partitions);
        memset(&group->partitions[group->partition_count], 0,
               (count - group->partition_count) * sizeof *group->partitions);
        group->partition_count = count;
    }
    return &group->partitions[number];
}

static void partition_stop(struct kafka_group *group, int32_t number)
{
    struct kafka_partition *partition = &group->partitions[number];
    if (partition->started)
        rd_kafka_consume_stop(group->topic, number); /* waits for the library's main thread only, never for a broker */
    partition->started = false;
}

/* A rebalance names one topic; its partition numbers, in a fresh array. */
static int32_t *numbers_of(const rd_kafka_topic_partition_list_t *list)
{
    int32_t *numbers = mem_alloc(((size_t)list->cnt + 1) * sizeof *numbers);
    for (int i = 0; i < list->cnt; i++)
        numbers[i] = list->elems[i].partition;
    return numbers;
}

static void take_partitions(struct kafka_group *group, const rd_kafka_topic_partition_list_t *list)
{
    int32_t *numbers = numbers_of(list);
    rd_kafka_topic_partition_list_t *none = rd_kafka_topic_partition_list_new(1);
    for (int i = 0; i < list->cnt; i++)
        partition_need(group, numbers[i])->assigned = true;
    rd_kafka_assign(group->member, none); /* empty, not NULL: NULL would answer a revocation */
    rd_kafka_topic_partition_list_destroy(none);
    group->options.on_assigned(group, numbers, (size_t)list->cnt, group->options.arg);
    free(numbers);
}

/* One request for all partitions, at most once in TELL_MS: a request a transaction would cost the broker more than the
 * records do. */
static void tell_offsets(struct kafka_group *group)
{
    pthread_mutex_lock(&group->lock);
    rd_kafka_topic_partition_list_t *told = group->told;
    group->told = NULL;
    pthread_mutex_unlock(&group->lock);
    group->told_at_ms = clock_boottime_ms();
    if (!told)
        return;
    rd_kafka_commit(group->member, told, 1);
    rd_kafka_topic_partition_list_destroy(told);
}

static void give_partitions(struct kafka_group *group, const rd_kafka_topic_partition_list_t *list)
{
    int32_t *numbers = numbers_of(list);
    group->options.on_revoked(group, numbers, (size_t)list->cnt, group->options.arg);
    tell_offsets(group);
    for (int i = 0; i < list->cnt; i++) {
        struct kafka_partition *partition = partition_need(group, numbers[i]);
        partition_stop(group, numbers[i]);
        partition->assigned = false;
    }
    rd_kafka_assign(group->member, NULL);
    free(numbers);
}

static void on_rebalance(rd_kafka_t *member, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list, void *arg)
{
    (void)member;
    struct kafka_group *group = arg;
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        take_partitions(group, list);
    else
        give_partitions(group, list);
}

static void on_member_error(rd_kafka_t *member, int code, const char *why, void *arg)
{
    (void)member;
    (void)code;
    struct kafka_group *group = arg;
    group->options.on_error(group, -1, why, group->options.arg);
}

static rd_kafka_conf_t *member_conf(struct kafka_group *group, const struct kafka_group_options *options,
                                    struct err *err)
{
    char session[24], heartbeat[24], interval[24];
    snprintf(session, sizeof session, "%lld", (long long)options->session_timeout_ms);
    snprintf(heartbeat, sizeof heartbeat, "%lld",
             (long long)(options->session_timeout_ms / 5 > 0 ? options->session_timeout_ms / 5 : 1));
    snprintf(interval, sizeof interval, "%lld", (long long)options->poll_interval_ms_max);
    const struct kafka_setting settings[] = {
        {"group.id", options->group},
        {"session.timeout.ms", session},
        {"heartbeat.interval.ms", heartbeat},
        {"max.poll.interval.ms", interval},
        {"partition.assignment.strategy", "range"},
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "error"},
        {"allow.auto.create.topics", "false"},
        {"topic.metadata.refresh.interval.ms", "30000"},
        {NULL, NULL},
    };
    rd_kafka_conf_t *conf = kafka_conf_new(options->brokers, options->client_id, settings, err);
    if (!conf)
        return NULL;
    rd_kafka_conf_set_opaque(conf, group);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_error_cb(conf, on_member_error);
    return conf;
}

int64_t kafka_group_queue_bytes(const struct kafka_group_options *options)
{
    const int64_t bytes = options->fetch_bytes_max / (options->queues > 0 ? options->queues : 1) / MEMORY_FACTOR;
    return bytes < QUEUE_BYTES_MAX ? bytes : QUEUE_BYTES_MAX;
}

static bool open_data(struct kafka_group *group, const struct kafka_group_options *options, struct err *err)
{
    rd_kafka_conf_t *conf =
        kafka_reader_conf_new(options->brokers, options->client_id, kafka_group_queue_bytes(options), err);
    if (!conf)
        return false;
    group->data = kafka_handle_new(RD_KAFKA_CONSUMER, conf, options->brokers, err);
    if (!group->data)
        return false;
    group->topic = rd_kafka_topic_new(group->data, options->topic, NULL);
    return group->topic ||
           kafka_fail(err, rd_kafka_last_error(), options->brokers, NULL, "name the topic %s", options->topic);
}

static bool open_member(struct kafka_group *group, const struct kafka_group_options *options, struct err *err)
{
    rd_kafka_conf_t *conf = member_conf(group, options, err);
    if (!conf)
        return false;
    group->member = kafka_handle_new(RD_KAFKA_CONSUMER, conf, options->brokers, err);
    if (!group->member)
        return false;
    rd_kafka_poll_set_consumer(group->member);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, options->topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(group->member, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    return !code || kafka_fail(err, code, options->brokers, NULL, "join the group %s of the topic %s", options->group,
                               options->topic);
}

bool kafka_group_open(const struct kafka_group_options *options, struct kafka_group **ret_group, struct err *err)
{
    struct kafka_group *group = mem_alloc(sizeof *group);
    pthread_mutex_init(&group->lock, NULL);
    group->options = *options;
    group->brokers = mem_copy_str(options->brokers ? options->brokers : "");
    group->topic_name = mem_copy_str(options->topic);
    if (!open_data(group, options, err) || !open_member(group, options, err)) {
        kafka_group_close(group);
        return false;
    }
    *ret_group = group;
    return true;
}

/* The failures that takers found, on the poll thread. The callback may begin or end partitions, so no lock is held. */
static void hand_over_failures(struct kafka_group *group)
{
    pthread_mutex_lock(&group->lock);
    struct kafka_failure *failures = group->failures;
    size_t count = group->failure_count;
    group->failures = NULL;
    group->failure_count = 0;
    pthread_mutex_unlock(&group->lock);
    for (size_t i = 0; i < count; i++)
        group->options.on_error(group, failures[i].partition, failures[i].why, group->options.arg);
    free(failures);
}

void kafka_group_poll(struct kafka_group *group, int64_t timeout_ms)
{
    rd_kafka_message_t *message = rd_kafka_consumer_poll(group->member, (int)timeout_ms);
    if (message) { /* the member reads nothing: an error of the group or the topic */
        group->options.on_error(group, -1, rd_kafka_message_errstr(message), group->options.arg);
        rd_kafka_message_destroy(message);
    }
    hand_over_failures(group);
    if (clock_boottime_ms() - group->told_at_ms >= TELL_MS)
        tell_offsets(group);
}

bool kafka_group_begin(struct kafka_group *group, int32_t partition, int64_t offset, struct kafka_queue *queue,
                       struct err *err)
{
    struct kafka_partition *state = partition_find(group, partition);
    if (!state || !state->assigned)
        return err_set(err, ERR_CONFLICT, "The partition %s[%d] is not assigned to this member of the group",
                       group->topic_name, (int)partition);
    if (offset < 0)
        return err_set(err, ERR_USAGE, "The partition %s[%d] cannot be read from offset %lld", group->topic_name,
                       (int)partition, (long long)offset);
    partition_stop(group, partition);
    if (rd_kafka_consume_start_queue(group->topic, partition, offset, queue->handle) != 0)
        return kafka_fail(err, rd_kafka_last_error(), group->brokers, NULL, "begin to read %s[%d]", group->topic_name,
                          (int)partition);
    state->started = true;
    return true;
}

bool kafka_group_end(struct kafka_group *group, int32_t partition, struct err *err)
{
    if (!partition_find(group, partition))
        return err_set(err, ERR_CONFLICT, "The partition %s[%d] was never assigned to this member of the group",
                       group->topic_name, (int)partition);
    partition_stop(group, partition);
    return true;
}

void kafka_group_tell_offset(struct kafka_group *group, int32_t partition, int64_t next_offset)
{
    pthread_mutex_lock(&group->lock);
    if (!group->told)
        group->told = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *entry = rd_kafka_topic_partition_list_find(group->told, group->topic_name, partition);
    if (!entry)
        entry = rd_kafka_topic_partition_list_add(group->told, group->topic_name, partition);
    entry->offset = next_offset;
    pthread_mutex_unlock(&group->lock);
}

bool kafka_group_told(struct kafka_group *group, int32_t partition, int64_t timeout_ms, int64_t *ret_offset,
                      struct err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    const rd_kafka_topic_partition_t *asked = rd_kafka_topic_partition_list_add(list, group->topic_name, partition);
    rd_kafka_resp_err_t code = rd_kafka_committed(group->member, list, (int)timeout_ms);
    if (!code)
        code = asked->err;
    const int64_t offset = asked->offset;
    rd_kafka_topic_partition_list_destroy(list);
    if (code)
        return kafka_fail(err, code, group->brokers, NULL, "read the offset of the group for %s[%d]", group->topic_name,
                          (int)partition);
    *ret_offset = offset >= 0 ? offset : -1;
    return true;
}

/* Leaving revokes what is assigned: the callback runs inside. Then readers stop, queues go, handles go, in this order,
 * as each needs the next. */
void kafka_group_close(struct kafka_group *group)
{
    if (!group)
        return;
    if (group->member) {
        rd_kafka_consumer_close(group->member);
        kafka_destroy_aside(group->member, NULL);
    }
    for (size_t i = 0; i < group->partition_count; i++)
        partition_stop(group, (int32_t)i);
    kafka_queues_detach(group);
    if (group->topic)
        rd_kafka_topic_destroy(group->topic);
    kafka_destroy_aside(group->data, NULL);
    pthread_mutex_destroy(&group->lock);
    if (group->told)
        rd_kafka_topic_partition_list_destroy(group->told);
    free(group->failures);
    free(group->partitions);
    free(group->topic_name);
    free(group->brokers);
    free(group);
}
