/* Whether a message may have been sent, whatever its report says.
 *
 * "Not persisted" of the client library is no proof. It takes NOT_LEADER_OR_FOLLOWER, and some other answers, for a
 * request that was not carried out, and queues its messages again; one that then waits too long, or is purged, is
 * reported as not persisted. But a broker gives that answer also to a request that it has appended, and whose copies
 * were still awaited when another broker became the leader, with the record. (librdkafka 2.0.2,
 * rd_kafka_handle_Produce_error; Kafka 3.9, DelayedProduce.tryComplete.)
 *
 * What is certain is that a message was not sent when no request that produces was sent after it was handed over. The
 * time of the last one is noted, not the messages in it: the library tells no more. Both times are CLOCK_MONOTONIC's,
 * as the library's own.
 */
#include "core/kafka_internal.h"
#include <time.h>

enum { API_KEY_PRODUCE = 0 };

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* A thread of the library's, one for each broker: the latest time stays. */
static rd_kafka_resp_err_t on_sent(rd_kafka_t *handle, int socket, const char *broker, int32_t broker_id, int16_t key,
                                   int16_t version, int32_t correlation, size_t size, void *arg)
{
    (void)handle, (void)socket, (void)broker, (void)broker_id, (void)version, (void)correlation, (void)size;
    struct kafka_sent *sent = arg;
    int64_t us = now_us(), last_us = atomic_load(&sent->last_us);
    if (key == API_KEY_PRODUCE)
        while (last_us < us && !atomic_compare_exchange_weak(&sent->last_us, &last_us, us))
            ;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *handle, const rd_kafka_conf_t *conf, void *arg, char *words, size_t size)
{
    (void)conf, (void)words, (void)size;
    struct kafka_sent *sent = arg;
    rd_kafka_resp_err_t code = rd_kafka_interceptor_add_on_request_sent(handle, "weir", on_sent, sent);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        atomic_store(&sent->last_us, 0);
    return code;
}

void kafka_sent_watch(rd_kafka_conf_t *conf, struct kafka_sent *sent)
{
    atomic_init(&sent->last_us, INT64_MAX); /* as long as nobody looks everything may have been sent */
    rd_kafka_conf_interceptor_add_on_new(conf, "weir", on_new, sent);
}

bool kafka_sent_maybe(const struct kafka_sent *sent, const rd_kafka_message_t *message)
{
    /* Before the message's age is asked: it is taken for older than it is, never for younger. */
    int64_t asked_us = now_us(), age_us = rd_kafka_message_latency(message);
    return age_us < 0 || atomic_load(&sent->last_us) >= asked_us - age_us;
}
