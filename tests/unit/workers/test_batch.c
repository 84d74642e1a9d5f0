/* A batch is bounded by rows, bytes and age, keeps what cannot be decoded, and lets a partition go without touching the
 * others. */
#include "tests/unit/workers/records.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

static uint64_t id_of(int n)
{
    return id_pack(RECORDS_NOON_MS, 1, (uint32_t)n);
}

static void add(struct batch *batch, int32_t partition, int n)
{
    const struct grab_event event = grab_of(RECORD_DATA, id_of(n), (uint64_t)n + 1, 7, 1);
    records_add(batch, partition, &event);
}

static void an_empty_batch_is_never_full(void **state)
{
    (void)state;
    struct batch *batch = records_batch("hash", 1, 1, 1);
    assert_false(batch_full(batch, INT64_MAX));
    batch_free(batch);
}

static void rows_fill_it(void **state)
{
    (void)state;
    struct batch *batch = records_batch("hash", 3, 1 << 20, 1000);
    add(batch, 0, 1);
    add(batch, 0, 2);
    assert_false(batch_full(batch, 0));
    add(batch, 0, 3);
    assert_true(batch_full(batch, 0));
    batch_reset(batch);
    assert_false(batch_full(batch, 0));
    batch_free(batch);
}

static void bytes_fill_it(void **state)
{
    (void)state;
    struct batch *batch = records_batch("hash", 100, 200, 1000);
    add(batch, 0, 1);
    assert_false(batch_full(batch, 0));
    add(batch, 0, 2);
    assert_true(batch->bytes >= 200);
    assert_true(batch_full(batch, 0));
    batch_free(batch);
}

static void age_fills_it(void **state)
{
    (void)state;
    struct batch *batch = records_batch("hash", 100, 1 << 20, 50);
    add(batch, 0, 1); /* at 0 ms */
    assert_false(batch_full(batch, 49));
    assert_true(batch_full(batch, 50));
    batch_free(batch);
}

/* As a tool writes it that means to delete a key; the log's own format has none. */
static void a_record_without_value_is_called_so(void **state)
{
    (void)state;
    struct batch *batch = records_batch("hash", 10, 1 << 20, 1000);
    struct kafka_record record = {.partition = 3, .key = mem_copy_str("1"), .key_len = 1};
    (void)batch_part(batch, 3, 0, (struct fold_state){0}, RECORDS_OWNER);
    batch_add(batch, &record, 1, 0);
    assert_string_equal(batch->records[0].reason, "the record has no value");
    batch_free(batch);
}

static void what_does_not_decode_is_kept_with_its_reason(void **state)
{
    (void)state;
    struct batch *batch = records_batch("hash", 10, 1 << 20, 1000);
    add(batch, 3, 1);
    records_add_bad(batch, 3);
    add(batch, 3, 2);
    batch_fold(batch);
    assert_int_equal(batch_dead_letters(batch), 1);
    assert_non_null(batch->records[1].reason);
    assert_int_equal(batch->row_count, 2);
    assert_int_equal(batch->parts[0].counts.records, 3);
    assert_int_equal(batch->parts[0].counts.dead_letters, 1);
    assert_int_equal(batch->parts[0].last_offset, 2);
    batch_free(batch);
}

static void a_dropped_partition_leaves_the_others_whole(void **state)
{
    (void)state;
    struct batch *batch = records_batch("hash", 20, 1 << 20, 1000);
    for (int n = 0; n < 12; n++)
        add(batch, n % 3, n);
    const size_t bytes = batch->bytes;
    batch_drop(batch, 1);
    batch_drop(batch, 1);
    batch_drop(batch, 9); /* never there */
    assert_int_equal(batch->count, 8);
    assert_true(batch->bytes < bytes);
    batch_fold(batch);
    assert_int_equal(batch->row_count, 8);
    for (size_t i = 0; i < batch->count; i++) {
        const struct grab_event *event = batch_event(batch, i);
        assert_int_not_equal(batch->records[i].record.partition, 1);
        assert_int_equal(event->grab_id, batch->records[i].id);
    }
    assert_int_equal(batch->parts[1].records, 0);
    assert_int_equal(batch->parts[1].counts.records, 0);
    batch_drop(batch, 0);
    batch_drop(batch, 2);
    assert_int_equal(batch->count, 0);
    assert_int_equal(batch->bytes, 0);
    batch_free(batch);
}

static void a_part_keeps_the_state_it_was_opened_with(void **state)
{
    (void)state;
    struct batch *batch = records_batch("hash", 5, 1 << 20, 1000);
    struct batch_part *part = batch_part(batch, 4, 100, (struct fold_state){.epoch = 9}, RECORDS_OWNER);
    assert_int_equal(part->next_offset, 100);
    assert_int_equal(part->last_offset, 99);
    assert_string_equal(part->owner, RECORDS_OWNER);
    assert_ptr_equal(part, batch_part(batch, 4, 5, (struct fold_state){0}, RECORDS_OWNER));
    const struct grab_event stale = grab_of(RECORD_DATA, id_of(1), 1, 7, 8);
    struct kafka_record record = record_of_event(4, 100, &stale);
    batch_add(batch, &record, 77, 0);
    batch_fold(batch);
    assert_int_equal(part->counts.voided, 1);
    assert_int_equal(part->checksum, 77);
    assert_int_equal(part->after.epoch, 9);
    batch_free(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_batch_is_never_full),
        cmocka_unit_test(rows_fill_it),
        cmocka_unit_test(bytes_fill_it),
        cmocka_unit_test(age_fills_it),
        cmocka_unit_test(a_record_without_value_is_called_so),
        cmocka_unit_test(what_does_not_decode_is_kept_with_its_reason),
        cmocka_unit_test(a_dropped_partition_leaves_the_others_whole),
        cmocka_unit_test(a_part_keeps_the_state_it_was_opened_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
