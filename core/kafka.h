/* Kafka (librdkafka): producers whose delivery reports come to a loop, a group consumer with one queue a writer, a
 * range reader, and the few admin calls.
 */
#ifndef WEIR_CORE_KAFKA_H
#define WEIR_CORE_KAFKA_H

#include "core/err.h"
#include <stddef.h>
#include <stdint.h>

/* ---- producer: idempotent, acks=all, explicit partition ---- */

/* Not persisted: certainly in no log, and never will be. It is told only of what was never sent (kafka_sent.c). */
enum kafka_report { KAFKA_PERSISTED, KAFKA_NOT_PERSISTED, KAFKA_POSSIBLY_PERSISTED };

struct kafka_delivery {
    enum kafka_report report;
    int32_t partition;
    int64_t offset;    /* of KAFKA_PERSISTED; else -1 */
    const char *error; /* "" when persisted */
    void *opaque;
};

struct kafka_header {
    const char *name; /* a literal */
    const char *data;
    size_t len;
};

struct kafka_producer_options {
    const char *brokers;
    const char *client_id;
    int64_t linger_ms;           /* 0..2 */
    int64_t delivery_timeout_ms; /* message.timeout.ms */
    int64_t queue_messages_max;
    int64_t queue_bytes_max;
};

struct kafka_producer;
/* Errors: wrong setting only; a broker that is away is no error. Not thread-safe: one producer, one thread. */
WEIR_MUST_USE bool kafka_producer_open(const struct kafka_producer_options *options,
                                       struct kafka_producer **ret_producer, struct err *err);
/* False: certainly not persisted, no report will come (queue full, fatal, too large; ERR_CONFLICT: the log has gone back).
 * Key and value are copied. */
WEIR_MUST_USE bool kafka_produce(struct kafka_producer *producer, const char *topic, int32_t partition, const void *key,
                                 size_t key_len, const void *value, size_t value_len,
                                 const struct kafka_header *headers, size_t header_count, void *opaque,
                                 struct err *err);
int kafka_producer_fd(const struct kafka_producer *producer); /* an eventfd: readable when reports wait */
/* Hands every waiting report to `fn`; answers how many. A producer that went fatal is swapped for a new one inside;
 * reports of the old one still come. After an offset that is not above those before it (another log), KAFKA_PERSISTED
 * is never reported again. */
size_t kafka_producer_reports(struct kafka_producer *producer,
                              void (*fn)(const struct kafka_delivery *delivery, void *arg), void *arg);
size_t kafka_producer_pending(const struct kafka_producer *producer); /* messages without a report yet */
/* Some broker answers, as of the last second's statistics that kafka_producer_reports met; false until then. Any
 * thread. */
bool kafka_producer_up(const struct kafka_producer *producer);
/* One sentence, when it is not up; lives as long as the producer. A log that has gone back keeps it down for good. Any
 * thread. */
const char *kafka_producer_why(const struct kafka_producer *producer);
/* Makes its client go fatal, as no healthy broker does; for a FAIL_POINT. */
void kafka_producer_fail(struct kafka_producer *producer);
/* Flush, purge, flush: every report comes through `fn` (may be NULL) before it returns. */
void kafka_producer_close(struct kafka_producer *producer, int64_t deadline_ms,
                          void (*fn)(const struct kafka_delivery *delivery, void *arg), void *arg);
/* Produces and waits for this one report; for the keeper. Everything else in flight of this producer must come from
 * this call. */
WEIR_MUST_USE enum kafka_report kafka_produce_wait(struct kafka_producer *producer, const char *topic,
                                                   int32_t partition, const void *key, size_t key_len,
                                                   const void *value, size_t value_len, int64_t *ret_offset,
                                                   struct err *err);

/* ---- records that are read ---- */

struct kafka_record {
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms;
    const char *key; /* NULL when there is none */
    size_t key_len;
    const char *value;
    size_t value_len;
    void *message; /* the library's; freed by kafka_record_free */
};
void kafka_record_free(struct kafka_record *record);
/* A fingerprint (XXH64) of key and value, by which a recreated topic is known. */
uint64_t kafka_record_checksum(const struct kafka_record *record);

/* ---- group consumer ----
 * One thread calls kafka_group_poll; partitions come and go in its callbacks. Records of a partition go to the queue
 * that the callback chose, from which another thread (a writer's) takes them. Eager assignor; nothing is
 * committed or stored by itself; auto.offset.reset=error. Membership and data are two clients inside: a slow taker
 * never costs the membership, only a missing kafka_group_poll does. */

struct kafka_group;
struct kafka_queue;

struct kafka_group_options {
    const char *brokers;
    const char *client_id;
    const char *group;
    const char *topic;
    int64_t session_timeout_ms;
    int64_t poll_interval_ms_max;
    /* Bound of what is prefetched, for the process: the queues have equal parts of it, and a record takes about twice
     * its bytes. A queue that is drained within a second stalls for the rest of it: give 64 MiB a queue for full
     * speed. */
    int64_t fetch_bytes_max;
    int queues; /* that will be made */
    void (*on_assigned)(struct kafka_group *group, const int32_t *partitions, size_t count, void *arg);
    /* Must stop writers of them before it returns. */
    void (*on_revoked)(struct kafka_group *group, const int32_t *partitions, size_t count, void *arg);
    /* Partition -1: the group or its connections, mostly passing, for the log. Else that partition's reading has
     * stopped or stumbles (offset out of range: stopped). */
    void (*on_error)(struct kafka_group *group, int32_t partition, const char *why, void *arg);
    void *arg;
};
WEIR_MUST_USE bool kafka_group_open(const struct kafka_group_options *options, struct kafka_group **ret_group,
                                    struct err *err);
/* Serves the group for up to `timeout_ms`: callbacks run inside. */
void kafka_group_poll(struct kafka_group *group, int64_t timeout_ms);
/* A queue may be freed before or after its group is closed, but no taker may be inside kafka_queue_take at either. */
struct kafka_queue *kafka_queue_new(struct kafka_group *group);
void kafka_queue_free(struct kafka_queue *queue);
/* Poll thread only. Consumption of an assigned partition begins (or begins again) at `offset`, into `queue`; others go
 * on undisturbed, though records that were read before may come once more: the taker drops what is below the offset
 * that it expects. */
WEIR_MUST_USE bool kafka_group_begin(struct kafka_group *group, int32_t partition, int64_t offset,
                                     struct kafka_queue *queue, struct err *err);
WEIR_MUST_USE bool kafka_group_end(struct kafka_group *group, int32_t partition,
                                   struct err *err); /* stays assigned, is no longer read */
/* Any thread, one taker a queue: true when a record was put into `ret_record` (free it); waits up to `timeout_ms`. */
WEIR_MUST_USE bool kafka_queue_take(struct kafka_queue *queue, int64_t timeout_ms, struct kafka_record *ret_record);
/* Tells the group the next offset, for the eyes of lag tools: kept, and sent for all partitions once a second by the
 * poll thread; failures are ignored. Any thread. */
void kafka_group_tell_offset(struct kafka_group *group, int32_t partition, int64_t next_offset);
/* What the group was told last of a partition, by whichever member; -1: nothing. Any thread; waits up to
 * `timeout_ms`. */
WEIR_MUST_USE bool kafka_group_told(struct kafka_group *group, int32_t partition, int64_t timeout_ms,
                                    int64_t *ret_offset, struct err *err);
void kafka_group_close(struct kafka_group *group); /* leaves the group */

/* ---- range reader: one partition from one offset on, no group (rebuild, replay, audit) ---- */

struct kafka_reader;
WEIR_MUST_USE bool kafka_reader_open(const char *brokers, const char *client_id, const char *topic, int32_t partition,
                                     int64_t offset, struct kafka_reader **ret_reader, struct err *err);
/* 1: a record; 0: none within `timeout_ms`; -1: err (offset out of range is ERR_MISSING, broker away is ERR_OUTAGE). */
WEIR_MUST_USE int kafka_reader_take(struct kafka_reader *reader, int64_t timeout_ms, struct kafka_record *ret_record,
                                    struct err *err);
void kafka_reader_close(struct kafka_reader *reader);

/* ---- admin ---- */

struct kafka_admin;
WEIR_MUST_USE bool kafka_admin_open(const char *brokers, const char *client_id, struct kafka_admin **ret_admin,
                                    struct err *err);
void kafka_admin_close(struct kafka_admin *admin);
/* Made when it is not there, and then each partition's leader answers; ERR_CONFLICT when it is there with another
 * partition count. `config` is "retention.ms=-1,..." or "". */
WEIR_MUST_USE bool kafka_admin_create_topic(struct kafka_admin *admin, const char *topic, int partitions,
                                            int replication, const char *config, int64_t timeout_ms, bool *ret_created,
                                            struct err *err);
WEIR_MUST_USE bool kafka_admin_partitions(struct kafka_admin *admin, const char *topic, int64_t timeout_ms,
                                          int *ret_count, struct err *err); /* ERR_MISSING: no topic */
/* Low and high watermark: the first offset that is there, and the next one to be written. */
WEIR_MUST_USE bool kafka_admin_watermarks(struct kafka_admin *admin, const char *topic, int32_t partition,
                                          int64_t timeout_ms, int64_t *ret_low, int64_t *ret_high, struct err *err);

#endif
