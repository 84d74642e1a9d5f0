/* The lag of each partition goes on when that of another can not be asked, and readiness says which. Brokers are handed
 * in. */
#include "core/clock.h"
#include "core/service.h"
#include "schemas/grabs.h"
#include "workers/monitor.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdatomic.h>
#include <string.h>

enum { PARTITIONS = 4, FAR = 1, HIGH = 10, WAIT_MS = 10000 };

static atomic_bool reachable;
static atomic_int told[PARTITIONS]; /* how often */

bool __wrap_kafka_admin_open(const char *brokers, const char *client_id, struct kafka_admin **ret_admin,
                             struct err *err);
bool __wrap_plan_check_topic(const struct plan *plan, struct kafka_admin *admin, int64_t timeout_ms, struct err *err);
bool __wrap_kafka_admin_watermarks(struct kafka_admin *admin, const char *topic, int32_t partition, int64_t timeout_ms,
                                   int64_t *ret_low, int64_t *ret_high, struct err *err);
bool __wrap_plan_load(const struct worker_config *config, const struct stream *stream, const struct stream_layout *keys,
                      struct plan *ret_plan, struct err *err);
void __wrap_worker_metrics_lag(const char *layout, int32_t partition, int64_t records);

bool __wrap_kafka_admin_open(const char *brokers, const char *client_id, struct kafka_admin **ret_admin,
                             struct err *err)
{
    (void)brokers, (void)client_id, (void)ret_admin, (void)err;
    return true;
}

bool __wrap_plan_check_topic(const struct plan *plan, struct kafka_admin *admin, int64_t timeout_ms, struct err *err)
{
    (void)plan, (void)admin, (void)timeout_ms, (void)err;
    return true;
}

bool __wrap_kafka_admin_watermarks(struct kafka_admin *admin, const char *topic, int32_t partition, int64_t timeout_ms,
                                   int64_t *ret_low, int64_t *ret_high, struct err *err)
{
    (void)admin, (void)topic, (void)timeout_ms;
    if (partition == FAR && !atomic_load(&reachable))
        return err_set(err, ERR_OUTAGE, "out of reach");
    *ret_low = 0;
    *ret_high = HIGH;
    return true;
}

/* The routes, looked at every tenth time. */
bool __wrap_plan_load(const struct worker_config *config, const struct stream *stream, const struct stream_layout *keys,
                      struct plan *ret_plan, struct err *err)
{
    (void)config, (void)stream, (void)keys, (void)ret_plan;
    return err_set(err, ERR_OUTAGE, "the catalog is away");
}

void __wrap_worker_metrics_lag(const char *layout, int32_t partition, int64_t records)
{
    (void)layout;
    if (records == HIGH - partition)
        atomic_fetch_add(&told[partition], 1);
}

static void wait_told(int32_t partition, int times)
{
    const int64_t end_ms = clock_boottime_ms() + WAIT_MS;
    while (atomic_load(&told[partition]) < times && clock_boottime_ms() < end_ms)
        clock_sleep_ms(10);
    assert_true(atomic_load(&told[partition]) >= times);
}

static bool says(const char *line)
{
    struct buf text = {0};
    service_ready_text(&text);
    const bool found = strstr(text.data, line) != NULL;
    buf_free(&text);
    return found;
}

static void one_out_of_reach_freezes_no_other(void **state)
{
    (void)state;
    static const struct worker_config config = {.kafka_brokers = (char *)"broker:9092"};
    static struct worker_metrics metrics;
    static const struct plan plan;
    worker_metrics_declare(&metrics, "hash");
    struct seats *seats = seats_new(PARTITIONS, 0);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        seats_assign(seats, i);
        seats_tell_next(seats, i, i);
    }
    seats_whole(seats);
    const struct monitor_options options = {.config = &config,
                                            .stream = &stream_grabs,
                                            .keys = stream_layout(&stream_grabs, "hash"),
                                            .metrics = &metrics,
                                            .plan = &plan,
                                            .seats = seats,
                                            .catalog = service_part("catalog"),
                                            .kafka = service_part("kafka"),
                                            .partitions = service_part("partitions")};
    struct monitor *monitor = monitor_start(&options);
    wait_told(PARTITIONS - 1, 2);
    assert_int_equal(atomic_load(&told[FAR]), 0);
    assert_true(says("[-] kafka: out of reach\n"));
    atomic_store(&reachable, true);
    wait_told(FAR, 2);
    assert_true(says("[+] kafka ok\n"));
    monitor_stop(monitor);
    seats_free(seats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_out_of_reach_freezes_no_other)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
