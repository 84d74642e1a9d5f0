/* The producer: idempotent, acks=all, one thread, no polling thread.
 *
 *     kafka_produce -> client 0 -> broker -> report -> the client's event queue -> eventfd
 *                   -> kafka_producer_reports -> fn
 *
 * An idempotent client that has gone fatal is dead for ever. Then a new client takes place 0 and the old one moves
 * behind it, until its last report has come. Only rd_kafka_message_status() says what became of a message; error codes
 * do not (a timeout may still land). Of its "not persisted" only so much is believed: what was never sent (kafka_sent.c).
 *
 * Whether a broker answers is read from the client's statistics, once a second: asking for metadata would block, and
 * reports come only under load.
 *
 * A log that goes back (kafka_seen.c) is not the one that was promised: from then on the producer is down, and what it
 * still has in flight is reported as possibly persisted, for nobody knows which log will be kept.
 */
#include "core/buf.h"
#include "core/clock.h"
#include "core/kafka_internal.h"
#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { CLIENTS_MAX = 4, TOPICS_MAX = 8 };
#define WAIT_SLACK_MS 30000 /* beyond message.timeout.ms, for the library's own scans */

struct client {
    rd_kafka_t *handle; /* NULL: a free place */
    rd_kafka_queue_t *queue;
    rd_kafka_topic_t *topics[TOPICS_MAX];
    size_t pending;
    struct kafka_seen seen;
    struct kafka_sent *sent;
};

struct kafka_producer {
    char *brokers;
    char *client_id;
    struct kafka_producer_options options;
    int fd;
    struct client clients[CLIENTS_MAX]; /* 0 produces, the others only report */
    bool fatal;                         /* of client 0 */
    atomic_bool up;
    atomic_bool other_log; /* for good: `why` says it, and does not change any more */
    struct err why;
    uintptr_t waits; /* numbers the calls of kafka_produce_wait */
};

typedef void (*delivery_fn)(const struct kafka_delivery *delivery, void *arg);

static bool client_open(struct kafka_producer *producer, struct client *client, struct err *err)
{
    static const uint64_t one = 1;
    rd_kafka_conf_t *conf = kafka_producer_conf_new(&producer->options, err);
    if (!conf)
        return false;
    struct kafka_sent *sent = mem_alloc(sizeof *sent);
    kafka_sent_watch(conf, sent);
    rd_kafka_t *handle = kafka_handle_new(RD_KAFKA_PRODUCER, conf, producer->brokers, err);
    if (!handle) {
        free(sent);
        return false;
    }
    *client = (struct client){.handle = handle, .queue = rd_kafka_queue_get_main(handle), .sent = sent};
    rd_kafka_queue_io_event_enable(client->queue, producer->fd, &one, sizeof one);
    return true;
}

/* `aside`: its threads are not waited for, which a loop could not afford. */
static void client_close(struct client *client, bool aside)
{
    if (!client->handle)
        return;
    for (size_t i = 0; i < TOPICS_MAX && client->topics[i]; i++)
        rd_kafka_topic_destroy(client->topics[i]);
    rd_kafka_queue_io_event_enable(client->queue, -1, NULL, 0);
    rd_kafka_queue_destroy(client->queue);
    kafka_seen_free(&client->seen);
    if (aside) {
        kafka_destroy_aside(client->handle, client->sent);
    } else {
        rd_kafka_destroy(client->handle);
        free(client->sent);
    }
    *client = (struct client){0};
}

bool kafka_producer_open(const struct kafka_producer_options *options, struct kafka_producer **ret_producer,
                         struct err *err)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0)
        return err_set(err, ERR_INTERNAL, "No eventfd for the Kafka producer: %s; raise the limit of open files",
                       strerror(errno));
    struct kafka_producer *producer = mem_alloc(sizeof *producer);
    producer->options = *options;
    producer->options.brokers = producer->brokers = mem_copy_str(options->brokers ? options->brokers : "");
    producer->options.client_id = producer->client_id = mem_copy_str(options->client_id);
    producer->fd = fd;
    if (!client_open(producer, &producer->clients[0], err)) {
        kafka_producer_close(producer, 0, NULL, NULL);
        return false;
    }
    *ret_producer = producer;
    return true;
}

/* What waits to be sent, for the first time or again, is reported at once; what is in flight gets its status from the
 * broker or from message.timeout.ms. */
static void swap_client(struct kafka_producer *producer)
{
    struct client fresh;
    size_t place = 1;
    while (place < CLIENTS_MAX && producer->clients[place].handle)
        place++;
    if (place == CLIENTS_MAX || !client_open(producer, &fresh, NULL))
        return; /* stays fatal: produce refuses, the next call tries again */
    rd_kafka_purge(producer->clients[0].handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_NON_BLOCKING);
    kafka_seen_copy(&producer->clients[0].seen, &fresh.seen);
    producer->clients[place] = producer->clients[0];
    producer->clients[0] = fresh;
    producer->fatal = false;
}

static rd_kafka_topic_t *client_topic(struct client *client, const char *name)
{
    for (size_t i = 0; i < TOPICS_MAX; i++) {
        if (client->topics[i] && strcmp(rd_kafka_topic_name(client->topics[i]), name) == 0)
            return client->topics[i];
        if (!client->topics[i])
            return client->topics[i] = rd_kafka_topic_new(client->handle, name, NULL);
    }
    return NULL;
}

static rd_kafka_headers_t *copy_headers(const struct kafka_header *headers, size_t count)
{
    rd_kafka_headers_t *copy = count > 0 ? rd_kafka_headers_new(count) : NULL;
    for (size_t i = 0; i < count; i++)
        rd_kafka_header_add(copy, headers[i].name, -1, headers[i].data, (ssize_t)headers[i].len);
    return copy;
}

/* Everything by name, none by position: the library's array form. Headers are the library's after success. */
static rd_kafka_resp_err_t produce_now(rd_kafka_topic_t *topic, rd_kafka_t *handle, int32_t partition, const void *key,
                                       size_t key_len, const void *value, size_t value_len, rd_kafka_headers_t *headers,
                                       void *opaque)
{
    rd_kafka_vu_t parts[8] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)value, value_len}},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)key, key_len}},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = opaque},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(handle, parts, headers ? 7 : 6);
    rd_kafka_resp_err_t code = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
    if (error)
        rd_kafka_error_destroy(error);
    return code;
}

bool kafka_produce(struct kafka_producer *producer, const char *topic, int32_t partition, const void *key,
                   size_t key_len, const void *value, size_t value_len, const struct kafka_header *headers,
                   size_t header_count, void *opaque, struct err *err)
{
    if (atomic_load(&producer->other_log)) /* nothing will be acknowledged any more */
        return err_set(err, ERR_CONFLICT, "%s", producer->why.text);
    if (producer->fatal)
        swap_client(producer);
    struct client *client = &producer->clients[0];
    rd_kafka_topic_t *handle = client_topic(client, topic);
    if (!handle)
        return err_set(err, ERR_INTERNAL, "A Kafka producer writes to %d topics at most; %s would be one more",
                       (int)TOPICS_MAX, topic);
    rd_kafka_headers_t *copy = copy_headers(headers, header_count);
    rd_kafka_resp_err_t code =
        produce_now(handle, client->handle, partition, key, key_len, value, value_len, copy, opaque);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        client->pending++;
        return true;
    }
    if (copy)
        rd_kafka_headers_destroy(copy);
    producer->fatal = producer->fatal || code == RD_KAFKA_RESP_ERR__FATAL;
    return kafka_fail(err, code, producer->brokers, NULL, "take a record for %s[%d]", topic, (int)partition);
}

int kafka_producer_fd(const struct kafka_producer *producer)
{
    return producer->fd;
}

static struct kafka_delivery delivery_of(const struct client *client, const rd_kafka_message_t *message)
{
    struct kafka_delivery delivery = {
        .partition = message->partition, .offset = -1, .error = "", .opaque = message->_private};
    switch (rd_kafka_message_status(message)) {
    case RD_KAFKA_MSG_STATUS_PERSISTED:
        delivery.report = KAFKA_PERSISTED;
        delivery.offset = message->offset;
        return delivery;
    case RD_KAFKA_MSG_STATUS_NOT_PERSISTED:
        delivery.report = kafka_sent_maybe(client->sent, message) ? KAFKA_POSSIBLY_PERSISTED : KAFKA_NOT_PERSISTED;
        break;
    case RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED:
        delivery.report = KAFKA_POSSIBLY_PERSISTED;
        break;
    }
    delivery.error = rd_kafka_err2str(message->err);
    return delivery;
}

/* An acknowledgement by another log than the one that earlier acknowledgements came from promises nothing. */
static void look_at_log(struct kafka_producer *producer, struct client *client, const rd_kafka_message_t *message,
                        struct kafka_delivery *delivery)
{
    if (delivery->report != KAFKA_PERSISTED)
        return;
    bool known = delivery->offset >= 0; /* it may be unknown after a retry */
    if (!atomic_load(&producer->other_log) && known &&
        !kafka_seen_note(&client->seen, rd_kafka_topic_name(message->rkt), delivery->partition, delivery->offset,
                         &producer->why))
        atomic_store(&producer->other_log, true);
    if (!atomic_load(&producer->other_log))
        return;
    delivery->report = KAFKA_POSSIBLY_PERSISTED;
    delivery->offset = -1;
    delivery->error = producer->why.text;
}

static size_t take_reports(struct kafka_producer *producer, struct client *client, rd_kafka_event_t *event,
                           delivery_fn fn, void *arg)
{
    size_t count = 0;
    for (const rd_kafka_message_t *message; (message = rd_kafka_event_message_next(event)); count++) {
        struct kafka_delivery delivery = delivery_of(client, message);
        look_at_log(producer, client, message, &delivery);
        assert(client->pending > 0);
        client->pending--;
        if (fn)
            fn(&delivery, arg);
    }
    return count;
}

static size_t take_event(struct kafka_producer *producer, struct client *client, rd_kafka_event_t *event,
                         delivery_fn fn, void *arg)
{
    bool current = client == &producer->clients[0];
    switch (rd_kafka_event_type(event)) {
    case RD_KAFKA_EVENT_DR:
        return take_reports(producer, client, event, fn, arg);
    case RD_KAFKA_EVENT_STATS:
        if (current)
            atomic_store(&producer->up, kafka_statistics_up(rd_kafka_event_stats(event)));
        return 0;
    case RD_KAFKA_EVENT_ERROR:
        if (current && rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
            atomic_store(&producer->up, false);
        if (current &&
            (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__FATAL || rd_kafka_event_error_is_fatal(event)))
            producer->fatal = true;
        return 0;
    default:
        return 0;
    }
}

/* Takes all events that wait; for the first one up to `timeout_ms` is waited. */
static size_t serve_client(struct kafka_producer *producer, struct client *client, int timeout_ms, delivery_fn fn,
                           void *arg)
{
    size_t count = 0;
    for (rd_kafka_event_t *event; (event = rd_kafka_queue_poll(client->queue, timeout_ms)); timeout_ms = 0) {
        count += take_event(producer, client, event, fn, arg);
        rd_kafka_event_destroy(event);
    }
    return count;
}

static size_t serve_clients(struct kafka_producer *producer, int timeout_ms, delivery_fn fn, void *arg)
{
    size_t count = serve_client(producer, &producer->clients[0], timeout_ms, fn, arg);
    for (size_t i = 1; i < CLIENTS_MAX; i++) {
        struct client *old = &producer->clients[i];
        if (!old->handle)
            continue;
        count += serve_client(producer, old, 0, fn, arg);
        if (old->pending == 0)
            client_close(old, true);
    }
    if (producer->fatal)
        swap_client(producer);
    return count;
}

size_t kafka_producer_reports(struct kafka_producer *producer, delivery_fn fn, void *arg)
{
    uint64_t ignored;
    /* Read first, then drain to the last event: the library writes to the eventfd again only after a poll that found
     * the queue served. */
    while (read(producer->fd, &ignored, sizeof ignored) < 0 && errno == EINTR)
        ;
    return serve_clients(producer, 0, fn, arg);
}

size_t kafka_producer_pending(const struct kafka_producer *producer)
{
    size_t pending = 0;
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        pending += producer->clients[i].pending;
    return pending;
}

bool kafka_producer_up(const struct kafka_producer *producer)
{
    return atomic_load(&producer->up) && !atomic_load(&producer->other_log);
}

const char *kafka_producer_why(const struct kafka_producer *producer)
{
    return atomic_load(&producer->other_log) ? producer->why.text : "no broker answers";
}

void kafka_producer_fail(struct kafka_producer *producer)
{
    rd_kafka_test_fatal_error(producer->clients[0].handle, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
                              "a test asked for it");
}

static void serve_until(struct kafka_producer *producer, int64_t deadline_ms, delivery_fn fn, void *arg)
{
    while (kafka_producer_pending(producer) > 0 && clock_boottime_ms() < deadline_ms)
        serve_clients(producer, 10, fn, arg);
}

void kafka_producer_close(struct kafka_producer *producer, int64_t deadline_ms, delivery_fn fn, void *arg)
{
    if (!producer)
        return;
    if (producer->clients[0].handle) {
        serve_until(producer, clock_boottime_ms() + deadline_ms, fn, arg);
        for (size_t i = 0; i < CLIENTS_MAX; i++)
            if (producer->clients[i].handle)
                rd_kafka_purge(producer->clients[i].handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        serve_until(producer, clock_boottime_ms() + 5000, fn, arg); /* purged messages report at once */
    }
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        client_close(&producer->clients[i], false);
    close(producer->fd);
    free(producer->brokers);
    free(producer->client_id);
    free(producer);
}

struct waited {
    void *opaque;
    bool reported;
    struct kafka_delivery delivery;
};

static void keep_waited(const struct kafka_delivery *delivery, void *arg)
{
    struct waited *waited = arg;
    if (delivery->opaque != waited->opaque) /* late, of a call that gave up */
        return;
    waited->delivery = *delivery;
    waited->reported = true;
}

enum kafka_report kafka_produce_wait(struct kafka_producer *producer, const char *topic, int32_t partition,
                                     const void *key, size_t key_len, const void *value, size_t value_len,
                                     int64_t *ret_offset, struct err *err)
{
    struct waited waited = {.opaque = (void *)++producer->waits};
    int64_t deadline_ms = clock_boottime_ms() + producer->options.delivery_timeout_ms + WAIT_SLACK_MS;
    if (!kafka_produce(producer, topic, partition, key, key_len, value, value_len, NULL, 0, waited.opaque, err))
        return KAFKA_NOT_PERSISTED;
    while (!waited.reported && clock_boottime_ms() < deadline_ms)
        serve_clients(producer, 50, keep_waited, &waited);
    if (!waited.reported)
        waited.delivery =
            (struct kafka_delivery){.report = KAFKA_POSSIBLY_PERSISTED, .error = "no report came in time"};
    if (waited.delivery.report == KAFKA_PERSISTED)
        *ret_offset = waited.delivery.offset;
    else
        err_set(err, ERR_OUTAGE, "Kafka at %s %s a record for %s[%d]: %s", producer->brokers,
                waited.delivery.report == KAFKA_NOT_PERSISTED ? "did not store" : "may or may not have stored", topic,
                (int)partition, waited.delivery.error);
    return waited.delivery.report;
}
