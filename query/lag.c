#include "query/lag.h"

#include "core/buf.h"
#include "core/clock.h"
#include "core/kafka.h"
#include "core/kafka_pass.h"
#include "core/log.h"
#include "query/round_thread.h"
#include "schemas/route.h"
#include <stdlib.h>

_Static_assert((int)ROUTE_PARTITIONS_MAX <= (int)KAFKA_PASS_PARTITIONS_MAX, "a pass takes every partition");

enum { LAG_AGES_MAX = 5 }; /* rounds after which an offset is too old to be told */

struct lag {
    struct lag_options options;
    struct kafka_admin *admin; /* the thread's own */
    struct kafka_pass pass;    /* the thread's own */
    struct round_thread thread;
    pthread_mutex_t lock; /* of what follows */
    int64_t end[ROUTE_PARTITIONS_MAX];
    int64_t read_at_ms[ROUTE_PARTITIONS_MAX]; /* 0: never */
};

static bool read_partition(struct lag *lag, int32_t partition, struct err *err)
{
    int64_t low, high;
    const int64_t wait_ms = kafka_pass_wait_ms(&lag->pass, partition, lag->options.timeout_ms);
    if (!kafka_admin_watermarks(lag->admin, lag->options.topic, partition, wait_ms, &low, &high, err))
        return false;
    pthread_mutex_lock(&lag->lock);
    lag->end[partition] = high;
    lag->read_at_ms[partition] = clock_boottime_ms();
    pthread_mutex_unlock(&lag->lock);
    return true;
}

static void read_all(struct lag *lag, int count)
{
    kafka_pass_begin(&lag->pass);
    for (int32_t p = 0; p < count && p < ROUTE_PARTITIONS_MAX; p++) {
        struct err err = {0};
        if (!kafka_pass_asks(&lag->pass, p))
            continue;
        const bool answered = read_partition(lag, p, &err);
        kafka_pass_told(&lag->pass, p, answered);
        if (!answered)
            log_debug("the end of a partition could not be read; its lag is not told", LOG_INT("partition", p),
                      LOG_ERR(&err));
    }
}

static void lag_round(void *arg)
{
    struct lag *lag = arg;
    struct err err = {0};
    int count;
    if ((lag->admin || kafka_admin_open(lag->options.brokers, "weir-query", &lag->admin, &err)) &&
        kafka_admin_partitions(lag->admin, lag->options.topic, lag->options.timeout_ms, &count, &err))
        read_all(lag, count);
    else
        log_debug("the ends of the topic could not be read; no lag is told", LOG_ERR(&err));
}

bool lag_start(const struct lag_options *options, struct lag **ret_lag, struct err *err)
{
    struct lag *lag = mem_alloc(sizeof *lag);
    lag->options = *options;
    pthread_mutex_init(&lag->lock, NULL);
    if (!round_thread_start(&lag->thread, lag_round, lag, options->read_ms, err)) {
        pthread_mutex_destroy(&lag->lock);
        free(lag);
        return false;
    }
    *ret_lag = lag;
    return true;
}

void lag_stop(struct lag *lag)
{
    if (lag == NULL)
        return;
    round_thread_stop(&lag->thread);
    if (lag->admin != NULL)
        kafka_admin_close(lag->admin);
    pthread_mutex_destroy(&lag->lock);
    free(lag);
}

bool lag_end_offset(struct lag *lag, int32_t partition, int64_t *ret_offset)
{
    if (lag == NULL || partition < 0 || partition >= ROUTE_PARTITIONS_MAX)
        return false;
    pthread_mutex_lock(&lag->lock);
    int64_t age_max_ms = LAG_AGES_MAX * (lag->options.read_ms + lag->options.timeout_ms);
    int64_t read_at_ms = lag->read_at_ms[partition];
    bool known = read_at_ms > 0 && clock_boottime_ms() - read_at_ms <= age_max_ms;
    *ret_offset = lag->end[partition];
    pthread_mutex_unlock(&lag->lock);
    return known;
}
