/* The group against the client library's own mock cluster: no server, no disk. */
#include "tests/unit/core/kafka_mock_fixture.h"

#include <unistd.h>

enum { RECORDS = 2 };

/* With records in partition 0. */
static int world_open_with_records(void **state)
{
    struct err err = {0};
    int64_t offset;
    world_open(state);
    struct kafka_producer *producer = producer_open(*state, WAIT_MS, 10);
    for (int i = 0; i < RECORDS; i++)
        if (kafka_produce_wait(producer, "t", 0, "k", 1, "v", 1, &offset, &err) != KAFKA_PERSISTED)
            fail_msg("%s", err.text);
    kafka_producer_close(producer, 1000, NULL, NULL);
    return 0;
}

struct member {
    struct kafka_queue *queue;
    bool told_none; /* by the last assignment */
    size_t assigned;
    size_t revoked;
    int32_t failed_partition;
};

static void on_assigned(struct kafka_group *group, const int32_t *partitions, size_t count, void *arg)
{
    struct member *member = arg;
    struct err err;
    for (size_t i = 0; i < count; i++)
        if (!kafka_group_begin(group, partitions[i], partitions[i] == 0 ? 0 : 1000000, member->queue, &err))
            fail_msg("%s", err.text);
    member->told_none = count == 0;
    member->assigned += count;
}

static void on_revoked(struct kafka_group *group, const int32_t *partitions, size_t count, void *arg)
{
    (void)group;
    (void)partitions;
    ((struct member *)arg)->revoked += count;
}

static void on_error(struct kafka_group *group, int32_t partition, const char *why, void *arg)
{
    (void)group;
    (void)why;
    if (partition >= 0)
        ((struct member *)arg)->failed_partition = partition;
}

static int64_t told(struct kafka_group *group, int32_t partition)
{
    struct err err = {0};
    int64_t offset = -2;
    if (!kafka_group_told(group, partition, WAIT_MS, &offset, &err))
        fail_msg("%s", err.text);
    return offset;
}

static void tells_its_offset(struct kafka_group *group)
{
    const int64_t end_ms = clock_boottime_ms() + WAIT_MS;
    assert_int_equal(told(group, 0), -1);
    kafka_group_tell_offset(group, 0, 2);
    while (told(group, 0) != 2 && clock_boottime_ms() < end_ms)
        kafka_group_poll(group, 20);
    assert_int_equal(told(group, 0), 2);
    assert_int_equal(told(group, 1), -1);
}

static void test_the_queues_of_a_process_share_its_bound(void **state)
{
    (void)state;
    struct kafka_group_options options = {.fetch_bytes_max = 1 << 24};
    for (options.queues = 1; options.queues <= 64; options.queues++) {
        int64_t held = 2 * options.queues * kafka_group_queue_bytes(&options); /* a record takes twice its bytes */
        assert_in_range(held, (1 << 24) * 9 / 10, 1 << 24);
    }
}

/* The setting allows 4 GiB, which is one more kbyte than the library takes. */
static void test_a_queue_is_no_larger_than_the_library_takes(void **state)
{
    (void)state;
    struct member member = {0};
    const struct kafka_group_options options = {.brokers = "127.0.0.1:1",
                                                .client_id = "test",
                                                .group = "g",
                                                .topic = "t",
                                                .session_timeout_ms = 6000,
                                                .poll_interval_ms_max = 60000,
                                                .fetch_bytes_max = INT64_C(4294967296),
                                                .on_assigned = on_assigned,
                                                .on_revoked = on_revoked,
                                                .on_error = on_error,
                                                .arg = &member,
                                                .queues = 1};
    struct kafka_group *group = NULL;
    struct err err = {0};
    if (!kafka_group_open(&options, &group, &err))
        fail_msg("%s", err.text);
    kafka_group_close(group);
}

static struct kafka_group *group_open(const struct world *world, struct member *member)
{
    struct kafka_group *group = NULL;
    struct err err = {0};
    struct kafka_group_options options = {.brokers = world->brokers,
                                          .client_id = "test",
                                          .group = "g",
                                          .topic = "t",
                                          .session_timeout_ms = 6000,
                                          .poll_interval_ms_max = 60000,
                                          .fetch_bytes_max = 1 << 24,
                                          .queues = 1,
                                          .on_assigned = on_assigned,
                                          .on_revoked = on_revoked,
                                          .on_error = on_error,
                                          .arg = member};
    if (!kafka_group_open(&options, &group, &err))
        fail_msg("%s", err.text);
    member->queue = kafka_queue_new(group);
    return group;
}

/* Partition 0 is read from its beginning; partition 1 from an offset that is not there, which must reach on_error
 * through the taker. */
static void test_group_reads_and_hands_failures_over(void **state)
{
    struct world *world = *state;
    struct member member = {.failed_partition = -1};
    struct kafka_record record;
    struct kafka_group *group = group_open(world, &member);
    struct err err = {0};
    int64_t next = 0, end_ms = clock_boottime_ms() + 3 * WAIT_MS;
    assert_false(kafka_group_begin(group, 0, 0, member.queue, &err));
    assert_int_equal(err.kind, ERR_CONFLICT);
    while ((next < RECORDS || member.failed_partition < 0) && clock_boottime_ms() < end_ms) {
        kafka_group_poll(group, 20);
        if (!kafka_queue_take(member.queue, 20, &record))
            continue;
        assert_int_equal(record.partition, 0);
        assert_int_equal(record.offset, next++);
        kafka_record_free(&record);
    }
    assert_int_equal(member.assigned, 2);
    assert_int_equal(member.failed_partition, 1);
    assert_true(next >= RECORDS);
    tells_its_offset(group);
    kafka_group_close(group);
    assert_int_equal(member.revoked, 2);
    assert_false(kafka_queue_take(member.queue, 10, &record));
    kafka_queue_free(member.queue);
}

/* With more members than partitions one gets none, and is told so. */
static void test_an_empty_assignment_is_told(void **state)
{
    struct member members[3] = {{0}};
    struct kafka_group *groups[3];
    size_t all = 0, with_none = 0;
    const int64_t end_ms = clock_boottime_ms() + 3 * WAIT_MS;
    for (size_t i = 0; i < 3; i++)
        groups[i] = group_open(*state, &members[i]);
    while ((all != 2 || with_none != 1) && clock_boottime_ms() < end_ms) {
        all = with_none = 0;
        for (size_t i = 0; i < 3; i++) {
            kafka_group_poll(groups[i], 20);
            all += members[i].assigned - members[i].revoked;
            with_none += members[i].told_none;
        }
    }
    assert_int_equal(all, 2);
    assert_int_equal(with_none, 1);
    for (size_t i = 0; i < 3; i++) {
        kafka_group_close(groups[i]);
        kafka_queue_free(members[i].queue);
    }
}

/* A record that is not freed refers to its partition, as the library's own slip does: then the handle does not end. */
static void test_nobody_waits_for_a_handle_that_does_not_end(void **state)
{
    struct member member = {.failed_partition = -1};
    struct kafka_group *group = group_open(*state, &member);
    struct kafka_record record = {0};
    int64_t end_ms = clock_boottime_ms() + 3 * WAIT_MS;
    while (!record.message && clock_boottime_ms() < end_ms) {
        kafka_group_poll(group, 20);
        (void)!kafka_queue_take(member.queue, 20, &record);
    }
    assert_non_null(record.message);
    alarm(WAIT_MS / 1000);
    kafka_group_close(group);
    alarm(0);
    kafka_queue_free(member.queue);
    kafka_record_free(&record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_queues_of_a_process_share_its_bound),
        cmocka_unit_test(test_a_queue_is_no_larger_than_the_library_takes),
        cmocka_unit_test(test_group_reads_and_hands_failures_over),
        cmocka_unit_test(test_an_empty_assignment_is_told),
        cmocka_unit_test(test_nobody_waits_for_a_handle_that_does_not_end),
    };
    return cmocka_run_group_tests(tests, world_open_with_records, world_close);
}
