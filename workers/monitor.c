#include "workers/monitor.h"

#include "core/buf.h"
#include "core/clock.h"
#include "core/kafka_pass.h"
#include "core/log.h"
#include "core/thread.h"
#include "workers/idle.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)ROUTE_PARTITIONS_MAX <= (int)KAFKA_PASS_PARTITIONS_MAX, "a pass takes every partition");

enum { LOOK_MS = 1000, TICK_MS = 50, ANSWER_MS = 1000, ROUTE_LOOKS = 10, STUCK_MS = 30000 };

struct monitor {
    struct monitor_options options;
    struct kafka_admin *admin;
    struct kafka_pass pass; /* over the partitions' watermarks */
    pthread_t thread;
    bool untold;   /* the group did not answer in this look: it is not asked again, a second a partition */
    bool was_away; /* the log could not be looked at, and no partition has been assigned since */
    bool awaited;  /* no assignment held in this look */
    atomic_bool stop;
    atomic_bool restart;
};

static bool monitor_admin(struct monitor *monitor, struct err *err)
{
    return monitor->admin ||
           kafka_admin_open(monitor->options.config->kafka_brokers, "weir-worker", &monitor->admin, err);
}

/* Progress, or, of a partition whose progress could not be read yet (which may take as long as its shard is away), what
 * its last owner told the group, a second behind at the most. False: not known, which is not 0. */
static bool lag_next(struct monitor *monitor, int32_t partition, const struct seat_view *view, int64_t low,
                     int64_t *ret_next)
{
    struct err err = {0};
    *ret_next = view->next_offset;
    if (view->next_offset >= 0)
        return true;
    if (monitor->untold)
        return false;
    if (!kafka_group_told(monitor->options.group, partition, ANSWER_MS, ret_next, &err)) {
        monitor->untold = true;
        log_debug("the lag of a partition is not known", LOG_INT("partition", partition), LOG_ERR(&err));
        return false;
    }
    if (*ret_next < low) /* nobody has stored any of it, or not for long */
        *ret_next = low;
    return true;
}

/* Watermarks against progress. False: they could not be asked for. */
static bool lag_ask(struct monitor *monitor, int32_t partition, const struct seat_view *view, int64_t *ret_lag,
                    struct err *err)
{
    int64_t low, high, next;
    const int64_t wait_ms = kafka_pass_wait_ms(&monitor->pass, partition, ANSWER_MS);
    if (!kafka_admin_watermarks(monitor->admin, monitor->options.stream->name, partition, wait_ms, &low, &high, err))
        return false;
    if (!lag_next(monitor, partition, view, low, &next))
        return true; /* whatever was told before stays */
    *ret_lag = high > next ? high - next : 0;
    if (view->next_offset >= 0 && (high < next || low > next))
        seats_break(monitor->options.seats, partition); /* its writer looks closer */
    return true;
}

/* What could not be asked, or is not asked in this pass, keeps what was told before. `first` is that of the first one. */
static void lag_look(struct monitor *monitor, int32_t partition, struct err *first)
{
    struct seat_view view;
    struct err err = {0};
    int64_t lag = -1;
    bool answered = true;
    seats_view(monitor->options.seats, partition, &view);
    if (view.assigned && !kafka_pass_asks(&monitor->pass, partition))
        return;
    if (view.assigned)
        answered = lag_ask(monitor, partition, &view, &lag, &err);
    else if (view.awaited_ms == 0)
        lag = 0; /* else who stores it is not known: what was told before stays, and readiness says so */
    kafka_pass_told(&monitor->pass, partition, answered);
    if (!answered && first->kind == ERR_NONE) {
        *first = err;
        service_part_set(monitor->options.kafka, false, err.text); /* not only when all others were asked */
    }
    if (lag >= 0)
        worker_metrics_lag(monitor->options.keys->layout->name, partition, lag);
}

static bool monitor_owns_any(const struct monitor *monitor)
{
    for (int32_t i = 0; i < seats_count(monitor->options.seats); i++) {
        struct seat_view view;
        seats_view(monitor->options.seats, i, &view);
        if (view.assigned)
            return true;
    }
    return false;
}

/* A member that joined while the brokers did not know the topic yet is assigned nothing of it, also when it is there:
 * only another join helps. One that has nothing because others have all joins once more, and that is all. */
static void monitor_came_back(struct monitor *monitor, bool good)
{
    if (good && monitor->was_away && !monitor_owns_any(monitor)) {
        log_info("the log is back and no partition is assigned, joining the group again");
        atomic_store(&monitor->restart, true);
    }
    monitor->was_away = !good;
}

static void monitor_log(struct monitor *monitor)
{
    struct err err = {0};
    monitor->untold = false;
    bool good =
        monitor_admin(monitor, &err) && plan_check_topic(monitor->options.plan, monitor->admin, ANSWER_MS, &err);
    kafka_pass_begin(&monitor->pass);
    for (int32_t i = 0; good && i < seats_count(monitor->options.seats) && !atomic_load(&monitor->stop); i++)
        lag_look(monitor, i, &err);
    good = good && monitor->pass.away_count == 0;
    if (good || err.kind != ERR_NONE) /* else those away were not asked, and what was said of them stays */
        service_part_set(monitor->options.kafka, good, good ? NULL : err.text);
    monitor_came_back(monitor, good);
}

static void monitor_partitions(struct monitor *monitor)
{
    struct idle idle = {0};
    char why[SEAT_WHY_BYTES_MAX + 96];
    for (int32_t i = 0; i < seats_count(monitor->options.seats); i++) {
        struct seat_view view;
        seats_view(monitor->options.seats, i, &view);
        idle_add(&idle, i, &view);
    }
    metric_set(monitor->options.metrics->alarms, (double)idle.alarms);
    metric_set(monitor->options.metrics->partitions, (double)idle.assigned);
    monitor->awaited = idle.awaited_ms != 0;
    const enum idle_verdict verdict = idle_tell(&idle, clock_boottime_ms(), why, sizeof why);
    if (verdict != IDLE_UNDECIDED)
        service_part_set(monitor->options.partitions, verdict == IDLE_NONE, why);
}

static void monitor_route(struct monitor *monitor)
{
    struct plan plan;
    struct err err = {0};
    const struct monitor_options *o = &monitor->options;
    const bool planned = plan_load(o->config, o->stream, o->keys, &plan, &err);
    service_part_away(o->catalog, planned ? NULL : "rows are stored by its last word", err.text);
    if (!planned || plan.route.version == o->plan->route.version)
        return;
    log_info("the route has changed, beginning anew", LOG_INT("from", o->plan->route.version),
             LOG_INT("to", plan.route.version));
    atomic_store(&monitor->restart, true);
}

/* Another owner, though the group says that it is ours: only a new assignment can settle it. */
static void monitor_stuck(struct monitor *monitor)
{
    if (!seats_stuck(monitor->options.seats, STUCK_MS) || atomic_load(&monitor->restart))
        return;
    log_warn("partitions were let go and not assigned anew, joining the group again", LOG_INT("after_ms", STUCK_MS));
    atomic_store(&monitor->restart, true);
}

/* The end of a wait for an assignment is told at once: whoever has started a worker waits for its readiness. */
static bool monitor_has_news(const struct monitor *monitor)
{
    return monitor->awaited && seats_awaited_ms(monitor->options.seats) == 0;
}

static void monitor_sleep(const struct monitor *monitor)
{
    for (int ms = 0; ms < LOOK_MS && !atomic_load(&monitor->stop) && !monitor_has_news(monitor); ms += TICK_MS)
        clock_sleep_ms(TICK_MS);
}

static void *monitor_run(void *arg)
{
    struct monitor *monitor = arg;
    for (unsigned looks = 1; !atomic_load(&monitor->stop); looks++) {
        monitor_partitions(monitor);
        monitor_log(monitor);
        monitor_stuck(monitor);
        if (looks % ROUTE_LOOKS == 0)
            monitor_route(monitor);
        monitor_sleep(monitor);
    }
    return NULL;
}

struct monitor *monitor_start(const struct monitor_options *options)
{
    struct monitor *monitor = mem_alloc(sizeof *monitor);
    monitor->options = *options;
    thread_start(&monitor->thread, monitor_run, monitor, "the worker's monitor");
    return monitor;
}

bool monitor_wants_restart(const struct monitor *monitor)
{
    return atomic_load(&monitor->restart);
}

void monitor_stop(struct monitor *monitor)
{
    if (!monitor)
        return;
    atomic_store(&monitor->stop, true);
    pthread_join(monitor->thread, NULL);
    kafka_admin_close(monitor->admin);
    free(monitor);
}
