/* The schedule: intended times to the microsecond, without drift, and the count of due requests as their exact
 * inverse. */
#include "bench/storm/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_intended_times(void **state)
{
    (void)state;
    struct schedule s = {.rate = 3, .count = 100};
    assert_int_equal(schedule_due_us(&s, 0), 0);
    assert_int_equal(schedule_due_us(&s, 1), 333333);
    assert_int_equal(schedule_due_us(&s, 2), 666666);
    assert_int_equal(schedule_due_us(&s, 3), 1000000);
    assert_int_equal(schedule_last_us(&s), 33000000);
}

static void test_no_drift(void **state)
{
    (void)state;
    static const uint64_t rates[] = {1, 3, 7, 999, 1000, 33333, 199999, SCHEDULE_RATE_MAX};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct schedule s = {.rate = rates[i], .count = UINT64_MAX};
        for (uint64_t second = 0; second <= SCHEDULE_SECONDS_MAX; second += 17) {
            assert_int_equal(schedule_due_us(&s, second * rates[i]), second * 1000000);
        }
    }
}

static void test_due_count_is_the_inverse(void **state)
{
    (void)state;
    static const uint64_t rates[] = {1, 3, 7, 999, 1000, 33333, 199999, SCHEDULE_RATE_MAX};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct schedule s = {.rate = rates[i], .count = 20000};
        for (uint64_t index = 0; index < s.count; index += index < 100 ? 1 : 61) {
            uint64_t due_us = schedule_due_us(&s, index);
            assert_int_equal(schedule_due_count(&s, due_us), index + 1);
            if (index > 0) { /* due times differ at every allowed rate */
                assert_int_equal(schedule_due_count(&s, due_us - 1), index);
            }
        }
    }
}

static void test_count_is_the_end(void **state)
{
    (void)state;
    struct schedule s = {.rate = 1000, .count = 5};
    assert_int_equal(schedule_due_count(&s, 0), 1);
    assert_int_equal(schedule_due_count(&s, 3999), 4);
    assert_int_equal(schedule_due_count(&s, 4000), 5);
    assert_int_equal(schedule_due_count(&s, 3600ull * 1000000), 5);
}

static void test_burst_is_due_at_once(void **state)
{
    (void)state;
    struct schedule s = {.burst = true, .count = 700};
    assert_int_equal(schedule_due_count(&s, 0), 700);
    assert_int_equal(schedule_due_us(&s, 699), 0);
    assert_int_equal(schedule_last_us(&s), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_intended_times),           cmocka_unit_test(test_no_drift),
        cmocka_unit_test(test_due_count_is_the_inverse), cmocka_unit_test(test_count_is_the_end),
        cmocka_unit_test(test_burst_is_due_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
