/* Delays grow to their bound, stay inside half and whole of their step, and begin small again. */
#include "workers/retry.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

static void delays_double_up_to_the_bound(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct retry retry;
        retry_init(&retry, 50, 5000, seed);
        int64_t step_ms = 50;
        for (int i = 0; i < 40; i++) {
            assert_in_range(retry_next_ms(&retry), step_ms / 2, step_ms);
            step_ms = step_ms * 2 > 5000 ? 5000 : step_ms * 2;
        }
        retry_reset(&retry);
        assert_in_range(retry_next_ms(&retry), 25, 50);
    }
}

static void seeds_differ(void **state)
{
    (void)state;
    struct retry one, two;
    retry_init(&one, 1000, 100000, 1);
    retry_init(&two, 1000, 100000, 2);
    int same = 0;
    for (int i = 0; i < 20; i++)
        same += retry_next_ms(&one) == retry_next_ms(&two);
    assert_true(same < 5);
}

static void the_smallest_delay_is_no_busy_loop(void **state)
{
    (void)state;
    struct retry retry;
    retry_init(&retry, 1, 1, 7);
    for (int i = 0; i < 10; i++)
        assert_int_equal(retry_next_ms(&retry), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delays_double_up_to_the_bound),
        cmocka_unit_test(seeds_differ),
        cmocka_unit_test(the_smallest_delay_is_no_busy_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
