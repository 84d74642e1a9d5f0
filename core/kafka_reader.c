/* The range reader: one partition from one offset on, without a group.
 *
 * Nothing here ends by itself at the partition's end: the caller knows its last offset (a barrier, a watermark) and
 * stops there.
 */
#include "core/buf.h"
#include "core/kafka_internal.h"
#include <stdlib.h>

#define READER_BYTES_MAX                                                                                               \
    (64 * 1024 * 1024)  /* read ahead; a queue that drains within a second stalls, see kafka_reader_conf_new */
#define POLL_TAKES 4096 /* statistics are looked at this often while records flow */

struct kafka_reader {
    rd_kafka_t *handle;
    rd_kafka_topic_t *topic;
    char *brokers;
    int32_t partition;
    bool started;
    bool away; /* no broker answers, by the last statistics */
    unsigned takes;
};

/* Runs inside rd_kafka_poll, so on the taker's thread. 0: the library frees the text. */
static int on_statistics(rd_kafka_t *handle, char *json, size_t len, void *arg)
{
    struct kafka_reader *reader = arg;
    (void)handle;
    (void)len;
    reader->away = !kafka_statistics_up(json);
    return 0;
}

static bool open_handle(struct kafka_reader *reader, const char *client_id, const char *topic, struct err *err)
{
    rd_kafka_conf_t *conf = kafka_reader_conf_new(reader->brokers, client_id, READER_BYTES_MAX, err);
    if (!conf)
        return false;
    rd_kafka_conf_set(conf, "statistics.interval.ms", "1000", NULL, 0);
    rd_kafka_conf_set_opaque(conf, reader);
    rd_kafka_conf_set_stats_cb(conf, on_statistics);
    reader->handle = kafka_handle_new(RD_KAFKA_CONSUMER, conf, reader->brokers, err);
    if (!reader->handle)
        return false;
    reader->topic = rd_kafka_topic_new(reader->handle, topic, NULL);
    return reader->topic || kafka_fail(err, rd_kafka_last_error(), reader->brokers, NULL, "name the topic %s", topic);
}

bool kafka_reader_open(const char *brokers, const char *client_id, const char *topic, int32_t partition, int64_t offset,
                       struct kafka_reader **ret_reader, struct err *err)
{
    struct kafka_reader *reader = mem_alloc(sizeof *reader);
    reader->brokers = mem_copy_str(brokers ? brokers : "");
    reader->partition = partition;
    if (offset < 0) {
        kafka_reader_close(reader);
        return err_set(err, ERR_USAGE, "%s[%d] cannot be read from offset %lld: offsets begin at 0", topic,
                       (int)partition, (long long)offset);
    }
    if (!open_handle(reader, client_id, topic, err)) {
        kafka_reader_close(reader);
        return false;
    }
    if (rd_kafka_consume_start(reader->topic, partition, offset) != 0) {
        kafka_fail(err, rd_kafka_last_error(), reader->brokers, NULL, "begin to read %s[%d]", topic, (int)partition);
        kafka_reader_close(reader);
        return false;
    }
    reader->started = true;
    *ret_reader = reader;
    return true;
}

static int fail_take(struct kafka_reader *reader, rd_kafka_resp_err_t code, const char *why, struct err *err)
{
    kafka_fail(err, code, reader->brokers, why, "read %s[%d]", rd_kafka_topic_name(reader->topic),
               (int)reader->partition);
    return -1;
}

int kafka_reader_take(struct kafka_reader *reader, int64_t timeout_ms, struct kafka_record *ret_record, struct err *err)
{
    rd_kafka_message_t *message =
        rd_kafka_consume(reader->topic, reader->partition, timeout_ms > 0 ? (int)timeout_ms : 0);
    if (!message || ++reader->takes % POLL_TAKES == 0)
        rd_kafka_poll(reader->handle, 0); /* statistics */
    if (!message)
        return reader->away ? fail_take(reader, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "no broker answers", err) : 0;
    if (!message->err) {
        kafka_record_fill(message, ret_record);
        return 1;
    }
    int result = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF
                     ? 0
                     : fail_take(reader, message->err, rd_kafka_message_errstr(message), err);
    rd_kafka_message_destroy(message);
    return result;
}

void kafka_reader_close(struct kafka_reader *reader)
{
    if (!reader)
        return;
    if (reader->started)
        rd_kafka_consume_stop(reader->topic, reader->partition);
    if (reader->topic)
        rd_kafka_topic_destroy(reader->topic);
    kafka_destroy_aside(reader->handle, NULL);
    free(reader->brokers);
    free(reader);
}
