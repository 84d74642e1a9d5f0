/* Quantiles are right within 1/32, at every size of value. */
#include "core/hist.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdlib.h>

static void an_empty_histogram_answers_zero(void **state)
{
    (void)state;
    static struct hist hist;
    assert_int_equal(hist_quantile(&hist, 0.5), 0);
}

static void small_values_are_exact(void **state)
{
    (void)state;
    static struct hist hist;
    for (uint64_t us = 1; us <= 20; us++)
        hist_record(&hist, us);
    assert_int_equal(hist_quantile(&hist, 0.0), 1);
    assert_int_equal(hist_quantile(&hist, 0.05), 1);
    assert_int_equal(hist_quantile(&hist, 0.5), 10);
    assert_int_equal(hist_quantile(&hist, 0.95), 19);
    assert_int_equal(hist_quantile(&hist, 1.0), 20);
    assert_int_equal(hist_quantile(&hist, 7.0), 20);
    assert_int_equal(hist_quantile(&hist, -1.0), 1);
    assert_int_equal(hist.sum_us, 210);
}

/* One value alone, and a larger one so that the maximum does not hide the bucket's edge. */
static void every_size_is_right_within_a_32nd(void **state)
{
    (void)state;
    for (uint64_t us = 1; us < (uint64_t)1 << 43; us += us / 7 + 1) {
        struct hist *hist = calloc(1, sizeof *hist);
        hist_record(hist, us);
        hist_record(hist, us * 2 + 1);
        uint64_t got = hist_quantile(hist, 0.5);
        assert_in_range(got, us, us + us / 32);
        free(hist);
    }
}

static void quantiles_of_many(void **state)
{
    (void)state;
    static struct hist hist;
    for (uint64_t us = 1; us <= 100000; us++)
        hist_record(&hist, us);
    assert_in_range(hist_quantile(&hist, 0.5), 50000, 51600);
    assert_in_range(hist_quantile(&hist, 0.99), 99000, 100000);
    assert_int_equal(hist_quantile(&hist, 1.0), 100000);
}

static void huge_values_keep_their_maximum(void **state)
{
    (void)state;
    static struct hist hist;
    hist_record(&hist, 5);
    hist_record(&hist, UINT64_MAX);
    assert_int_equal(hist_quantile(&hist, 0.5), 5);
    assert_int_equal(hist_quantile(&hist, 1.0), UINT64_MAX);
}

static void merging_is_as_if_recorded_in_one(void **state)
{
    (void)state;
    static struct hist one, two, all;
    for (uint64_t us = 1; us <= 5000; us++) {
        hist_record(us % 3 ? &one : &two, us * 11);
        hist_record(&all, us * 11);
    }
    hist_merge(&one, &two);
    assert_memory_equal(&one, &all, sizeof all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_histogram_answers_zero),   cmocka_unit_test(small_values_are_exact),
        cmocka_unit_test(every_size_is_right_within_a_32nd), cmocka_unit_test(quantiles_of_many),
        cmocka_unit_test(huge_values_keep_their_maximum),    cmocka_unit_test(merging_is_as_if_recorded_in_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
