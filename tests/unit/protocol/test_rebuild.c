/* First open and rebuild: every step under every outcome, what counts as a valid mark, and what a coupon needs. */
#include "protocol/fold.h"
#include "protocol/rebuild.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

static const struct mark_view good = {.state = MARK_OPEN, .epoch = 4, .same_server = true, .whole = true};

static void only_a_whole_mark_of_this_epoch_and_server_is_valid(void **state)
{
    (void)state;
    struct mark_view mark = good;
    assert_true(mark_valid(&mark, 4));
    assert_false(mark_valid(&mark, 5)); /* a rebuild has begun */
    assert_false(mark_valid(&mark, 3)); /* the catalog came back old: not by our assumption, and not valid */
    mark.state = MARK_CLOSED;
    assert_true(mark_valid(&mark, 4));
    mark.state = MARK_BUILDING;
    assert_false(mark_valid(&mark, 4));
    mark.state = MARK_MISSING;
    assert_false(mark_valid(&mark, 4));
    mark = good;
    mark.same_server = false;
    assert_false(mark_valid(&mark, 4));
    mark = good;
    mark.whole = false;
    assert_false(mark_valid(&mark, 4));
}

static void a_word_that_is_none_is_no_open_mark(void **state)
{
    (void)state;
    assert_int_equal(mark_state_of(""), MARK_MISSING);
    assert_int_equal(mark_state_of("open"), MARK_OPEN);
    assert_int_equal(mark_state_of("closed"), MARK_CLOSED);
    static const char *const others[] = {"building", "ope", "opened", "OPEN", " open", "x"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(mark_state_of(others[i]), MARK_BUILDING);
}

static void what_a_coupon_needs(void **state)
{
    (void)state;
    struct mark_view missing = {.state = MARK_MISSING};
    struct mark_view building = {.state = MARK_BUILDING, .epoch = 4, .same_server = true};
    assert_int_equal(coupon_need(0, true, &missing, 4), COUPON_NEEDS_FIRST_OPEN);
    assert_int_equal(coupon_need(0, false, &missing, 4), COUPON_NEEDS_NOTHING); /* never opened, and not to be */
    assert_int_equal(coupon_need(0, true, &good, 4), COUPON_NEEDS_FIRST_OPEN);  /* the catalog decides, not Redis */
    assert_int_equal(coupon_need(2, true, &good, 4), COUPON_NEEDS_NOTHING);
    assert_int_equal(coupon_need(2, true, &good, 5), COUPON_NEEDS_REBUILD);
    assert_int_equal(coupon_need(2, false, &missing, 4),
                     COUPON_NEEDS_REBUILD); /* closed by an admin: still owed to its buyers */
    assert_int_equal(coupon_need(4, true, &building, 4), COUPON_NEEDS_REBUILD); /* left half done */
}

static void first_open_goes_in_order_or_stops(void **state)
{
    (void)state;
    static const enum open_step order[] = {OPEN_READ,  OPEN_CLAIM, OPEN_BUILDING, OPEN_LOOK,
                                           OPEN_WRITE, OPEN_DONE,  OPEN_DONE};
    for (size_t i = 0; i + 1 < sizeof order / sizeof *order; i++) {
        assert_int_equal(open_next(order[i], STEP_DONE), order[i + 1]);
        assert_int_equal(open_next(order[i], STEP_LOST), OPEN_STOP);
        assert_int_equal(open_next(order[i], STEP_NO_ANSWER), OPEN_STOP); /* building is sent once */
    }
    assert_int_equal(open_next(OPEN_STOP, STEP_DONE), OPEN_STOP);
}

static void rebuild_goes_in_order(void **state)
{
    (void)state;
    static const enum rebuild_step order[] = {REBUILD_RAISE,   REBUILD_LIST, REBUILD_CLOSE, REBUILD_WAIT,
                                              REBUILD_BARRIER, REBUILD_FOLD, REBUILD_LOOK,  REBUILD_CLAIMS,
                                              REBUILD_OPEN,    REBUILD_DONE, REBUILD_DONE};
    for (size_t i = 0; i + 1 < sizeof order / sizeof *order; i++)
        assert_int_equal(rebuild_next(order[i], STEP_DONE, true), order[i + 1]);
    assert_int_equal(rebuild_next(REBUILD_STOP, STEP_DONE, true), REBUILD_STOP);
}

static void it_folds_in_parts_and_opens_behind_the_last(void **state)
{
    (void)state;
    for (int at = REBUILD_RAISE; at <= REBUILD_STOP; at++) {
        enum rebuild_step next = rebuild_next((enum rebuild_step)at, STEP_DONE, true);
        assert_int_equal(rebuild_next((enum rebuild_step)at, STEP_DONE, false),
                         at == REBUILD_CLAIMS ? REBUILD_FOLD : next);
    }
    assert_int_equal(rebuild_next(REBUILD_CLAIMS, STEP_LOST, false), REBUILD_STOP);
}

static void rebuild_repeats_only_what_does_no_harm(void **state)
{
    (void)state;
    for (int at = REBUILD_RAISE; at <= REBUILD_STOP; at++) {
        bool again = at == REBUILD_LIST || at == REBUILD_BARRIER;
        assert_int_equal(rebuild_next((enum rebuild_step)at, STEP_NO_ANSWER, true), again ? at : REBUILD_STOP);
        assert_int_equal(rebuild_next((enum rebuild_step)at, STEP_LOST, true), REBUILD_STOP);
    }
}

static void it_lists_what_was_open_before_its_epoch(void **state)
{
    (void)state;
    assert_false(rebuild_lists(0, 5));
    assert_true(rebuild_lists(1, 5));
    assert_true(rebuild_lists(4, 5));
    assert_false(rebuild_lists(5, 5)); /* first opened under this epoch: its stock is right */
    assert_false(rebuild_lists(6, 5));
}

static void foreign_barriers_stop_it_from_its_own_epoch_on(void **state)
{
    (void)state;
    assert_true(rebuild_meets_foreign(5, 5, false));
    assert_true(rebuild_meets_foreign(6, 5, false));
    assert_false(rebuild_meets_foreign(4, 5, false));
    assert_false(rebuild_meets_foreign(5, 5, true));
}

static void what_is_left_is_never_below_nothing(void **state)
{
    (void)state;
    uint64_t left = 77;
    assert_false(rebuild_left(10, 11, &left));
    assert_int_equal(left, 77);
    assert_true(rebuild_left(10, 10, &left));
    assert_int_equal(left, 0);
    assert_true(rebuild_left(10, 3, &left));
    assert_int_equal(left, 7);
}

static void the_epoch_passes_all_that_was_seen(void **state)
{
    (void)state;
    assert_int_equal(rebuild_epoch(4, 0), 5);
    assert_int_equal(rebuild_epoch(4, 4), 5);
    assert_int_equal(rebuild_epoch(4, 9), 10);
}

static void an_epoch_that_no_rebuild_can_pass_is_not_seen(void **state)
{
    (void)state;
    assert_int_equal(rebuild_see_epoch(4, 9), 9);
    assert_int_equal(rebuild_see_epoch(9, 4), 9);
    assert_int_equal(rebuild_see_epoch(4, EPOCH_MAX), EPOCH_MAX);
    assert_int_equal(rebuild_see_epoch(4, EPOCH_MAX + 1), 4);
    assert_int_equal(rebuild_see_epoch(4, INT64_MAX), 4);
    assert_int_equal(rebuild_see_epoch(4, UINT64_MAX), 4); /* a mark's below zero */
}

static void progress_that_lacks_records_knows_not_all(void **state)
{
    (void)state;
    assert_true(rebuild_knows_all(0, 0));
    assert_true(rebuild_knows_all(7, 7));
    assert_false(rebuild_knows_all(0, 7)); /* put back, by README's repair of a log that was made anew */
    assert_false(rebuild_knows_all(3, 7));
    assert_false(rebuild_knows_all(7, 6)); /* put forward, over a record that was lost */
    assert_false(rebuild_knows_all(7, 0)); /* `weir init --at-end` */
}

static void the_wait_is_by_the_longest_hold(void **state)
{
    (void)state;
    assert_int_equal(rebuild_wait_ms(10000, 0), step_wait_ms(10000));
    assert_int_equal(rebuild_wait_ms(10000, 30000), step_wait_ms(30000)); /* a mark's, longer than any row's by now */
    assert_int_equal(rebuild_wait_ms(30000, 10000), step_wait_ms(30000));
}

/* ---- whose turn it is ---- */

enum { WAIT_MS = 5250 };

static void who_was_not_overtaken_raises_at_once(void **state)
{
    (void)state;
    struct rebuild_turn turn = {0};
    assert_true(rebuild_may_raise(&turn, 7, WAIT_MS, 100)); /* it has raised nothing: whoever raised 7 may be dead */
    rebuild_raised(&turn, 8);
    assert_true(rebuild_may_raise(&turn, 8, WAIT_MS, 200)); /* its own came to nothing, and nobody is above it */
}

static void who_was_overtaken_gives_the_other_its_time(void **state)
{
    (void)state;
    struct rebuild_turn turn = {0};
    rebuild_raised(&turn, 8);
    assert_false(rebuild_may_raise(&turn, 9, WAIT_MS, 1000));
    assert_false(rebuild_may_raise(&turn, 9, WAIT_MS, 1000 + WAIT_MS - 1));
    assert_true(rebuild_may_raise(&turn, 9, WAIT_MS, 1000 + WAIT_MS)); /* it has died */
    rebuild_raised(&turn, 10);
    assert_true(rebuild_may_raise(&turn, 10, WAIT_MS, 20000));
    assert_false(rebuild_may_raise(&turn, 11, WAIT_MS, 20000)); /* it had not: twice as long */
    assert_false(rebuild_may_raise(&turn, 11, WAIT_MS, 20000 + 2 * WAIT_MS - 1));
    assert_false(rebuild_may_raise(&turn, 12, WAIT_MS, 20000 + 2 * WAIT_MS)); /* a third one's, four times */
    assert_true(rebuild_may_raise(&turn, 12, WAIT_MS, 20000 + 6 * WAIT_MS));
}

static void when_all_is_open_nobody_was_overtaken(void **state)
{
    (void)state;
    struct rebuild_turn turn = {0};
    rebuild_raised(&turn, 8);
    assert_false(rebuild_may_raise(&turn, 9, WAIT_MS, 1000));
    rebuild_all_open(&turn);
    assert_true(rebuild_may_raise(&turn, 9, WAIT_MS, 1001));
    rebuild_raised(&turn, 10);
    assert_false(rebuild_may_raise(&turn, 11, WAIT_MS, 2000));
    assert_true(rebuild_may_raise(&turn, 11, WAIT_MS, 2000 + WAIT_MS)); /* begins at the shortest again */
}

/* Kafka is away: the lease goes round among keepers that all leave their rebuilds by themselves, for hours. */
static void who_left_its_rebuild_by_itself_was_not_overtaken(void **state)
{
    (void)state;
    struct rebuild_turn turn = {0};
    for (uint64_t epoch = 1; epoch < 200; epoch += 2) {
        assert_true(rebuild_may_raise(&turn, epoch, WAIT_MS, 1000));
        rebuild_raised(&turn, epoch);
        rebuild_stopped(&turn, REBUILD_BARRIER, STEP_LOST); /* it leads no more and cannot append */
    }
    assert_true(rebuild_may_raise(&turn, 200, WAIT_MS, 1000));
}

static void what_counts_as_overtaken(void **state)
{
    (void)state;
    for (enum rebuild_step at = REBUILD_RAISE; at < REBUILD_DONE; at++) {
        for (enum step_outcome outcome = STEP_LOST; outcome <= STEP_NO_ANSWER; outcome++) {
            struct rebuild_turn turn = {0};
            rebuild_raised(&turn, 8);
            rebuild_stopped(&turn, at, outcome);
            assert_int_equal(rebuild_may_raise(&turn, 9, WAIT_MS, 1000),
                             outcome == STEP_NO_ANSWER || (at != REBUILD_FOLD && at != REBUILD_LOOK));
        }
    }
}

static void the_rest_grows_past_any_rebuild_and_is_bounded(void **state)
{
    (void)state;
    struct rebuild_turn turn = {0};
    int64_t now_ms = 0;
    for (uint64_t epoch = 1; epoch < 200; epoch += 2) {
        rebuild_raised(&turn, epoch);
        assert_false(rebuild_may_raise(&turn, epoch + 1, WAIT_MS, now_ms));
        assert_true(turn.until_ms - now_ms <= REBUILD_TURN_MS_MAX);
        now_ms = turn.until_ms;
        assert_true(rebuild_may_raise(&turn, epoch + 1, WAIT_MS, now_ms));
    }
    assert_false(rebuild_may_raise(&turn, 201, WAIT_MS, now_ms));
    assert_int_equal(turn.until_ms - now_ms, REBUILD_TURN_MS_MAX);
}

/* Two that both see that something is owed at each moment, and whose rebuilds last as long as here: one of them ends,
 * and not after many tries. */
static void one_of_two_ends(int64_t lasts_ms, int64_t look_ms, int tries_max)
{
    struct {
        struct rebuild_turn turn;
        uint64_t epoch; /* of the rebuild that it is at; 0: none */
        int64_t begun_ms;
    } keeper[2] = {0};
    uint64_t catalog = 1;
    int tries = 0;
    for (int64_t now_ms = 0; tries <= tries_max; now_ms += look_ms) {
        for (int i = 0; i < 2; i++) {
            bool over = keeper[i].epoch > 0 && now_ms - keeper[i].begun_ms >= lasts_ms;
            if (over && keeper[i].epoch == catalog)
                return;
            if (over) {
                keeper[i].epoch = 0;
                rebuild_stopped(&keeper[i].turn, REBUILD_LOOK, STEP_LOST);
            }
            if (keeper[i].epoch > 0 || !rebuild_may_raise(&keeper[i].turn, catalog, WAIT_MS, now_ms))
                continue;
            keeper[i].epoch = ++catalog;
            keeper[i].begun_ms = now_ms;
            rebuild_raised(&keeper[i].turn, catalog);
            tries++;
        }
    }
    fail_msg("rebuilds of %lld ms, %d tries, and none has ended", (long long)lasts_ms, tries);
}

static void two_that_both_lead_come_to_an_end(void **state)
{
    (void)state;
    one_of_two_ends(WAIT_MS, 200, 3);
    one_of_two_ends(WAIT_MS + 1000, 10, 3);
    one_of_two_ends(30000, 200, 8);
    one_of_two_ends(REBUILD_TURN_MS_MAX / 2, 200, 24);
}

static void where_a_fold_begins(void **state)
{
    (void)state;
    assert_int_equal(rebuild_fold_begin(7, 3, 9, 4), FOLD_READ_LOG);
    assert_int_equal(rebuild_fold_begin(9, 3, 9, 4), FOLD_READ_LOG); /* the BARRIER itself is the next */
    assert_int_equal(rebuild_fold_begin(10, 4, 9, 4), FOLD_HAS_ALL);
    assert_int_equal(rebuild_fold_begin(7, 4, 9, 4), FOLD_READ_LOG); /* an earlier one of its own */
    assert_int_equal(rebuild_fold_begin(7, 5, 9, 4), FOLD_FOREIGN);
    assert_int_equal(rebuild_fold_begin(12, 5, 9, 4), FOLD_FOREIGN);
    assert_int_equal(rebuild_fold_begin(10, 3, 9, 4), FOLD_OTHER_LOG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_epoch_passes_all_that_was_seen),
        cmocka_unit_test(an_epoch_that_no_rebuild_can_pass_is_not_seen),
        cmocka_unit_test(progress_that_lacks_records_knows_not_all),
        cmocka_unit_test(the_wait_is_by_the_longest_hold),
        cmocka_unit_test(where_a_fold_begins),
        cmocka_unit_test(only_a_whole_mark_of_this_epoch_and_server_is_valid),
        cmocka_unit_test(a_word_that_is_none_is_no_open_mark),
        cmocka_unit_test(what_a_coupon_needs),
        cmocka_unit_test(first_open_goes_in_order_or_stops),
        cmocka_unit_test(rebuild_goes_in_order),
        cmocka_unit_test(it_folds_in_parts_and_opens_behind_the_last),
        cmocka_unit_test(who_was_not_overtaken_raises_at_once),
        cmocka_unit_test(who_was_overtaken_gives_the_other_its_time),
        cmocka_unit_test(when_all_is_open_nobody_was_overtaken),
        cmocka_unit_test(who_left_its_rebuild_by_itself_was_not_overtaken),
        cmocka_unit_test(what_counts_as_overtaken),
        cmocka_unit_test(the_rest_grows_past_any_rebuild_and_is_bounded),
        cmocka_unit_test(two_that_both_lead_come_to_an_end),
        cmocka_unit_test(rebuild_repeats_only_what_does_no_harm),
        cmocka_unit_test(it_lists_what_was_open_before_its_epoch),
        cmocka_unit_test(foreign_barriers_stop_it_from_its_own_epoch_on),
        cmocka_unit_test(what_is_left_is_never_below_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
