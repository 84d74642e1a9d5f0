/* The sweep's steps, under every outcome; and the wait that puts CANCEL behind every grab that was answered success. */
#include "protocol/sweep.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

static void done_goes_on_in_order(void **state)
{
    (void)state;
    static const enum sweep_step order[] = {SWEEP_CANCEL, SWEEP_WAIT, SWEEP_APPEND, SWEEP_FOLD,
                                            SWEEP_FINISH, SWEEP_DONE, SWEEP_DONE};
    for (size_t i = 0; i + 1 < sizeof order / sizeof *order; i++)
        assert_int_equal(sweep_next(order[i], STEP_DONE), order[i + 1]);
}

static void lost_ends_it(void **state)
{
    (void)state;
    for (int at = SWEEP_CANCEL; at <= SWEEP_DONE; at++)
        assert_int_equal(sweep_next((enum sweep_step)at, STEP_LOST), SWEEP_DONE);
}

static void no_answer_repeats_the_step(void **state)
{
    (void)state;
    for (int at = SWEEP_CANCEL; at <= SWEEP_DONE; at++)
        assert_int_equal(sweep_next((enum sweep_step)at, STEP_NO_ANSWER), at);
}

static void the_wait_is_more_than_half_the_hold(void **state)
{
    (void)state;
    for (int64_t hold_ms = 1; hold_ms < 100000; hold_ms += 37)
        assert_true(step_wait_ms(hold_ms) * 2 > hold_ms);
    assert_int_equal(step_wait_ms(10000), 5250);
    assert_int_equal(sweep_wait_ms(10000), 5250);
}

static void what_is_due(void **state)
{
    (void)state;
    enum { NOW = 100000, HOLD = 10000 };
    assert_true(sweep_due(false, NOW, NOW, HOLD));
    assert_false(sweep_due(false, NOW + 1, NOW, HOLD));
    assert_false(sweep_due(false, NOW + HOLD, NOW, HOLD));
    assert_true(sweep_due(true, NOW + HOLD, NOW, HOLD)); /* another sweeper took it, and may be dead */
    assert_false(sweep_due(false, NOW + HOLD + SWEEP_SCAN_MS_MAX, NOW, HOLD));    /* reserved while marks were read */
    assert_true(sweep_due(false, NOW + HOLD + SWEEP_SCAN_MS_MAX + 1, NOW, HOLD)); /* the clock was stepped back */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(done_goes_on_in_order),
        cmocka_unit_test(lost_ends_it),
        cmocka_unit_test(no_answer_repeats_the_step),
        cmocka_unit_test(the_wait_is_more_than_half_the_hold),
        cmocka_unit_test(what_is_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
