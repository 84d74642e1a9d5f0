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
    assert_false(whole(&counts, 3, 11));
    row_counts_free(&counts);
}

static void void_rows_count_too_and_more_rows_do_no_harm(void **state)
{
    (void)state;
    struct row_counts counts = {0};
    row_counts_add_total(&counts, 3, 11, 5, 1);
    row_counts_add_total(&counts, 3, 12, 5, 1);
    row_counts_add_total(&counts, 3, 13, 5, 1);
    rows_add(&counts, 3, 11, 5, 0); /* a grab that was cancelled would be sold by a late record of it */
    rows_add(&counts, 3, 12, 6, 1);
    rows_add(&counts, 3, 13, 4, 2); /* one too many of the other kind makes up for nothing */
    assert_false(whole(&counts, 3, 11));
    assert_true(whole(&counts, 3, 12));
    assert_false(whole(&counts, 3, 13));
    row_counts_free(&counts);
}

static void totals_tell_when_no_partition_has_lost_some(void **state)
{
    (void)state;
    static const uint64_t progress[] = {6, 0, 4}, same[] = {6, 0, 4}, more[] = {6, 9, 4}, fewer[] = {5, 9, 4};
    assert_true(row_counts_tell(same, progress, 3));
    assert_true(row_counts_tell(more, progress, 3));   /* a progress row was made anew: it counts from 0 */
    assert_false(row_counts_tell(fewer, progress, 3)); /* another partition's make up for nothing */
    assert_true(row_counts_tell(NULL, NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_coupon_whose_rows_are_gone),
        cmocka_unit_test(all_rows_of_a_table_gone),
        cmocka_unit_test(void_rows_count_too_and_more_rows_do_no_harm),
        cmocka_unit_test(totals_tell_when_no_partition_has_lost_some),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
