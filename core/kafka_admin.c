/* The few admin calls. The handle is a consumer without a group: unlike a producer's, its look at a topic never creates
 * one. */
#include "core/buf.h"
#include "core/clock.h"
#include "core/kafka_internal.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTLE_STEP_MS   50
#define CONFIG_BYTES_MAX 1000

struct kafka_admin {
    rd_kafka_t *handle;
    char *brokers;
};

bool kafka_admin_open(const char *brokers, const char *client_id, struct kafka_admin **ret_admin, struct err *err)
{
    rd_kafka_conf_t *conf = kafka_reader_conf_new(brokers, client_id, 0, err);
    if (!conf)
        return false;
    rd_kafka_t *handle = kafka_handle_new(RD_KAFKA_CONSUMER, conf, brokers, err);
    if (!handle)
        return false;
    struct kafka_admin *admin = mem_alloc(sizeof *admin);
    *admin = (struct kafka_admin){.handle = handle, .brokers = mem_copy_str(brokers)};
    *ret_admin = admin;
    return true;
}

void kafka_admin_close(struct kafka_admin *admin)
{
    if (!admin)
        return;
    kafka_destroy_aside(admin->handle, NULL);
    free(admin->brokers);
    free(admin);
}

/* "a=b,c=d" into the new topic's settings. */
static bool set_topic_config(rd_kafka_NewTopic_t *topic, const char *config, struct err *err)
{
    char copy[CONFIG_BYTES_MAX], *rest = copy;
    if (snprintf(copy, sizeof copy, "%s", config ? config : "") >= (int)sizeof copy)
        return err_set(err, ERR_USAGE, "The settings of the new topic are longer than %d bytes", CONFIG_BYTES_MAX - 1);
    for (char *pair; (pair = strsep(&rest, ","));) {
        char *equals = strchr(pair, '=');
        if (*pair == '\0')
            continue;
        if (!equals)
            return err_set(err, ERR_USAGE, "The topic setting \"%s\" must read name=value", pair);
        *equals = '\0';
        if (rd_kafka_NewTopic_set_config(topic, pair, equals + 1) != RD_KAFKA_RESP_ERR_NO_ERROR)
            return err_set(err, ERR_USAGE, "The topic setting %s=%s is not one", pair, equals + 1);
    }
    return true;
}

static rd_kafka_NewTopic_t *new_topic(const char *name, int partitions, int replication, const char *config,
                                      struct err *err)
{
    char words[300];
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(name, partitions, replication, words, sizeof words);
    if (!topic) {
        err_set(err, ERR_USAGE, "The topic %s cannot be made: %s", name, words);
        return NULL;
    }
    if (set_topic_config(topic, config, err))
        return topic;
    rd_kafka_NewTopic_destroy(topic);
    return NULL;
}

/* The code and words of the one topic that was asked for, copied out of the event. */
static rd_kafka_resp_err_t creation_result(rd_kafka_event_t *event, char *words, size_t size)
{
    size_t count = 0;
    const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(event);
    const rd_kafka_topic_result_t **topics = result ? rd_kafka_CreateTopics_result_topics(result, &count) : NULL;
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    const char *text = rd_kafka_event_error_string(event);
    if (!code && count > 0) {
        code = rd_kafka_topic_result_error(topics[0]);
        text = rd_kafka_topic_result_error_string(topics[0]);
    }
    snprintf(words, size, "%s", text ? text : "");
    return code;
}

static rd_kafka_resp_err_t request_topic(struct kafka_admin *admin, rd_kafka_NewTopic_t *topic, int timeout_ms,
                                         char *words, size_t size)
{
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->handle);
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(admin->handle, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    words[0] = '\0';
    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, NULL, 0);
    rd_kafka_CreateTopics(admin->handle, &topic, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms + 1000);
    if (event) {
        code = creation_result(event, words, size);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return code;
}

/* A topic just made may not be known to the broker that is asked: waits until its partitions are to be seen. */
static bool wait_for_topic(struct kafka_admin *admin, const char *topic, int partitions, int64_t deadline_ms,
                           struct err *err)
{
    for (;;) {
        int count = 0;
        int64_t left_ms = deadline_ms - clock_boottime_ms();
        bool found =
            kafka_admin_partitions(admin, topic, left_ms > SETTLE_STEP_MS ? left_ms : SETTLE_STEP_MS, &count, err);
        if (found && count != partitions)
            return err_set(err, ERR_CONFLICT,
                           "The topic %s at %s has %d partitions where %d were asked for; the number never changes in "
                           "a topic's life",
                           topic, admin->brokers, count, partitions);
        if (found || left_ms <= 0)
            return found;
        clock_sleep_ms(SETTLE_STEP_MS);
    }
}

/* The broker that leads a partition may learn of it after the one that was asked about the topic. */
static bool wait_for_leaders(struct kafka_admin *admin, const char *topic, int partitions, int64_t deadline_ms,
                             struct err *err)
{
    for (int32_t partition = 0; partition < partitions;) {
        int64_t low, high, left_ms = deadline_ms - clock_boottime_ms();
        if (kafka_admin_watermarks(admin, topic, partition, left_ms > SETTLE_STEP_MS ? left_ms : SETTLE_STEP_MS, &low,
                                   &high, err))
            partition++;
        else if (left_ms <= 0)
            return false;
        else
            clock_sleep_ms(SETTLE_STEP_MS);
    }
    return true;
}

bool kafka_admin_create_topic(struct kafka_admin *admin, const char *topic, int partitions, int replication,
                              const char *config, int64_t timeout_ms, bool *ret_created, struct err *err)
{
    char words[300];
    int64_t deadline_ms = clock_boottime_ms() + timeout_ms;
    rd_kafka_NewTopic_t *wanted = new_topic(topic, partitions, replication, config, err);
    if (!wanted)
        return false;
    rd_kafka_resp_err_t code = request_topic(admin, wanted, (int)timeout_ms, words, sizeof words);
    rd_kafka_NewTopic_destroy(wanted);
    if (code && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        return kafka_fail(err, code, admin->brokers, words, "make the topic %s", topic);
    if (!wait_for_topic(admin, topic, partitions, deadline_ms, err) ||
        !wait_for_leaders(admin, topic, partitions, deadline_ms, err))
        return false;
    *ret_created = code == RD_KAFKA_RESP_ERR_NO_ERROR;
    return true;
}

/* The topic's own error; no topic at all counts as a missing one. */
static rd_kafka_resp_err_t metadata_error(const rd_kafka_metadata_t *metadata)
{
    if (metadata->topic_cnt != 1)
        return RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (metadata->topics[0].err || metadata->topics[0].partition_cnt == 0)
        return metadata->topics[0].err ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

bool kafka_admin_partitions(struct kafka_admin *admin, const char *topic, int64_t timeout_ms, int *ret_count,
                            struct err *err)
{
    const rd_kafka_metadata_t *metadata = NULL;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(admin->handle, topic, NULL);
    if (!handle)
        return kafka_fail(err, rd_kafka_last_error(), admin->brokers, NULL, "look at the topic %s", topic);
    rd_kafka_resp_err_t code = rd_kafka_metadata(admin->handle, 0, handle, &metadata, (int)timeout_ms);
    if (!code)
        code = metadata_error(metadata);
    if (!code)
        *ret_count = metadata->topics[0].partition_cnt;
    if (metadata)
        rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
    return !code || kafka_fail(err, code, admin->brokers, NULL, "look at the topic %s", topic);
}

/* The library goes on asking the leader that it once knew, also when that one says that it no longer is: only a look at
 * the topic makes it learn. False: the time is over. `ret_count`: its partitions, when there was an answer. */
static bool learn_leaders(struct kafka_admin *admin, const char *topic, int64_t deadline_ms, int *ret_count)
{
    int64_t left_ms;
    do {
        clock_sleep_ms(SETTLE_STEP_MS);
        left_ms = deadline_ms - clock_boottime_ms();
    } while (left_ms > 0 && !kafka_admin_partitions(admin, topic, left_ms, ret_count, NULL));
    return deadline_ms > clock_boottime_ms();
}

/* The library calls a partition unknown also before it has heard of it; then one that is there comes. */
static bool may_come(rd_kafka_resp_err_t code, int32_t partition, int count)
{
    return kafka_error_kind(code) == ERR_OUTAGE || (code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION && partition < count);
}

/* One end of a partition's log: ListOffsets takes these two "offsets" for times (KIP-79). rd_kafka_query_watermark_offsets
 * asks the same, but the library's 2.0.2 waits there for as long as a leader that hangs lets it, whatever the timeout. */
static rd_kafka_resp_err_t ask_end(struct kafka_admin *admin, const char *topic, int32_t partition, int64_t end,
                                   int64_t deadline_ms, int64_t *ret_offset)
{
    const int64_t left_ms = deadline_ms - clock_boottime_ms();
    rd_kafka_topic_partition_list_t *asked = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(asked, topic, partition)->offset = end;
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(admin->handle, asked, left_ms > 0 ? (int)left_ms : 0);
    if (!code)
        code = asked->elems[0].err;
    if (!code && asked->elems[0].offset < 0)
        code = RD_KAFKA_RESP_ERR__FAIL;
    if (!code)
        *ret_offset = asked->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(asked);
    return code;
}

static rd_kafka_resp_err_t ask_ends(struct kafka_admin *admin, const char *topic, int32_t partition,
                                    int64_t deadline_ms, int64_t *ret_low, int64_t *ret_high)
{
    rd_kafka_resp_err_t code = ask_end(admin, topic, partition, RD_KAFKA_OFFSET_BEGINNING, deadline_ms, ret_low);
    return code ? code : ask_end(admin, topic, partition, RD_KAFKA_OFFSET_END, deadline_ms, ret_high);
}

/* A leader that is being chosen, or that the library has not heard of yet, is waited for within the call's own time. */
bool kafka_admin_watermarks(struct kafka_admin *admin, const char *topic, int32_t partition, int64_t timeout_ms,
                            int64_t *ret_low, int64_t *ret_high, struct err *err)
{
    const int64_t deadline_ms = clock_boottime_ms() + timeout_ms;
    int64_t low = 0, high = 0;
    rd_kafka_resp_err_t code;
    int count = INT_MAX; /* until it is known */
    while ((code = ask_ends(admin, topic, partition, deadline_ms, &low, &high)) && may_come(code, partition, count) &&
           learn_leaders(admin, topic, deadline_ms, &count)) {
    }
    if (code)
        return kafka_fail(err, code, admin->brokers, NULL, "tell the watermarks of %s[%d]", topic, (int)partition);
    *ret_low = low;
    *ret_high = high;
    return true;
}
