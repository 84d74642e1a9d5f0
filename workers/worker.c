#include "workers/worker.h"

#include "core/buf.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/thread.h"
#include "workers/monitor.h"
#include "workers/retry.h"
#include "workers/writer.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { POLL_MS = 20, REVOKE_MS_MAX = 20000, RETRY_MS_MIN = 200, RETRY_MS_MAX = 5000, TOPIC_MS = 3000, TICK_MS = 50 };

_Static_assert((int)CONFIG_LIST_MAX <= (int)ROUTE_SHARDS_MAX, "a shard of the settings has its place");
_Static_assert((int)ROUTE_SHARDS_MAX + 3 <= (int)SERVICE_PARTS_MAX, "and its part, beside those of the worker");

/* What lives from one plan to the next. */
struct run {
    struct plan plan;
    struct seats *seats;
    struct kafka_group *group;
    struct monitor *monitor;
    int32_t partitions[ROUTE_SHARDS_MAX][ROUTE_PARTITIONS_MAX];
    struct kafka_queue *queues[ROUTE_SHARDS_MAX];
    struct writer *writers[ROUTE_SHARDS_MAX]; /* NULL: no partition lives there */
};

struct worker {
    const struct worker_config *config;
    const struct stream *stream;
    const struct stream_layout *keys;
    struct worker_metrics metrics;
    struct service_part *catalog;
    struct service_part *kafka;
    struct service_part *partitions;
    struct service_part *shards[ROUTE_SHARDS_MAX];
    char shard_names[ROUTE_SHARDS_MAX][32];
    char group[STREAM_NAME_MAX + LAYOUT_NAME_MAX + 8];
    pthread_t thread;
    atomic_bool stop;
    int64_t awaited_ms; /* CLOCK_BOOTTIME since when the group's assignment is waited for, between two runs */
    struct run run;
};

static void on_assigned(struct kafka_group *group, const int32_t *partitions, size_t count, void *arg)
{
    (void)group;
    struct worker *worker = arg;
    log_info("partitions assigned", LOG_INT("count", count));
    for (size_t i = 0; i < count; i++)
        if (partitions[i] < worker->run.plan.route.partitions)
            seats_assign(worker->run.seats, partitions[i]);
        else
            log_error("partition is not in the route", LOG_INT("partition", partitions[i]));
    seats_whole(worker->run.seats);
}

static void on_revoked(struct kafka_group *group, const int32_t *partitions, size_t count, void *arg)
{
    (void)group;
    struct worker *worker = arg;
    int32_t *known = mem_alloc((count + 1) * sizeof *known);
    size_t known_count = 0;
    for (size_t i = 0; i < count; i++)
        if (partitions[i] < worker->run.plan.route.partitions)
            known[known_count++] = partitions[i];
    log_info("partitions revoked", LOG_INT("count", count));
    if (!seats_revoke(worker->run.seats, known, known_count, REVOKE_MS_MAX))
        log_warn("a writer is still at work on a partition that was taken back; progress fences it");
    free(known);
}

static void on_error(struct kafka_group *group, int32_t partition, const char *why, void *arg)
{
    (void)group;
    struct worker *worker = arg;
    log_warn("kafka says", LOG_INT("partition", partition), LOG_STR("error", why));
    if (partition >= 0 && partition < worker->run.plan.route.partitions)
        seats_break(worker->run.seats, partition);
}

static void serve_wish(struct run *run, int32_t partition)
{
    int64_t offset;
    struct err err = {0};
    bool good = true;
    switch (seats_take_wish(run->seats, partition, &offset)) {
    case SEAT_NOTHING:
        return;
    case SEAT_BEGIN:
        good = kafka_group_begin(run->group, partition, offset, run->queues[route_shard(&run->plan.route, partition)],
                                 &err);
        if (good)
            seats_began(run->seats, partition);
        break;
    case SEAT_END:
        good = kafka_group_end(run->group, partition, &err);
        break;
    }
    if (good)
        return;
    log_warn("cannot begin or end to read", LOG_INT("partition", partition), LOG_ERR(&err));
    seats_break(run->seats, partition);
}

static void run_poll(struct worker *worker)
{
    struct run *run = &worker->run;
    while (!atomic_load(&worker->stop) && !monitor_wants_restart(run->monitor)) {
        kafka_group_poll(run->group, POLL_MS);
        for (int32_t i = 0; i < run->plan.route.partitions; i++)
            serve_wish(run, i);
    }
}

static void run_start_writer(struct worker *worker, int shard)
{
    struct run *run = &worker->run;
    const size_t count = route_partitions_of(&run->plan.route, shard, run->partitions[shard]);
    if (count == 0) {
        service_part_set(worker->shards[shard], true, NULL); /* nothing of ours is there */
        return;
    }
    run->queues[shard] = kafka_queue_new(run->group);
    const struct writer_options options = {.config = worker->config,
                                           .stream = worker->stream,
                                           .keys = worker->keys,
                                           .metrics = &worker->metrics,
                                           .seats = run->seats,
                                           .group = run->group,
                                           .queue = run->queues[shard],
                                           .ready = worker->shards[shard],
                                           .cluster = run->plan.cluster,
                                           .offset_min = run->plan.offset_min,
                                           .shard = shard,
                                           .partition_count = count,
                                           .partitions = run->partitions[shard]};
    run->writers[shard] = writer_start(&options);
}

/* Each shard that has partitions gets one. */
static int run_queues(const struct worker *worker)
{
    int32_t partitions[ROUTE_PARTITIONS_MAX];
    int queues = 0;
    for (size_t i = 0; i < worker->config->mysql_shards.count; i++)
        queues += route_partitions_of(&worker->run.plan.route, (int)i, partitions) > 0;
    return queues;
}

static bool run_open_group(struct worker *worker, struct err *err)
{
    const struct worker_config *config = worker->config;
    const struct kafka_group_options options = {.brokers = config->kafka_brokers,
                                                .client_id = "weir-worker",
                                                .group = worker->group,
                                                .topic = worker->stream->name,
                                                .session_timeout_ms = config->session_timeout_ms,
                                                .poll_interval_ms_max = config->poll_interval_ms_max,
                                                .fetch_bytes_max = config->fetch_bytes_max,
                                                .queues = run_queues(worker),
                                                .on_assigned = on_assigned,
                                                .on_revoked = on_revoked,
                                                .on_error = on_error,
                                                .arg = worker};
    return kafka_group_open(&options, &worker->run.group, err);
}

static void run_end(struct worker *worker)
{
    struct run *run = &worker->run;
    service_drain_step("writers");
    for (int i = 0; i < ROUTE_SHARDS_MAX; i++)
        if (run->writers[i])
            writer_stop(run->writers[i]);
    for (int i = 0; i < ROUTE_SHARDS_MAX; i++) {
        writer_free(run->writers[i]);
        run->writers[i] = NULL;
    }
    service_drain_step("monitor");
    monitor_stop(run->monitor);
    service_drain_step("leaving the group");
    kafka_group_close(run->group);
    for (int i = 0; i < ROUTE_SHARDS_MAX; i++) {
        kafka_queue_free(run->queues[i]);
        run->queues[i] = NULL;
    }
    worker->awaited_ms = seats_awaited_ms(run->seats);
    if (worker->awaited_ms == 0) /* nothing was assigned: leaving has revoked nothing */
        worker->awaited_ms = clock_boottime_ms();
    seats_free(run->seats);
    run->seats = NULL;
    run->group = NULL;
    run->monitor = NULL;
}

static bool run_start(struct worker *worker, struct err *err)
{
    struct run *run = &worker->run;
    run->seats = seats_new(run->plan.route.partitions, worker->awaited_ms);
    if (!run_open_group(worker, err)) {
        seats_free(run->seats);
        return false;
    }
    for (size_t i = 0; i < worker->config->mysql_shards.count; i++)
        run_start_writer(worker, (int)i);
    const struct monitor_options options = {.config = worker->config,
                                            .stream = worker->stream,
                                            .keys = worker->keys,
                                            .metrics = &worker->metrics,
                                            .plan = &run->plan,
                                            .seats = run->seats,
                                            .group = run->group,
                                            .catalog = worker->catalog,
                                            .kafka = worker->kafka,
                                            .partitions = worker->partitions};
    run->monitor = monitor_start(&options);
    return true;
}

static bool topic_check(struct worker *worker, struct err *err)
{
    struct kafka_admin *admin;
    if (!kafka_admin_open(worker->config->kafka_brokers, "weir-worker", &admin, err))
        return false;
    const bool good = plan_check_topic(&worker->run.plan, admin, TOPIC_MS, err);
    kafka_admin_close(admin);
    return good;
}

/* One try to learn what is needed before the first record. */
static bool worker_learn(struct worker *worker)
{
    struct err err = {0};
    const bool planned = plan_load(worker->config, worker->stream, worker->keys, &worker->run.plan, &err);
    service_part_set(worker->catalog, planned, planned ? NULL : err.text);
    if (!planned)
        return false;
    service_part_away(worker->catalog, NULL, NULL);
    const bool topic = topic_check(worker, &err);
    service_part_set(worker->kafka, topic, topic ? NULL : err.text);
    return topic;
}

static void worker_sleep(struct worker *worker, int64_t ms)
{
    for (; ms > 0 && !atomic_load(&worker->stop); ms -= TICK_MS)
        clock_sleep_ms(ms < TICK_MS ? ms : TICK_MS);
}

static void *worker_run(void *arg)
{
    struct worker *worker = arg;
    struct retry retry;
    retry_init(&retry, RETRY_MS_MIN, RETRY_MS_MAX, (uint64_t)clock_boottime_us());
    while (!atomic_load(&worker->stop)) {
        struct err err = {0};
        if (!worker_learn(worker)) {
            worker_sleep(worker, retry_next_ms(&retry));
            continue;
        }
        retry_reset(&retry);
        if (!run_start(worker, &err)) {
            service_part_set(worker->kafka, false, err.text);
            worker_sleep(worker, retry_next_ms(&retry));
            continue;
        }
        run_poll(worker);
        run_end(worker);
    }
    return NULL;
}

static void worker_declare(struct worker *worker)
{
    worker_metrics_declare(&worker->metrics, worker->config->layout);
    worker->catalog = service_part("catalog");
    worker->kafka = service_part("kafka");
    worker->partitions = service_part("partitions");
    for (size_t i = 0; i < worker->config->mysql_shards.count; i++) {
        snprintf(worker->shard_names[i], sizeof worker->shard_names[i], "shard %zu", i);
        worker->shards[i] = service_part(worker->shard_names[i]);
    }
}

struct worker *worker_start(const struct worker_config *config)
{
    struct worker *worker = mem_alloc(sizeof *worker);
    worker->config = config;
    worker->awaited_ms = clock_boottime_ms();
    worker->stream = stream_find(config->stream);
    worker->keys = stream_layout(worker->stream, config->layout);
    snprintf(worker->group, sizeof worker->group, "weir-%s-%s", config->stream, config->layout);
    worker_declare(worker);
    thread_start(&worker->thread, worker_run, worker, "the worker's group");
    return worker;
}

void worker_stop(struct worker *worker)
{
    atomic_store(&worker->stop, true);
    pthread_join(worker->thread, NULL);
    /* The struct stays: parts of readiness borrow its names for the process's life. */
}
