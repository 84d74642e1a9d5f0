/* Whose rows are missing, by the rows that were read, the totals and the counts of progress. */
#include "protocol/row_counts.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

static void rows_add(struct row_counts *counts, int64_t slot, uint64_t coupon_id, int ok, int voided)
{
    for (int i = 0; i < ok; i++)
        row_counts_add_row(counts, slot, coupon_id, true);
    for (int i = 0; i < voided; i++)
        row_counts_add_row(counts, slot, coupon_id, false);
}

static bool whole(const struct row_counts *counts, int64_t slot, uint64_t coupon_id)
{
    const struct row_count *entry = row_counts_find(counts, slot, coupon_id);
    assert_non_null(entry);
    return row_count_whole(entry);
}

static void only_the_coupon_whose_rows_are_gone(void **state)
{
    (void)state;
    struct row_counts counts = {0};
    row_counts_add_total(&counts, 3, 12, 2, 1);
    row_counts_add_total(&counts, 3, 11, 5, 0);
    row_counts_add_total(&counts, 7, 11, 1, 0);
    row_counts_add_total(&counts, 3, 11, 1, 2); /* of another day or partition of the same table */
    rows_add(&counts, 3, 11, 6, 2);
    rows_add(&counts, 7, 11, 1, 0);
    rows_add(&counts, 3, 12, 1, 1);
    assert_true(row_counts_tell(&counts, 12));
    assert_true(whole(&counts, 3, 11));
    assert_true(whole(&counts, 7, 11));
    assert_false(whole(&counts, 3, 12));
    assert_int_equal(counts.count, 3);
    assert_null(row_counts_find(&counts, 7, 12));
    row_counts_free(&counts);
}

static void all_rows_of_a_table_gone(void **state)
{
    (void)state;
    struct row_counts counts = {0};
    row_counts_add_total(&counts, 3, 11, 5, 1);
    assert_true(row_counts_tell(&counts, 6));
    assert_false(whole(&counts, 3, 11));
    row_counts_free(&counts);
}

static void a_row_that_is_missing_in_totals_and_rows_alike(void **state)
{
    (void)state;
    struct row_counts counts = {0};
    row_counts_add_total(&counts, 3, 11, 5, 0);
    rows_add(&counts, 3, 11, 5, 0);
    assert_true(whole(&counts, 3, 11));
    assert_false(row_counts_tell(&counts, 6)); /* progress knows */
    row_counts_free(&counts);
}

static void totals_that_were_lost_tell_nothing(void **state)
{
    (void)state;
    struct row_counts counts = {0};
    rows_add(&counts, 3, 11, 5, 0);
    assert_false(row_counts_tell(&counts, 6));
    row_counts_free(&counts);
}

static void void_rows_and_rows_too_many_count_too(void **state)
{
    (void)state;
    struct row_counts counts = {0};
    row_counts_add_total(&counts, 3, 11, 5, 1);
    row_counts_add_total(&counts, 3, 12, 5, 1);
    rows_add(&counts, 3, 11, 5, 0); /* a grab that was cancelled would be sold by a late record of it */
    rows_add(&counts, 3, 12, 6, 1);
    assert_true(row_counts_tell(&counts, 12));
    assert_false(whole(&counts, 3, 11));
    assert_false(whole(&counts, 3, 12));
    row_counts_free(&counts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_coupon_whose_rows_are_gone),
        cmocka_unit_test(all_rows_of_a_table_gone),
        cmocka_unit_test(a_row_that_is_missing_in_totals_and_rows_alike),
        cmocka_unit_test(totals_that_were_lost_tell_nothing),
        cmocka_unit_test(void_rows_and_rows_too_many_count_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
