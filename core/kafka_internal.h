/* What the kafka_*.c files share and nobody else sees: settings of the client library, its errors, its records. */
#ifndef WEIR_CORE_KAFKA_INTERNAL_H
#define WEIR_CORE_KAFKA_INTERNAL_H

#include "core/kafka.h"
#include <librdkafka/rdkafka.h>
#include <stdatomic.h>

struct kafka_setting {
    const char *name; /* NULL ends a list */
    const char *value;
};

enum err_kind kafka_error_kind(rd_kafka_resp_err_t code);
/* "Kafka at BROKERS could not WHAT: words"; false. */
bool kafka_fail(struct err *err, rd_kafka_resp_err_t code, const char *brokers, const char *words, const char *format,
                ...) WEIR_PRINTF(5, 6);

/* A configuration with `common` settings (brokers, client id, quick reconnects) and then `settings`; NULL: err. */
rd_kafka_conf_t *kafka_conf_new(const char *brokers, const char *client_id, const struct kafka_setting *settings,
                                struct err *err);
/* A handle from `conf`, which is consumed either way; NULL: err. */
rd_kafka_t *kafka_handle_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, const char *brokers, struct err *err);
/* In a thread of its own, since the end of its threads may take long (a name that is looked up, say). Of a consumer that
 * is closed or reads without a group, or of a producer whose last report has come: no callback is called any more, and
 * nobody waits for it. `then` (may be NULL) is freed after it. NULL is fine. */
void kafka_destroy_aside(rd_kafka_t *handle, void *then);
/* Settings of each consumer handle; a data handle reads up to `queue_bytes_max` ahead for each queue. */
rd_kafka_conf_t *kafka_reader_conf_new(const char *brokers, const char *client_id, int64_t queue_bytes_max,
                                       struct err *err);

/* Settings of each producing handle: its events are delivery reports, errors and statistics. */
rd_kafka_conf_t *kafka_producer_conf_new(const struct kafka_producer_options *options, struct err *err);

/* Some broker answers, as the client's statistics (statistics.interval.ms) tell. */
bool kafka_statistics_up(const char *statistics);

/* The offsets that one producing client was told, to see a log go back (kafka_seen.c). One thread. */
struct kafka_seen {
    size_t topic_count;
    struct kafka_seen_topic *topics;
};
/* `ret_copy` is empty before, and its own afterwards. */
void kafka_seen_copy(const struct kafka_seen *seen, struct kafka_seen *ret_copy);
/* False, err: `offset` is not above what this partition has told before, so its log is another one, or lost records. */
bool kafka_seen_note(struct kafka_seen *seen, const char *topic, int32_t partition, int64_t offset, struct err *err);
void kafka_seen_free(struct kafka_seen *seen);

/* When a client last sent a request that produces, to see what may have been sent (kafka_sent.c). Lives as long as the
 * client; any thread. */
struct kafka_sent {
    _Atomic int64_t last_us; /* CLOCK_MONOTONIC; 0: never */
};
void kafka_sent_watch(rd_kafka_conf_t *conf, struct kafka_sent *sent); /* before the client is made */
/* False: it certainly was not, and is in no log. `message` is a delivery report. */
bool kafka_sent_maybe(const struct kafka_sent *sent, const rd_kafka_message_t *message);

void kafka_record_fill(rd_kafka_message_t *message, struct kafka_record *ret_record);

#endif
