/* One loop's parts: its Redis connection, its producer, its ids; and the word of its health to the others. */
#include "core/clock.h"
#include "core/log.h"
#include "core/service.h"
#include "ingest/ingest.h"
#include "ingest/stock_client.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_redis_state(struct redis *redis, bool up, const char *why, void *arg)
{
    struct ingest_loop *loop = arg;
    (void)redis;
    atomic_store_explicit(&loop->redis_up, up, memory_order_relaxed);
    snprintf(loop->why, sizeof loop->why, "%s", why != NULL ? why : "");
}

static void on_flush(void *arg)
{
    struct ingest_loop *loop = arg;
    stock_batch_flush(&loop->batch);
}

static void on_reports(void *arg)
{
    struct ingest_loop *loop = arg;
    (void)kafka_producer_reports(loop->producer, grab_flow_reported, NULL);
}

/* The first loop speaks for all. */
static void parts_tell(const struct ingest_loop *loop)
{
    const struct ingest *ingest = loop->ingest;
    bool redis = true, kafka = true;
    for (int i = 0; i < ingest->config->http_threads; i++) {
        const struct ingest_loop *other = ingest->loops[i];
        redis = redis && other != NULL && atomic_load_explicit(&other->redis_up, memory_order_relaxed);
        kafka = kafka && other != NULL && atomic_load_explicit(&other->kafka_up, memory_order_relaxed);
    }
    bool own = !atomic_load_explicit(&loop->redis_up, memory_order_relaxed);
    service_part_set(ingest->redis_part, redis,
                     !own           ? "another loop's connection is down"
                     : loop->why[0] ? loop->why
                                    : "connecting");
    service_part_set(ingest->kafka_part, kafka,
                     kafka_producer_up(loop->producer) ? "another loop's producer is down"
                                                       : kafka_producer_why(loop->producer));
}

static void admission_tell(struct ingest_loop *loop)
{
    const struct admission *admission = &loop->admission;
    int64_t queue_us = admission->queue_us < INT_MAX ? admission->queue_us : INT_MAX;
    atomic_store_explicit(&loop->admission_limit, admission->limit, memory_order_relaxed);
    atomic_store_explicit(&loop->admission_queue_us, (int)queue_us, memory_order_relaxed);
    metric_add(loop->ingest->metrics.admission_probes, admission->probes - loop->probes_told);
    loop->probes_told = admission->probes;
}

static void on_tick(void *arg)
{
    struct ingest_loop *loop = arg;
    on_reports(loop);
    bool wanted = id_maker_wants_span(&loop->ids, clock_realtime_ms());
    atomic_store_explicit(&loop->span_wanted, wanted, memory_order_relaxed);
    atomic_store_explicit(&loop->kafka_up, kafka_producer_up(loop->producer), memory_order_relaxed);
    admission_tell(loop);
    if (loop->index == 0)
        parts_tell(loop);
    loop_timer_set(loop->tick, INGEST_TICK_MS);
}

static bool open_redis(struct ingest_loop *loop, struct err *err)
{
    const struct ingest_config *config = loop->ingest->config;
    struct redis_options options = {
        .url = config->redis_stock,
        .connect_timeout_ms = config->redis_ms,
        .command_timeout_ms = config->redis_ms,
        .reconnect_ms_max = 1000,
        .pending_max = (size_t)config->redis_pending_max,
        .scripts = loop->ingest->loaded,
        .script_count = INGEST_SCRIPTS,
        .on_state = on_redis_state,
        .arg = loop,
    };
    return redis_open(loop->loop, &options, &loop->redis, err);
}

static bool open_producer(struct ingest_loop *loop, struct err *err)
{
    const struct ingest_config *config = loop->ingest->config;
    const int64_t calls = (int64_t)grab_calls_max(config);
    struct kafka_producer_options options = {
        .brokers = config->kafka_brokers,
        .client_id = "weir-ingest",
        .linger_ms = config->linger_ms,
        .delivery_timeout_ms = config->append_ms,
        .queue_messages_max = calls + 1, /* no more than there are calls */
        .queue_bytes_max = calls * 1024 + (1 << 20),
    };
    if (!kafka_producer_open(&options, &loop->producer, err))
        return false;
    loop->reports = loop_fd_new(loop->loop, kafka_producer_fd(loop->producer), on_reports, loop);
    if (loop->reports == NULL)
        return err_set(err, ERR_OUTAGE, "no file descriptor is left for the producer; raise the limit (ulimit -n)");
    loop_fd_read(loop->reports, true);
    return true;
}

/* The hook is added behind Redis's own, so it is called before it: what a flush hands over is written in the same
 * tick. */
static bool parts_open(struct ingest_loop *loop, struct err *err)
{
    if (!open_redis(loop, err) || !open_producer(loop, err))
        return false;
    loop->flush = (struct loop_hook){.fn = on_flush, .arg = loop};
    loop_hook_add(loop->loop, &loop->flush);
    loop->tick = loop_timer_new(loop->loop, on_tick, loop);
    loop_timer_set(loop->tick, 1);
    return true;
}

static void admission_open(struct ingest_loop *loop)
{
    const struct ingest_config *config = loop->ingest->config;
    int64_t min = config->grabs_min < config->grabs_max ? config->grabs_min : config->grabs_max;
    int64_t calm = config->grabs_calm < config->grabs_max ? config->grabs_calm : config->grabs_max;
    struct admission_options options = {.target_us = config->target_ms * 1000,
                                        .limit_min = (int)min,
                                        .limit_calm = (int)(calm > min ? calm : min),
                                        .limit_max = (int)config->grabs_max};
    admission_init(&loop->admission, &options);
}

void *ingest_loop_start(struct loop *loop, int index, void *arg)
{
    struct ingest *ingest = arg;
    struct ingest_loop *self = mem_alloc(sizeof *self);
    *self = (struct ingest_loop){.ingest = ingest, .index = index, .loop = loop};
    stock_batch_init(&self->batch, stock_client_send, self);
    grab_flow_open(self);
    admission_open(self);
    ingest->loops[index] = self;
    struct err err = {0};
    if (!parts_open(self, &err)) {
        self->failed = true;
        service_stop(err.text);
    }
    return self;
}

/* After the loop's last tick. Reports that still come find no loop to settle on: the sweep settles those grabs. The
 * struct stays until all loops have ended, which look at one another. */
void ingest_loop_end(void *arg)
{
    struct ingest_loop *self = arg;
    loop_fd_free(self->reports);
    if (self->producer != NULL)
        kafka_producer_close(self->producer, service_drain_left_ms() / 2, NULL, NULL);
    redis_close(self->redis);
    if (self->tick != NULL)
        loop_hook_remove(self->loop, &self->flush);
    loop_timer_free(self->tick);
    self->ingest->ids[self->index] = self->ids;
    grab_flow_close(self);
    stock_batch_free(&self->batch);
    catalog_copy_unref(self->copy);
    buf_free(&self->key);
    buf_free(&self->value);
    buf_free(&self->answer);
}

/* ---- messages from the catalog's thread ---- */

struct copy_msg {
    struct loop_msg msg;
    struct ingest_loop *loop;
    struct catalog_copy *copy; /* a reference, handed over */
};

static void on_copy(struct loop_msg *msg)
{
    struct copy_msg *own = (struct copy_msg *)msg;
    catalog_copy_unref(own->loop->copy);
    own->loop->copy = own->copy;
    free(own);
}

void ingest_loop_give_copy(struct ingest_loop *loop, struct catalog_copy *copy)
{
    struct copy_msg *msg = mem_alloc(sizeof *msg);
    *msg = (struct copy_msg){.msg = {.fn = on_copy}, .loop = loop, .copy = copy};
    catalog_copy_ref(copy);
    loop_post(loop->loop, &msg->msg);
}

struct span_msg {
    struct loop_msg msg;
    struct ingest_loop *loop;
    struct id_span span;
};

static void on_span(struct loop_msg *msg)
{
    struct span_msg *own = (struct span_msg *)msg;
    id_maker_add_span(&own->loop->ids, own->span);
    free(own);
}

void ingest_loop_give_span(struct ingest_loop *loop, const struct id_span *span)
{
    struct span_msg *msg = mem_alloc(sizeof *msg);
    *msg = (struct span_msg){.msg = {.fn = on_span}, .loop = loop, .span = *span};
    atomic_store_explicit(&loop->span_wanted, false, memory_order_relaxed);
    loop_post(loop->loop, &msg->msg);
}
