/* Producer and reader against the client library's own mock cluster, for their error paths: no server, no disk. */
#include "tests/unit/core/kafka_mock_fixture.h"

#include <poll.h>
#include <string.h>

#define PRODUCE_API 0

static void test_waits_for_one_report(void **state)
{
    int64_t offset = -1;
    struct err err = {0};
    struct kafka_producer *producer = producer_open(*state, 5000, 10);
    assert_int_equal(kafka_produce_wait(producer, "t", 0, "k", 1, "v", 1, &offset, &err), KAFKA_PERSISTED);
    assert_int_equal(offset, 0);
    assert_int_equal(kafka_produce_wait(producer, "t", 0, "k", 1, "v", 1, &offset, &err), KAFKA_PERSISTED);
    assert_int_equal(offset, 1);
    assert_int_equal(kafka_produce_wait(producer, "t", 9, "k", 1, "v", 1, &offset, &err), KAFKA_NOT_PERSISTED);
    assert_int_equal(offset, 1);
    assert_int_equal(kafka_producer_pending(producer), 0);
    kafka_producer_close(producer, 1000, NULL, NULL);
}

struct counts {
    size_t reports[3];
};

static void count_report(const struct kafka_delivery *delivery, void *arg)
{
    struct counts *counts = arg;
    counts->reports[delivery->report]++;
}

static void test_eventfd_wakes_and_up_is_learned(void **state)
{
    struct counts counts = {0};
    struct kafka_producer *producer = producer_open(*state, 5000, 1000);
    struct kafka_header header = {"request_id", "r", 1};
    assert_false(kafka_producer_up(producer));
    for (int i = 0; i < 100; i++)
        assert_true(kafka_produce(producer, "t", 1, NULL, 0, "v", 1, &header, 1, NULL, NULL));
    int64_t end_ms = clock_boottime_ms() + WAIT_MS;
    while ((kafka_producer_pending(producer) > 0 || !kafka_producer_up(producer)) && clock_boottime_ms() < end_ms) {
        struct pollfd ready = {.fd = kafka_producer_fd(producer), .events = POLLIN};
        assert_int_equal(poll(&ready, 1, WAIT_MS), 1);
        kafka_producer_reports(producer, count_report, &counts);
    }
    assert_int_equal(counts.reports[KAFKA_PERSISTED], 100);
    assert_true(kafka_producer_up(producer));
    kafka_producer_close(producer, 1000, NULL, NULL);
}

static void test_every_message_is_reported_when_nobody_answers(void **state)
{
    struct counts counts = {0};
    struct world nobody = {.brokers = "127.0.0.1:1"};
    struct err err = {0};
    size_t taken = 0;
    (void)state;
    struct kafka_producer *producer = producer_open(&nobody, 60000, 50);
    while (kafka_produce(producer, "t", 0, "k", 1, "v", 1, NULL, 0, NULL, &err))
        assert_true(++taken <= 50);
    assert_int_equal(err.kind, ERR_OUTAGE); /* the queue is full */
    assert_int_equal(taken, 50);
    kafka_producer_close(producer, 100, count_report, &counts);
    assert_int_equal(counts.reports[KAFKA_NOT_PERSISTED], 50);
    assert_int_equal(counts.reports[KAFKA_PERSISTED] + counts.reports[KAFKA_POSSIBLY_PERSISTED], 0);
}

/* A broker that leads no more gives this answer also when the record went to its successor, so the library's "not
 * persisted" is not believed; it is again once the next record was not sent. */
static void test_a_record_that_was_sent_is_possibly_persisted(void **state)
{
    struct world *world = *state;
    int64_t offset = -1;
    struct err err = {0};
    struct kafka_producer *producer = producer_open(world, 1000, 10);
    assert_int_equal(kafka_produce_wait(producer, "t", 0, "k", 1, "v", 1, &offset, &err), KAFKA_PERSISTED);
    for (int i = 0; i < 100; i++)
        rd_kafka_mock_push_request_errors(world->cluster, PRODUCE_API, 1, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
    assert_int_equal(kafka_produce_wait(producer, "t", 0, "k", 1, "v", 1, &offset, &err), KAFKA_POSSIBLY_PERSISTED);
    assert_non_null(strstr(err.text, "may or may not have stored"));
    rd_kafka_mock_clear_request_errors(world->cluster, PRODUCE_API);
    rd_kafka_mock_broker_set_down(world->cluster, 1);
    rd_kafka_mock_broker_set_down(world->cluster, 2);
    assert_int_equal(kafka_produce_wait(producer, "t", 0, "k", 1, "v", 1, &offset, &err), KAFKA_NOT_PERSISTED);
    kafka_producer_close(producer, 1000, NULL, NULL);
    rd_kafka_mock_broker_set_up(world->cluster, 1);
    rd_kafka_mock_broker_set_up(world->cluster, 2);
}

/* A lost sequence number ends an idempotent client for ever; the producer goes on with a new one. */
static void test_survives_a_fatal_error(void **state)
{
    struct world *world = *state;
    int64_t offset = -1;
    struct err err = {0};
    struct kafka_producer *producer = producer_open(world, 3000, 10);
    assert_int_equal(kafka_produce_wait(producer, "t", 0, "k", 1, "v", 1, &offset, &err), KAFKA_PERSISTED);
    rd_kafka_mock_push_request_errors(world->cluster, PRODUCE_API, 1, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_int_not_equal(kafka_produce_wait(producer, "t", 0, "k", 1, "v", 1, &offset, &err), KAFKA_PERSISTED);
    int64_t end_ms = clock_boottime_ms() + WAIT_MS;
    enum kafka_report report = KAFKA_NOT_PERSISTED;
    while (report != KAFKA_PERSISTED && clock_boottime_ms() < end_ms)
        report = kafka_produce_wait(producer, "t", 0, "k", 1, "again", 5, &offset, &err);
    assert_int_equal(report, KAFKA_PERSISTED);
    kafka_producer_close(producer, 1000, NULL, NULL);
}

/* Offsets of a partition that do not rise, each partition of each topic by itself. */
static void test_another_log_is_told(void **state)
{
    struct kafka_seen seen = {0};
    struct err err = {0};
    (void)state;
    assert_true(kafka_seen_note(&seen, "t", 3, 0, &err));
    assert_true(kafka_seen_note(&seen, "t", 3, 7, &err));
    assert_true(kafka_seen_note(&seen, "t", 1, 2, &err));
    assert_true(kafka_seen_note(&seen, "u", 3, 0, &err));
    assert_true(kafka_seen_note(&seen, "t", 3, 8, &err));
    assert_false(kafka_seen_note(&seen, "t", 3, 8, &err));
    assert_int_equal(err.kind, ERR_CONFLICT);
    assert_non_null(strstr(err.text, "t[3] gave offset 8 after 8"));
    struct kafka_seen of_the_next_client = {0};
    kafka_seen_copy(&seen, &of_the_next_client);
    kafka_seen_free(&seen);
    assert_false(kafka_seen_note(&of_the_next_client, "t", 3, 0, &err));
    assert_non_null(strstr(err.text, "t[3] gave offset 0 after 8"));
    assert_true(kafka_seen_note(&of_the_next_client, "t", 3, 9, &err));
    assert_true(kafka_seen_note(&of_the_next_client, "t", 2, 0, &err));
    assert_true(kafka_seen_note(&of_the_next_client, "u", 3, 1, &err));
    kafka_seen_free(&of_the_next_client);
}

/* The leader that the library knows is none any more; with one look alone it would ask it for a quarter of an hour. */
static void test_watermarks_follow_the_leader(void **state)
{
    struct world *world = *state;
    struct kafka_admin *admin;
    struct err err = {0};
    int64_t low = -1, high = -1;
    assert_true(kafka_admin_open(world->brokers, "test", &admin, &err));
    for (int32_t leader = 1; leader <= 2; leader++) {
        assert_int_equal(rd_kafka_mock_partition_set_leader(world->cluster, "t", 0, leader), 0);
        if (!kafka_admin_watermarks(admin, "t", 0, WAIT_MS, &low, &high, &err))
            fail_msg("leader %d: %s", leader, err.text);
    }
    assert_int_equal(low, 0);
    kafka_admin_close(admin);
}

static int take_one(struct kafka_reader *reader, struct kafka_record *record, struct err *err)
{
    int result = 0;
    for (int64_t end_ms = clock_boottime_ms() + WAIT_MS; result == 0 && clock_boottime_ms() < end_ms;)
        result = kafka_reader_take(reader, 100, record, err);
    return result;
}

static void test_reader_reads_and_tells_a_missing_offset(void **state)
{
    struct world *world = *state;
    int64_t offset = -1;
    struct kafka_record record;
    struct kafka_reader *reader = NULL;
    struct err err = {0};
    struct kafka_producer *producer = producer_open(world, 5000, 10);
    assert_int_equal(kafka_produce_wait(producer, "t", 1, "key", 3, "value", 5, &offset, &err), KAFKA_PERSISTED);
    kafka_producer_close(producer, 1000, NULL, NULL);

    assert_true(kafka_reader_open(world->brokers, "test", "t", 1, offset, &reader, &err));
    assert_int_equal(take_one(reader, &record, &err), 1);
    assert_int_equal(record.offset, offset);
    assert_memory_equal(record.value, "value", 5);
    assert_memory_equal(record.key, "key", 3);
    kafka_record_free(&record);
    kafka_reader_close(reader);

    assert_true(kafka_reader_open(world->brokers, "test", "t", 1, 1000000, &reader, &err));
    assert_int_equal(take_one(reader, &record, &err), -1);
    assert_int_equal(err.kind, ERR_MISSING);
    kafka_reader_close(reader);
    assert_false(kafka_reader_open(world->brokers, "test", "t", 1, -1, &reader, &err));
    assert_int_equal(err.kind, ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waits_for_one_report),
        cmocka_unit_test(test_eventfd_wakes_and_up_is_learned),
        cmocka_unit_test(test_every_message_is_reported_when_nobody_answers),
        cmocka_unit_test(test_a_record_that_was_sent_is_possibly_persisted),
        cmocka_unit_test(test_survives_a_fatal_error),
        cmocka_unit_test(test_another_log_is_told),
        cmocka_unit_test(test_watermarks_follow_the_leader),
        cmocka_unit_test(test_reader_reads_and_tells_a_missing_offset),
    };
    return cmocka_run_group_tests(tests, world_open, world_close);
}
