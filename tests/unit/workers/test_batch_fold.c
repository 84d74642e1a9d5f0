/* Verdicts in all orders, rows by table and key, totals by day: against a model that is written another way. */
#include "tests/unit/workers/records.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

enum step { STEP_GRAB_1, STEP_GRAB_2, STEP_CANCEL, STEP_BARRIER_1, STEP_BARRIER_2, STEP_BARRIER_3, STEPS };

static uint64_t the_id(void)
{
    return id_pack(RECORDS_NOON_MS, 1, 1);
}

static struct grab_event event_of(enum step step)
{
    struct grab_event event;
    switch (step) {
    case STEP_GRAB_1:
    case STEP_GRAB_2:
        return grab_of(RECORD_DATA, the_id(), 5, 7, step == STEP_GRAB_1 ? 1 : 2);
    case STEP_CANCEL:
        return grab_of(RECORD_CANCEL, the_id(), 5, 7, 1);
    default:
        grab_event_barrier(&event, (uint64_t)step - STEP_BARRIER_1 + 1, "r");
        return event;
    }
}

/* What the design says about the first record that is no barrier. -1: no row. */
static int model_row(const enum step *steps, size_t count)
{
    uint64_t highest = 0;
    for (size_t i = 0; i < count; i++) {
        if (steps[i] >= STEP_BARRIER_1) {
            const uint64_t epoch = (uint64_t)steps[i] - STEP_BARRIER_1 + 1;
            highest = epoch > highest ? epoch : highest;
        } else if (steps[i] == STEP_CANCEL) {
            return GRAB_ROW_VOID;
        } else {
            return (steps[i] == STEP_GRAB_1 ? 1u : 2u) < highest ? GRAB_ROW_VOID : GRAB_ROW_OK;
        }
    }
    return -1;
}

static void check_sequence(const enum step *steps, size_t count, bool exists)
{
    struct batch *batch = records_batch("hash", 8, 1 << 20, 1000);
    for (size_t i = 0; i < count; i++) {
        const struct grab_event event = event_of(steps[i]);
        records_add(batch, 2, &event);
    }
    batch_fold(batch);
    if (exists && batch->row_count > 0) {
        batch->records[batch->rows[0]].exists = true;
        batch_fold(batch);
    }
    const int row = exists ? -1 : model_row(steps, count);
    assert_int_equal(batch->row_count, row >= 0);
    if (row >= 0) {
        const struct grab_event *event = batch_event(batch, batch->rows[0]);
        assert_int_equal(event->grab_status, row);
        assert_int_equal(event->fail_reason[0] != '\0', row == GRAB_ROW_VOID);
    }
    const struct fold_counts *counts = &batch->parts[0].counts;
    assert_int_equal(counts->records, count);
    assert_int_equal(counts->ok + counts->voided, row >= 0);
    assert_true(fold_counts_hold(counts));
    batch_free(batch);
}

/* 6^1 + 6^2 + 6^3 + 6^4 sequences, with the id new and with its row there already. */
static void every_order_is_folded_as_the_design_says(void **state)
{
    (void)state;
    for (size_t count = 1, all = STEPS; count <= 4; count++, all *= STEPS)
        for (size_t n = 0; n < all; n++) {
            enum step steps[4];
            for (size_t i = 0, rest = n; i < count; i++, rest /= STEPS)
                steps[i] = (enum step)(rest % STEPS);
            check_sequence(steps, count, false);
            check_sequence(steps, count, true);
        }
}

static void a_bad_record_takes_no_row_from_the_next(void **state)
{
    (void)state;
    struct batch *batch = records_batch("hash", 8, 1 << 20, 1000);
    const struct grab_event event = event_of(STEP_GRAB_1);
    records_add(batch, 0, &event);
    records_add(batch, 0, &event);
    batch_fold(batch);
    batch_mark_bad(batch, batch->rows[0], "refused");
    batch_fold(batch);
    assert_int_equal(batch->row_count, 1);
    assert_int_equal(batch->rows[0], 1);
    assert_int_equal(batch->parts[0].counts.dead_letters, 1);
    assert_int_equal(batch->parts[0].counts.ok, 1);
    batch_free(batch);
}

static void fill(struct batch *batch, int partitions, int count)
{
    unsigned seed = 12345;
    for (int i = 0; i < count; i++) {
        seed = seed * 1103515245u + 12345u;
        const int64_t day = (seed >> 16) % 3;
        const uint64_t user = (seed >> 8) % 50 + 1;
        const struct grab_event event =
            grab_of(RECORD_DATA, id_pack(RECORDS_NOON_MS + day * RECORDS_DAY_MS, 1, (uint32_t)i), user,
                    (seed >> 20) % 4 + 1, 1);
        records_add(batch, i % partitions, &event);
    }
}

static void check_sorted(const char *layout, size_t tables)
{
    struct batch *batch = records_batch(layout, 300, 1 << 20, 1000);
    const struct stream_layout *keys = stream_layout(&stream_grabs, layout);
    fill(batch, 4, 300);
    batch_fold(batch);
    assert_int_equal(batch->row_count, 300);
    size_t slices = 0;
    for (size_t first = 0, count; first < batch->row_count; first += count, slices++) {
        count = batch_slice(batch, first);
        for (size_t i = first + 1; i < first + count; i++) {
            assert_int_equal(batch->records[batch->rows[i]].slot, batch->records[batch->rows[first]].slot);
            assert_true(stream_compare(&stream_grabs, keys, batch_event(batch, batch->rows[i - 1]),
                                       batch_event(batch, batch->rows[i])) < 0);
        }
    }
    assert_int_equal(slices, tables);
    batch_free(batch);
}

static void rows_go_by_table_and_key(void **state)
{
    (void)state;
    check_sorted("hash", 4);
    check_sorted("daily", 3);
}

static void totals_are_those_of_the_rows(void **state)
{
    (void)state;
    struct batch *batch = records_batch("hash", 300, 1 << 20, 1000);
    fill(batch, 4, 290);
    const struct grab_event cancel = grab_of(RECORD_CANCEL, id_pack(RECORDS_NOON_MS, 2, 1), 1, 2, 1);
    records_add(batch, 0, &cancel);
    batch_fold(batch);
    uint64_t ok = 0, voided = 0;
    for (size_t i = 0; i < batch->total_count; i++) {
        const struct batch_total *total = &batch->totals[i];
        uint64_t counted = 0;
        for (size_t r = 0; r < batch->row_count; r++) {
            const struct grab_event *event = batch_event(batch, batch->rows[r]);
            counted += batch->records[batch->rows[r]].part == total->part && event->coupon_id == total->value.u64 &&
                       day_of_ms(event->grab_time, 0) == total->day;
        }
        assert_int_equal(counted, total->ok + total->voided);
        ok += total->ok;
        voided += total->voided;
    }
    assert_int_equal(ok, 290);
    assert_int_equal(voided, 1);
    for (size_t i = 1; i < batch->total_count; i++) { /* each (partition, day, coupon) once */
        const struct batch_total *one = &batch->totals[i - 1], *two = &batch->totals[i];
        assert_true(one->part != two->part || one->day != two->day || one->value.u64 < two->value.u64);
    }
    assert_in_range(batch->total_count, 40, 4 * 3 * 4);
    batch_free(batch);
}

/* The day is the sale's, not UTC's. */
static void a_total_belongs_to_the_sales_day(void **state)
{
    (void)state;
    const struct batch_options options = {.stream = &stream_grabs,
                                          .layout = &layout_daily,
                                          .offset_min = 480,
                                          .rows_max = 4,
                                          .bytes_max = 1 << 20,
                                          .age_ms_max = 1,
                                          .release = records_release};
    struct batch *batch = batch_new(&options);
    const struct grab_event late =
        grab_of(RECORD_DATA, id_pack(RECORDS_NOON_MS + 5 * 3600000, 1, 1), 1, 7, 1); /* 17:00 UTC is 01:00 in +08:00 */
    records_add(batch, 0, &late);
    batch_fold(batch);
    char day[11];
    day_format(batch->totals[0].day, '-', day);
    assert_string_equal(day, "2026-11-21");
    assert_int_equal(batch->records[0].slot, batch->totals[0].day);
    batch_free(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_order_is_folded_as_the_design_says),
        cmocka_unit_test(a_bad_record_takes_no_row_from_the_next),
        cmocka_unit_test(rows_go_by_table_and_key),
        cmocka_unit_test(totals_are_those_of_the_rows),
        cmocka_unit_test(a_total_belongs_to_the_sales_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
