/* weir-ingest's state: one struct for the process, one for each loop. A loop shares nothing with another but what is
 * read-only or comes by message.
 *
 *     http (grab_endpoint.c, batch_endpoint.c, admin_endpoint.c)
 *       -> admission.c   whether grabs are let in now
 *       -> grab_flow.c   one grab from request to answer; decides nothing itself (protocol/grab.h does)
 *            -> stock_batch.c -> stock_client.c   one script call a tick and coupon
 *            -> kafka_produce, delivery reports by eventfd
 *     catalog_reader.c, admin_work.c: background threads, which talk to the loops by messages
 */
#ifndef WEIR_INGEST_INGEST_H
#define WEIR_INGEST_INGEST_H

#include "core/http.h"
#include "core/kafka.h"
#include "core/loop.h"
#include "core/redis.h"
#include "ingest/catalog_copy.h"
#include "ingest/catalog_reader.h"
#include "ingest/grab_flow.h"
#include "ingest/ingest_config.h"
#include "ingest/ingest_metrics.h"
#include "ingest/stock_batch.h"
#include "protocol/ids.h"
#include "schemas/stream.h"

struct admin_worker;
struct service_part;
struct ingest;

enum { INGEST_LOOPS_MAX = 64, INGEST_SCRIPTS = 3, INGEST_WHY_BYTES_MAX = 200, INGEST_TICK_MS = 100 };

struct ingest_loop {
    struct ingest *ingest;
    int index;
    struct loop *loop;
    struct redis *redis;
    struct kafka_producer *producer;
    struct loop_fd *reports;
    struct loop_hook flush;
    struct loop_timer *tick; /* readiness, and the next span of ids */
    struct id_maker ids;
    struct catalog_copy *copy; /* NULL: never read */
    struct stock_batch batch;
    struct grab_calls calls;
    struct admission admission;
    uint64_t probes_told;           /* of admission's, to the metrics */
    struct buf key, value;          /* of the record that is being produced */
    struct buf answer;              /* of the request that is being answered */
    char why[INGEST_WHY_BYTES_MAX]; /* Redis is down; "" before it was up or has failed */
    /* Read by other threads. */
    atomic_bool redis_up, kafka_up;
    atomic_bool span_wanted;
    atomic_int stock_items; /* gathered for Redis, or without an answer from it */
    atomic_int grabs_in_flight;
    atomic_int admission_limit, admission_queue_us; /* as of the last tick */
    bool failed;                                    /* its start failed, and the process stops */
};

struct ingest {
    const struct ingest_config *config; /* borrowed */
    const struct stream *stream;
    struct ingest_metrics metrics;
    struct redis_script scripts[STOCK_SCRIPTS];
    struct redis_script *loaded[INGEST_SCRIPTS];           /* what each connection loads */
    _Atomic(struct ingest_loop *) loops[INGEST_LOOPS_MAX]; /* each set by its own thread when it starts */
    struct id_maker ids[INGEST_LOOPS_MAX]; /* of loops that have ended; each written by its own thread */
    struct service_part *redis_part, *kafka_part;
    struct http_server *http;
    struct catalog_reader *reader;
    struct admin_worker *admin;
};

/* A counter that the loop's own thread alone writes, and others read. */
static inline void ingest_count(atomic_int *counter, int more)
{
    int now = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, now + more, memory_order_release);
}

/* ingest_loop.c: handed to http_start. */
void *ingest_loop_start(struct loop *loop, int index, void *ingest);
void ingest_loop_end(void *ingest_loop);
/* Any thread: messages to the loop. */
void ingest_loop_give_copy(struct ingest_loop *loop, struct catalog_copy *copy);
void ingest_loop_give_span(struct ingest_loop *loop, const struct id_span *span);

void ingest_init(struct ingest *ingest, const struct ingest_config *config);
/* Listens and starts the threads; a server that is away is no error. */
WEIR_MUST_USE bool ingest_start(struct ingest *ingest, struct err *err);
/* Every accepted request is answered, then what is left to settle is settled. False: past `deadline_ms`. */
WEIR_MUST_USE bool ingest_drain(struct ingest *ingest, int64_t deadline_ms);
/* After a drain in time: no grab is under way. Ends the threads, and gives back the spans of ids that are left. */
void ingest_free(struct ingest *ingest);

#endif
