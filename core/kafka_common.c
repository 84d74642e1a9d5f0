/* Settings, errors and records that producer, group, reader and admin have in common; and the library's waits. */
#include "core/buf.h"
#include "core/kafka_internal.h"
#include "core/log.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <time.h>
#include <xxhash.h>

#define READER_QUEUE_BYTES_MIN (64 * 1024)
/* A connection whose requests have no answer for this long is taken for dead and made anew. The library's own 60 s
 * would leave a reader without records for a minute when a connection falls silent without an end (a router that forgot
 * it). */
#define SOCKET_TIMEOUT_MS "10000"

#ifdef __GLIBC__
_Static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t) && sizeof(mtx_t) == sizeof(pthread_mutex_t),
               "glibc's C11 conditions and mutexes are its POSIX ones");

/* What librdkafka waits with, each time with a deadline. The C library's own goes by the wall clock, where a step back
 * of an hour makes every wait that is under way an hour longer: no heartbeat, no poll, no drain. This definition takes
 * its place in the whole program: it waits as long as there is from now until `until`, by a clock that has no steps.
 */
int cnd_timedwait(cnd_t *restrict cond, mtx_t *restrict mutex, const struct timespec *restrict until)
{
    enum { NS_PER_S = 1000000000 };
    struct timespec now, end;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0 || clock_gettime(CLOCK_MONOTONIC, &end) != 0)
        return thrd_error;
    int64_t ns = (int64_t)end.tv_nsec + until->tv_nsec - now.tv_nsec; /* between -1 s and 2 s */
    end.tv_sec += until->tv_sec - now.tv_sec + (ns + NS_PER_S) / NS_PER_S - 1;
    end.tv_nsec = (ns + NS_PER_S) % NS_PER_S;
    if (end.tv_sec < 0)
        end = (struct timespec){0};
    const int error = pthread_cond_clockwait((pthread_cond_t *)cond, (pthread_mutex_t *)mutex, CLOCK_MONOTONIC, &end);
    return error == 0 ? thrd_success : error == ETIMEDOUT ? thrd_timedout : thrd_error;
}
#endif

/* The library's own lines are for debugging: what matters arrives as an error of a call or a report. */
static void write_log(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
    (void)level;
    (void)facility;
    log_debug("librdkafka", LOG_STR("client", handle ? rd_kafka_name(handle) : "-"), LOG_STR("text", text));
}

struct error_kinds {
    enum err_kind kind;
    rd_kafka_resp_err_t codes[14]; /* 0 ends */
};

/* What is not named here and comes from the network or the cluster is an outage: see kafka_error_kind. */
static const struct error_kinds error_kinds[] = {
    {ERR_MISSING,
     {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
      RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, RD_KAFKA_RESP_ERR__NO_OFFSET}},
    {ERR_DATA,
     {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE, RD_KAFKA_RESP_ERR_INVALID_RECORD,
      RD_KAFKA_RESP_ERR__BAD_MSG}},
    {ERR_USAGE,
     {RD_KAFKA_RESP_ERR__INVALID_ARG, RD_KAFKA_RESP_ERR_INVALID_CONFIG, RD_KAFKA_RESP_ERR_INVALID_PARTITIONS,
      RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR, RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP,
      RD_KAFKA_RESP_ERR_POLICY_VIOLATION, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
      RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
      RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT,
      RD_KAFKA_RESP_ERR_INVALID_GROUP_ID}},
    {ERR_CONFLICT, {RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS}},
    {ERR_INTERNAL,
     {RD_KAFKA_RESP_ERR__INVALID_TYPE, RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED, RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE,
      RD_KAFKA_RESP_ERR__STATE}},
};

enum err_kind kafka_error_kind(rd_kafka_resp_err_t code)
{
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return ERR_NONE;
    for (size_t i = 0; i < sizeof error_kinds / sizeof error_kinds[0]; i++)
        for (const rd_kafka_resp_err_t *known = error_kinds[i].codes; *known; known++)
            if (*known == code)
                return error_kinds[i].kind;
    return ERR_OUTAGE;
}

bool kafka_fail(struct err *err, rd_kafka_resp_err_t code, const char *brokers, const char *words, const char *format,
                ...)
{
    char what[200];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return err_set_code(err, kafka_error_kind(code), (int)code, "Kafka at %s could not %s: %s (%s)", brokers, what,
                        words && *words ? words : rd_kafka_err2str(code), rd_kafka_err2name(code));
}

/* `optional`: newer libraries know it, older ones do not. */
static bool set_one(rd_kafka_conf_t *conf, const struct kafka_setting *setting, bool optional, struct err *err)
{
    char words[300];
    rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, setting->name, setting->value, words, sizeof words);
    if (result == RD_KAFKA_CONF_OK || (optional && result == RD_KAFKA_CONF_UNKNOWN))
        return true;
    return err_set(err, ERR_USAGE, "The Kafka client does not take %s=%s: %s", setting->name, setting->value, words);
}

static bool set_all(rd_kafka_conf_t *conf, const struct kafka_setting *settings, struct err *err)
{
    for (const struct kafka_setting *setting = settings; setting && setting->name; setting++)
        if (!set_one(conf, setting, false, err))
            return false;
    return true;
}

rd_kafka_conf_t *kafka_conf_new(const char *brokers, const char *client_id, const struct kafka_setting *settings,
                                struct err *err)
{
    const struct kafka_setting common[] = {
        {"bootstrap.servers", brokers},
        {"client.id", client_id},
        {"socket.nagle.disable", "true"},
        {"socket.keepalive.enable", "true"},
        {"socket.timeout.ms", SOCKET_TIMEOUT_MS},
        {"reconnect.backoff.ms", "50"}, /* a broker that is back is found within a second */
        {"reconnect.backoff.max.ms", "1000"},
        {"log.connection.close", "false"},
        {NULL, NULL},
    };
    if (!brokers || !*brokers) {
        err_set(err, ERR_USAGE, "The list of Kafka brokers is empty; set kafka.brokers to host:port,host:port");
        return NULL;
    }
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, write_log);
    if (!set_all(conf, common, err) || !set_all(conf, settings, err)) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    return conf;
}

rd_kafka_t *kafka_handle_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, const char *brokers, struct err *err)
{
    char words[300];
    rd_kafka_t *handle = rd_kafka_new(type, conf, words, sizeof words);
    if (!handle) {
        rd_kafka_conf_destroy(conf);
        err_set(err, ERR_USAGE, "The Kafka client for %s could not be made: %s", brokers, words);
    }
    return handle;
}

struct destroying {
    rd_kafka_t *handle;
    void *then;
};

static void *destroy(void *arg)
{
    struct destroying *destroying = arg;
    rd_kafka_destroy_flags(destroying->handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    free(destroying->then);
    free(destroying);
    return NULL;
}

/* rd_kafka_destroy may wait for ever: a broker's thread does not end while something still refers to it, and since
 * librdkafka 2.0 a partition may be referred to once too often (issues 4486 and 4674 there). One in some hundred
 * readers hung a rebuild that way, so nobody waits for it. */
void kafka_destroy_aside(rd_kafka_t *handle, void *then)
{
    pthread_t thread;
    if (!handle) {
        free(then);
        return;
    }
    struct destroying *destroying = mem_alloc(sizeof *destroying);
    *destroying = (struct destroying){.handle = handle, .then = then};
    if (pthread_create(&thread, NULL, destroy, destroying) == 0)
        pthread_detach(thread);
    else
        destroy(destroying);
}

/* queued.min.messages at its default makes one fast reader stall: a full queue is looked at again only after up to a
 * second. So it is out of the way, and bytes alone bound what is read ahead. The wait for new records is short, since a
 * partition that is begun anew joins with the next fetch. */
rd_kafka_conf_t *kafka_reader_conf_new(const char *brokers, const char *client_id, int64_t queue_bytes_max,
                                       struct err *err)
{
    static const struct kafka_setting newer = {"fetch.queue.backoff.ms", "20"};
    char kbytes[24];
    snprintf(kbytes, sizeof kbytes, "%lld",
             (long long)(queue_bytes_max < READER_QUEUE_BYTES_MIN ? READER_QUEUE_BYTES_MIN : queue_bytes_max) / 1024);
    const struct kafka_setting settings[] = {
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "error"},
        {"allow.auto.create.topics", "false"},
        {"queued.min.messages", "1000000"},
        {"queued.max.messages.kbytes", kbytes},
        {"fetch.wait.max.ms", "20"},
        {"fetch.min.bytes", "65536"}, /* a trickle is fetched some dozens of times a second, not at each record */
        {"fetch.error.backoff.ms", "100"},
        {"check.crcs", "true"},
        {NULL, NULL},
    };
    rd_kafka_conf_t *conf = kafka_conf_new(brokers, client_id, settings, err);
    if (conf && !set_one(conf, &newer, true, err)) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    return conf;
}

rd_kafka_conf_t *kafka_producer_conf_new(const struct kafka_producer_options *options, struct err *err)
{
    int64_t request_ms = options->delivery_timeout_ms < 500     ? 500
                         : options->delivery_timeout_ms > 30000 ? 30000
                                                                : options->delivery_timeout_ms;
    char linger[24], timeout[24], request[24], messages[24], kbytes[24];
    snprintf(linger, sizeof linger, "%lld", (long long)options->linger_ms);
    snprintf(timeout, sizeof timeout, "%lld", (long long)options->delivery_timeout_ms);
    snprintf(request, sizeof request, "%lld", (long long)request_ms);
    snprintf(messages, sizeof messages, "%lld", (long long)options->queue_messages_max);
    snprintf(kbytes, sizeof kbytes, "%lld", (long long)(options->queue_bytes_max + 1023) / 1024);
    const struct kafka_setting settings[] = {
        {"enable.idempotence", "true"},
        {"acks", "all"},
        {"compression.codec", "none"},
        {"linger.ms", linger},
        {"message.timeout.ms", timeout},
        {"request.timeout.ms", request},
        {"queue.buffering.max.messages", messages},
        {"queue.buffering.max.kbytes", kbytes},
        {"statistics.interval.ms", "1000"},
        {NULL, NULL},
    };
    rd_kafka_conf_t *conf = kafka_conf_new(options->brokers, options->client_id, settings, err);
    if (conf)
        rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_STATS);
    return conf;
}

/* A broker's state is upper case in the statistics' JSON, and nothing else there is written so; a search spares parsing
 * some 10 kB each second. */
bool kafka_statistics_up(const char *statistics)
{
    return statistics && (strstr(statistics, "\"state\":\"UP\"") || strstr(statistics, "\"state\": \"UP\""));
}

void kafka_record_fill(rd_kafka_message_t *message, struct kafka_record *ret_record)
{
    rd_kafka_timestamp_type_t type;
    *ret_record = (struct kafka_record){
        .partition = message->partition,
        .offset = message->offset,
        .timestamp_ms = rd_kafka_message_timestamp(message, &type),
        .key = message->key,
        .key_len = message->key_len,
        .value = message->payload,
        .value_len = message->len,
        .message = message,
    };
}

void kafka_record_free(struct kafka_record *record)
{
    if (record->message)
        rd_kafka_message_destroy(record->message);
    *record = (struct kafka_record){0};
}

/* The key's hash seeds the value's; a missing key or value differs from an empty one. */
uint64_t kafka_record_checksum(const struct kafka_record *record)
{
    uint64_t seed = record->key ? XXH64(record->key, record->key_len, 1) : 0;
    return record->value ? XXH64(record->value, record->value_len, seed) : seed;
}
