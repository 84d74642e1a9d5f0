/* What readiness says of partitions that store nothing: an assignment that does not come, alarms, and who waits. */
#include "workers/idle.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <string.h>

enum { NOW_MS = 100000 };

static char why[2 * SEAT_WHY_BYTES_MAX];

static enum idle_verdict tell(const struct seat_view *views, int32_t count)
{
    struct idle idle = {0};
    for (int32_t i = 0; i < count; i++)
        idle_add(&idle, i, &views[i]);
    return idle_tell(&idle, NOW_MS, why, sizeof why);
}

static void all_are_stored(void **state)
{
    (void)state;
    const struct seat_view views[] = {{.assigned = true}, {.assigned = true}};
    assert_int_equal(tell(views, 2), IDLE_NONE);
    assert_string_equal(why, "");
}

static void an_empty_assignment_is_one(void **state)
{
    (void)state;
    const struct seat_view views[] = {{.assigned = false}, {.assigned = false}};
    assert_int_equal(tell(views, 2), IDLE_NONE);
}

static void an_assignment_that_does_not_come(void **state)
{
    (void)state;
    struct seat_view view = {.awaited_ms = NOW_MS};
    assert_int_equal(tell(&view, 1), IDLE_UNDECIDED);
    view.awaited_ms = NOW_MS - IDLE_AWAITED_MS + 1;
    assert_int_equal(tell(&view, 1), IDLE_UNDECIDED); /* a rebalance of moments */
    assert_string_equal(why, "");
    view.awaited_ms = NOW_MS - IDLE_AWAITED_MS;
    assert_int_equal(tell(&view, 1), IDLE_SOME);
    assert_string_equal(why, "no partitions are assigned yet, for 5 s");
    view.awaited_ms = NOW_MS - 61999;
    assert_int_equal(tell(&view, 1), IDLE_SOME);
    assert_string_equal(why, "no partitions are assigned yet, for 61 s");
}

static void the_first_alarm_goes_before_all(void **state)
{
    (void)state;
    const struct seat_view views[] = {{.assigned = true, .waits = "the row is locked"},
                                      {.assigned = true, .alarm = "the log is short"},
                                      {.assigned = true, .alarm = "the topic was made anew"}};
    assert_int_equal(tell(views, 3), IDLE_SOME);
    assert_string_equal(why, "the log is short");
}

static void who_waits_for_whom(void **state)
{
    (void)state;
    struct seat_view views[] = {{.assigned = true, .let_go = true},
                                {.assigned = true, .waits = "the row is locked"},
                                {.assigned = true, .waits = "the shard is away"}};
    assert_int_equal(tell(views, 3), IDLE_SOME);
    assert_string_equal(why, "2 partitions cannot be taken over yet, the first is 1: the row is locked");
    assert_int_equal(tell(views, 1), IDLE_SOME);
    assert_string_equal(why, "1 partitions have another owner, or none, and wait to be assigned again");
    views[0].assigned = false; /* taken back since */
    assert_int_equal(tell(views, 1), IDLE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_stored),
        cmocka_unit_test(an_empty_assignment_is_one),
        cmocka_unit_test(an_assignment_that_does_not_come),
        cmocka_unit_test(the_first_alarm_goes_before_all),
        cmocka_unit_test(who_waits_for_whom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
