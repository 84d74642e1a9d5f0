/* Where group and writers meet: a revocation waits for the writer, an old generation holds nothing, wishes are taken
 * once. */
#include "workers/seats.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include "core/clock.h"
#include <pthread.h>
#include <string.h>

static void a_wish_is_taken_once(void **state)
{
    (void)state;
    struct seats *seats = seats_new(2, 1);
    int64_t offset;
    seats_want_begin(seats, 1, 5); /* not assigned: no wish */
    assert_int_equal(seats_take_wish(seats, 1, &offset), SEAT_NOTHING);
    seats_assign(seats, 1);
    seats_want_end(seats, 1);
    seats_want_begin(seats, 1, 42);
    assert_int_equal(seats_take_wish(seats, 1, &offset), SEAT_BEGIN);
    assert_int_equal(offset, 42);
    assert_int_equal(seats_take_wish(seats, 1, &offset), SEAT_NOTHING);
    seats_free(seats);
}

static void a_begin_lasts_until_the_last_one_is_done(void **state)
{
    (void)state;
    struct seats *seats = seats_new(1, 1);
    const int32_t none = 0;
    int64_t offset;
    seats_want_begin(seats, 0, 5); /* not assigned: no wish */
    assert_false(seats_beginning(seats, 0));
    seats_assign(seats, 0);
    seats_want_begin(seats, 0, 5);
    assert_true(seats_beginning(seats, 0));
    assert_int_equal(seats_take_wish(seats, 0, &offset), SEAT_BEGIN);
    assert_true(seats_beginning(seats, 0)); /* taken is not done */
    seats_want_begin(seats, 0, 3);
    seats_began(seats, 0); /* the one at 5 */
    assert_true(seats_beginning(seats, 0));
    assert_int_equal(seats_take_wish(seats, 0, &offset), SEAT_BEGIN);
    assert_int_equal(offset, 3);
    seats_began(seats, 0);
    assert_false(seats_beginning(seats, 0));
    seats_want_begin(seats, 0, 7);
    assert_true(seats_revoke(seats, &none, 1, 0));
    assert_false(seats_beginning(seats, 0));
    seats_free(seats);
}

static void an_old_generation_holds_nothing(void **state)
{
    (void)state;
    struct seats *seats = seats_new(1, 1);
    const int32_t none = 0;
    uint32_t before, after;
    assert_false(seats_assigned(seats, 0, &before));
    seats_assign(seats, 0);
    assert_true(seats_assigned(seats, 0, &before));
    assert_true(seats_revoke(seats, &none, 1, 0));
    assert_false(seats_hold(seats, 0, before));
    seats_assign(seats, 0);
    assert_true(seats_assigned(seats, 0, &after));
    assert_false(seats_hold(seats, 0, before));
    assert_true(seats_hold(seats, 0, after));
    seats_free(seats);
}

static void *release_later(void *arg)
{
    clock_sleep_ms(30);
    seats_release(arg, 0);
    return NULL;
}

static void a_revocation_waits_for_the_writer(void **state)
{
    (void)state;
    struct seats *seats = seats_new(1, 1);
    const int32_t zero = 0;
    uint32_t generation;
    pthread_t writer;
    seats_assign(seats, 0);
    assert_true(seats_assigned(seats, 0, &generation));
    assert_true(seats_hold(seats, 0, generation));
    assert_false(seats_revoke(seats, &zero, 1, 10)); /* it holds on, and the wait is bounded */
    assert_int_equal(pthread_create(&writer, NULL, release_later, seats), 0);
    assert_true(seats_revoke(seats, &zero, 1, 5000));
    pthread_join(writer, NULL);
    seats_free(seats);
}

static void alarms_are_seen_and_end_with_the_assignment(void **state)
{
    (void)state;
    struct seats *seats = seats_new(1, 1);
    const int32_t zero = 0;
    struct seat_view view;
    seats_assign(seats, 0);
    assert_true(seats_alarm(seats, 0, "the log is short"));
    assert_false(seats_alarm(seats, 0, "the log is short"));
    seats_view(seats, 0, &view);
    assert_string_equal(view.alarm, "the log is short");
    assert_true(seats_revoke(seats, &zero, 1, 0));
    seats_view(seats, 0, &view);
    assert_string_equal(view.alarm, "");
    seats_free(seats);
}

static void a_wait_is_seen_until_it_ends(void **state)
{
    (void)state;
    struct seats *seats = seats_new(1, 1);
    const int32_t zero = 0;
    struct seat_view view;
    seats_tell_wait(seats, 0, "the row is locked"); /* of a writer that does not know yet that it was taken back */
    seats_view(seats, 0, &view);
    assert_string_equal(view.waits, "");
    seats_assign(seats, 0);
    seats_tell_wait(seats, 0, "the row is locked");
    seats_view(seats, 0, &view);
    assert_string_equal(view.waits, "the row is locked");
    seats_tell_wait(seats, 0, NULL);
    seats_view(seats, 0, &view);
    assert_string_equal(view.waits, "");
    seats_tell_wait(seats, 0, "the shard is away");
    assert_true(seats_revoke(seats, &zero, 1, 0));
    seats_view(seats, 0, &view);
    assert_string_equal(view.waits, "");
    seats_free(seats);
}

static void a_partition_that_was_let_go_gets_stuck_until_assigned(void **state)
{
    (void)state;
    struct seats *seats = seats_new(1, 1);
    seats_assign(seats, 0);
    seats_let_go(seats, 0);
    assert_false(seats_stuck(seats, 60000));
    clock_sleep_ms(3);
    assert_true(seats_stuck(seats, 1));
    seats_assign(seats, 0);
    assert_false(seats_stuck(seats, 1));
    seats_free(seats);
}

/* Not assigned is no word of the group's until one has come; an empty one is a word. */
static void an_assignment_is_awaited_until_it_is_whole(void **state)
{
    (void)state;
    struct seats *seats = seats_new(2, 77);
    const int32_t zero = 0;
    struct seat_view view;
    seats_view(seats, 1, &view);
    assert_true(!view.assigned && view.awaited_ms == 77);
    seats_assign(seats, 0);
    seats_view(seats, 1, &view);
    assert_int_equal(view.awaited_ms, 77); /* the other one may be ours, too */
    seats_whole(seats);
    seats_view(seats, 1, &view);
    assert_true(!view.assigned && view.awaited_ms == 0);
    const int64_t before_ms = clock_boottime_ms();
    assert_true(seats_revoke(seats, &zero, 1, 0));
    assert_in_range(seats_awaited_ms(seats), before_ms, clock_boottime_ms());
    clock_sleep_ms(3);
    const int64_t awaited_ms = seats_awaited_ms(seats);
    assert_true(seats_revoke(seats, &zero, 0, 0));
    assert_int_equal(seats_awaited_ms(seats), awaited_ms);
    seats_whole(seats);
    assert_int_equal(seats_awaited_ms(seats), 0);
    assert_true(seats_revoke(seats, &zero, 0, 0)); /* of an empty one */
    assert_int_not_equal(seats_awaited_ms(seats), 0);
    seats_free(seats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wish_is_taken_once),
        cmocka_unit_test(a_begin_lasts_until_the_last_one_is_done),
        cmocka_unit_test(an_old_generation_holds_nothing),
        cmocka_unit_test(a_revocation_waits_for_the_writer),
        cmocka_unit_test(alarms_are_seen_and_end_with_the_assignment),
        cmocka_unit_test(a_wait_is_seen_until_it_ends),
        cmocka_unit_test(an_assignment_is_awaited_until_it_is_whole),
        cmocka_unit_test(a_partition_that_was_let_go_gets_stuck_until_assigned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
