/* The client library's own mock cluster: two brokers, and a topic "t" of two partitions. No server, no disk. */
#ifndef WEIR_TESTS_UNIT_CORE_KAFKA_MOCK_FIXTURE_H
#define WEIR_TESTS_UNIT_CORE_KAFKA_MOCK_FIXTURE_H

#include "core/clock.h"
#include "core/kafka_group.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <librdkafka/rdkafka_mock.h>

#define WAIT_MS 10000

struct world {
    rd_kafka_t *host;
    rd_kafka_mock_cluster_t *cluster;
    const char *brokers;
};

static inline int world_open(void **state)
{
    static struct world world;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "0", NULL, 0);
    world.host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, NULL, 0);
    world.cluster = rd_kafka_mock_cluster_new(world.host, 2);
    world.brokers = rd_kafka_mock_cluster_bootstraps(world.cluster);
    rd_kafka_mock_topic_create(world.cluster, "t", 2, 2);
    *state = &world;
    return 0;
}

static inline int world_close(void **state)
{
    struct world *world = *state;
    rd_kafka_mock_cluster_destroy(world->cluster);
    rd_kafka_destroy(world->host);
    return 0;
}

static inline struct kafka_producer *producer_open(const struct world *world, int64_t timeout_ms, int64_t messages_max)
{
    struct kafka_producer *producer = NULL;
    struct err err = {0};
    struct kafka_producer_options options = {.brokers = world->brokers,
                                             .client_id = "test",
                                             .linger_ms = 0,
                                             .delivery_timeout_ms = timeout_ms,
                                             .queue_messages_max = messages_max,
                                             .queue_bytes_max = 1 << 20};
    if (!kafka_producer_open(&options, &producer, &err))
        fail_msg("%s", err.text);
    return producer;
}

#endif
