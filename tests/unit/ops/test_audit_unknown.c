/* Unknowns that were open at the cut: what the log says of them behind it. The log's end is the test's own. */
#include "core/clock.h"
#include "tests/unit/ops/audit_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { EPOCH = 5, OPEN_GRAB = 3 };

static int reads;          /* of the log's end */
static int cancel_at_read; /* 0: never */

bool __wrap_audit_log_tail(struct audit *audit, const bool *partitions, audit_record_fn take, struct err *err);

static void give(audit_record_fn take, int32_t partition, const struct grab_event *event)
{
    struct buf key = {0}, value = {0};
    buf_append_str(&key, "");
    if (event->kind != RECORD_BARRIER)
        codec_write_key(&stream_grabs, event, &key);
    codec_write(&stream_grabs, event, &value);
    struct kafka_record record = {.partition = partition,
                                  .offset = f->audit.part[partition].folded_to,
                                  .key = key.data,
                                  .key_len = key.len,
                                  .value = value.data,
                                  .value_len = value.len};
    take(&f->audit, &record);
    buf_free(&key);
    buf_free(&value);
}

static struct grab_event record_of(enum record_kind kind, uint32_t sequence)
{
    return (struct grab_event){.kind = (uint8_t)kind,
                               .grab_id = fixture_id(sequence),
                               .user_id = user_of(0, 4),
                               .coupon_id = FIXTURE_COUPON,
                               .room_id = 3,
                               .epoch = EPOCH};
}

bool __wrap_audit_log_tail(struct audit *audit, const bool *partitions, audit_record_fn take, struct err *err)
{
    (void)err;
    assert_true(partitions[0] && !partitions[1]);
    assert_true(take == audit_unknown_record);
    assert_int_equal(audit->part[0].folded_to, audit->part[0].cut);
    const struct grab_event other = record_of(RECORD_DATA, 99), cancel = record_of(RECORD_CANCEL, OPEN_GRAB);
    if (++reads == cancel_at_read) {
        give(take, 0, &other);
        give(take, 0, &cancel);
    }
    return true;
}

static int open_fixture(void **state)
{
    (void)state;
    fixture_new();
    fixture_record(f, RECORD_DATA, 1, user_of(0, 0), EPOCH);
    f->audit.coupons[0].row.hold_ms = 0;
    f->audit.asked_ms = clock_boottime_ms();
    reads = cancel_at_read = 0;
    return 0;
}

static void note(uint32_t sequence, uint64_t epoch)
{
    const struct audit_line line = {.coupon_id = FIXTURE_COUPON,
                                    .user_id = user_of(0, 4),
                                    .grab_id = fixture_id(sequence),
                                    .epoch = epoch,
                                    .told = AUDIT_TOLD_UNKNOWN};
    audit_unknown_note(&f->audit, &line);
}

static void test_a_record_ends_all_that_was_told_of_its_grab(void **state)
{
    (void)state;
    const enum record_kind kinds[] = {RECORD_DATA, RECORD_CANCEL};
    for (size_t i = 0; i < 2; i++) {
        const struct grab_event event = record_of(kinds[i], 4);
        f->audit.unknown_count = 0;
        free(f->audit.unknown);
        f->audit.unknown = NULL;
        note(4, EPOCH);
        note(2, EPOCH);
        note(6, EPOCH);
        note(4, EPOCH);
        audit_unknown_sort(&f->audit);
        give(audit_unknown_record, 0, &event);
        audit_unknown_drop(&f->audit);
        assert_int_equal(f->audit.unknown_count, 2);
        assert_int_equal(f->audit.unknown[0].grab_id, fixture_id(2));
        assert_int_equal(f->audit.unknown[1].grab_id, fixture_id(6));
    }
}

static void test_a_barrier_ends_those_below_it(void **state)
{
    (void)state;
    struct grab_event barrier;
    note(3, EPOCH);
    note(4, EPOCH + 1);
    audit_unknown_sort(&f->audit);
    grab_event_barrier(&barrier, EPOCH + 1, "me");
    give(audit_unknown_record, 1, &barrier); /* another partition's */
    audit_unknown_drop(&f->audit);
    assert_int_equal(f->audit.unknown_count, 2);
    give(audit_unknown_record, 0, &barrier);
    audit_unknown_drop(&f->audit);
    assert_int_equal(f->audit.unknown_count, 1);
    assert_int_equal(f->audit.unknown[0].grab_id, fixture_id(4));
}

static void test_nonsense_ends_nothing(void **state)
{
    (void)state;
    const struct kafka_record record = {.partition = 0, .offset = 7, .key = "", .value = "x", .value_len = 1};
    note(3, EPOCH);
    audit_unknown_record(&f->audit, &record);
    audit_unknown_drop(&f->audit);
    assert_int_equal(f->audit.unknown_count, 1);
    assert_int_equal(f->audit.part[0].folded_to, 8);
}

static void wait_for_it(void)
{
    struct err err = {0};
    assert_true(audit_unknown_wait(&f->audit, &err));
}

static void test_none_is_not_waited_for(void **state)
{
    (void)state;
    wait_for_it();
    assert_true(reads == 0 && fixture_found(f) == 0);
}

static void test_at_rest_it_is_judged_at_once(void **state)
{
    (void)state;
    f->audit.at_rest = true;
    note(OPEN_GRAB, EPOCH);
    wait_for_it();
    assert_int_equal(reads, 0);
    assert_int_equal(fixture_found(f), 1);
    assert_string_equal(fixture_last(f)->kind, "unknown_open");
    assert_int_equal(fixture_last(f)->invariant, 4);
    assert_int_equal(fixture_last(f)->place.grab_id, fixture_id(OPEN_GRAB));
}

static void test_it_has_its_time(void **state)
{
    (void)state;
    note(OPEN_GRAB, EPOCH);
    f->audit.part[0].folded_to = 1000; /* by a pass over other users */
    cancel_at_read = 2;
    wait_for_it();
    assert_true(reads == 2 && fixture_found(f) == 0);
}

static void test_the_log_is_read_once_more_when_its_time_is_over(void **state)
{
    (void)state;
    note(OPEN_GRAB, EPOCH);
    f->audit.asked_ms -= audit_due_ms(0);
    cancel_at_read = 1;
    wait_for_it();
    assert_true(reads == 1 && fixture_found(f) == 0);
}

static void test_its_time_is_over(void **state)
{
    (void)state;
    note(OPEN_GRAB, EPOCH);
    f->audit.asked_ms -= audit_due_ms(0);
    wait_for_it();
    assert_int_equal(reads, 1);
    assert_int_equal(fixture_found(f), 1);
    assert_string_equal(fixture_last(f)->kind, "unknown_open");
}

/* No keeper ends what has no sound coupon, and its marks were not looked at. */
static void test_of_a_broken_coupon_nothing_is_known(void **state)
{
    (void)state;
    f->audit.at_rest = true;
    f->audit.coupons[0].row.broken = true;
    note(OPEN_GRAB, EPOCH);
    wait_for_it();
    assert_int_equal(fixture_found(f), 0);
    assert_int_equal(f->audit.report.unchecked.count, 1);
}

/* README, I4: two holds are enough from 4 s on. */
static void test_how_long_it_has(void **state)
{
    (void)state;
    assert_int_equal(audit_due_ms(10000), 20000);
    assert_int_equal(audit_due_ms(4000), 8000);
    assert_int_equal(audit_due_ms(1000), 3500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_record_ends_all_that_was_told_of_its_grab, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_a_barrier_ends_those_below_it, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_nonsense_ends_nothing, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_none_is_not_waited_for, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_at_rest_it_is_judged_at_once, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_it_has_its_time, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_the_log_is_read_once_more_when_its_time_is_over, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(test_its_time_is_over, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_of_a_broken_coupon_nothing_is_known, open_fixture, close_fixture),
        cmocka_unit_test(test_how_long_it_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
