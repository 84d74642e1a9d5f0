/* Every row of the protocol's APPEND table, and every answer of RESERVE. */
#include "protocol/grab.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

enum { HOLD_MS = 10000 };
#define SENT_US INT64_C(50000000)
#define HALF_US (HOLD_MS * INT64_C(1000) / 2)

static void assert_step(struct grab_step step, enum grab_action action, enum grab_answer answer)
{
    assert_int_equal(step.action, action);
    assert_int_equal(step.answer, answer);
}

static struct grab begun(void)
{
    struct grab grab = {0};
    grab_begin(&grab, 100, SENT_US);
    return grab;
}

static struct grab taken(void)
{
    struct grab grab = begun();
    assert_step(grab_on_reserve(&grab, RESERVE_TAKEN, 4, HOLD_MS, 0, SENT_US + 900), GRAB_DO_APPEND, ANSWER_NOT_YET);
    assert_int_equal(grab.epoch, 4);
    assert_int_equal(grab.hold_ms, HOLD_MS);
    return grab;
}

static void persisted_in_time_is_success(void **state)
{
    (void)state;
    struct grab grab = taken();
    assert_step(grab_on_report(&grab, APPEND_PERSISTED, SENT_US + 1), GRAB_DO_SETTLE, ANSWER_SUCCESS);
    grab = taken();
    assert_step(grab_on_report(&grab, APPEND_PERSISTED, SENT_US + HALF_US - 1), GRAB_DO_SETTLE, ANSWER_SUCCESS);
}

static void persisted_late_needs_a_confirm(void **state)
{
    (void)state;
    static const struct {
        enum confirm_result result;
        enum grab_answer answer;
    } cases[] = {
        {CONFIRM_HELD, ANSWER_SUCCESS}, {CONFIRM_NOT_HELD, ANSWER_UNKNOWN}, {CONFIRM_NO_ANSWER, ANSWER_UNKNOWN}};
    for (size_t i = 0; i < 3; i++) {
        struct grab grab = taken();
        assert_step(grab_on_report(&grab, APPEND_PERSISTED, SENT_US + HALF_US), GRAB_DO_CONFIRM, ANSWER_NOT_YET);
        assert_step(grab_on_confirm(&grab, cases[i].result), GRAB_DO_NOTHING, cases[i].answer);
    }
}

static void not_persisted_is_given_back(void **state)
{
    (void)state;
    struct grab grab = taken();
    assert_step(grab_on_report(&grab, APPEND_NOT_PERSISTED, SENT_US + 1), GRAB_DO_RELEASE, ANSWER_UNAVAILABLE);
    grab = taken();
    assert_step(grab_on_report(&grab, APPEND_NOT_PERSISTED, SENT_US + 10 * HALF_US), GRAB_DO_RELEASE,
                ANSWER_UNAVAILABLE);
}

static void possibly_persisted_is_never_released(void **state)
{
    (void)state;
    struct grab grab = taken();
    assert_step(grab_on_report(&grab, APPEND_POSSIBLY_PERSISTED, SENT_US + 1), GRAB_DO_NOTHING, ANSWER_UNKNOWN);
}

static void refusals_are_answered_at_once(void **state)
{
    (void)state;
    static const enum reserve_result refusals[] = {RESERVE_ENDED, RESERVE_NOT_STARTED, RESERVE_LIMIT_REACHED,
                                                   RESERVE_OUT_OF_STOCK};
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct grab grab = begun();
        assert_step(grab_on_reserve(&grab, refusals[i], 4, HOLD_MS, 0, SENT_US + 1), GRAB_DO_NOTHING, ANSWER_REFUSED);
        assert_int_equal(grab.reserved, refusals[i]);
    }
}

static void closed_or_silent_is_unavailable(void **state)
{
    (void)state;
    struct grab grab = begun();
    assert_step(grab_on_reserve(&grab, RESERVE_CLOSED, 0, 0, 0, SENT_US + 1), GRAB_DO_NOTHING, ANSWER_UNAVAILABLE);
    grab = begun();
    assert_step(grab_on_reserve(&grab, RESERVE_NO_ANSWER, 0, 0, 0, SENT_US + 1), GRAB_DO_NOTHING, ANSWER_UNAVAILABLE);
}

static void a_settled_claim_is_replayed(void **state)
{
    (void)state;
    struct grab grab = begun();
    assert_step(grab_on_reserve(&grab, RESERVE_EXISTS_SETTLED, 4, HOLD_MS, 55, SENT_US + 1), GRAB_DO_NOTHING,
                ANSWER_REPLAYED);
    assert_int_equal(grab.existing_id, 55);
    assert_int_equal(grab.existing_epoch, 4);
}

/* A double click: the first one's grab is pending, and is asked for again under a new id. */
static struct grab asked_once(void)
{
    struct grab grab = begun();
    assert_step(grab_on_reserve(&grab, RESERVE_EXISTS_PENDING, 4, HOLD_MS, 55, SENT_US), GRAB_DO_ASK_AGAIN,
                ANSWER_NOT_YET);
    grab_begin(&grab, 101, SENT_US + 10000);
    return grab;
}

static void a_double_click_waits_for_the_first(void **state)
{
    (void)state;
    struct grab grab = asked_once();
    assert_step(grab_on_reserve(&grab, RESERVE_EXISTS_SETTLED, 4, HOLD_MS, 55, SENT_US + 11000), GRAB_DO_NOTHING,
                ANSWER_REPLAYED);
}

static void a_double_click_waits_only_so_long(void **state)
{
    (void)state;
    struct grab grab = asked_once();
    assert_step(grab_on_reserve(&grab, RESERVE_EXISTS_PENDING, 4, HOLD_MS, 55, SENT_US + 99999), GRAB_DO_ASK_AGAIN,
                ANSWER_NOT_YET);
    grab_begin(&grab, 102, SENT_US + 99999);
    assert_step(grab_on_reserve(&grab, RESERVE_EXISTS_PENDING, 4, HOLD_MS, 55, SENT_US + 100000), GRAB_DO_NOTHING,
                ANSWER_UNKNOWN);
    assert_int_equal(grab.existing_id, 55);
}

static void a_double_click_whose_first_was_given_back_is_a_new_try(void **state)
{
    (void)state;
    struct grab grab = asked_once();
    assert_step(grab_on_reserve(&grab, RESERVE_TAKEN, 5, HOLD_MS, 0, SENT_US + 11000), GRAB_DO_APPEND, ANSWER_NOT_YET);
    assert_int_equal(grab.existing_id, 0);
    assert_int_equal(grab.grab_id, 101);
    assert_int_equal(grab.reserve_sent_us, SENT_US + 10000); /* its own RESERVE counts */
    assert_step(grab_on_report(&grab, APPEND_PERSISTED, SENT_US + 10000 + HALF_US - 1), GRAB_DO_SETTLE, ANSWER_SUCCESS);
}

/* The pending grab may still become OK, so what hides it now must not be told as a refusal or as "never". */
static void what_was_found_pending_is_never_denied(void **state)
{
    (void)state;
    static const enum reserve_result hiding[] = {RESERVE_CLOSED, RESERVE_NO_ANSWER};
    for (size_t i = 0; i < sizeof hiding / sizeof *hiding; i++) {
        struct grab grab = asked_once();
        assert_step(grab_on_reserve(&grab, hiding[i], 0, 0, 0, SENT_US + 11000), GRAB_DO_NOTHING, ANSWER_UNKNOWN);
        assert_int_equal(grab.existing_id, 55);
        assert_int_equal(grab.existing_epoch, 4);
    }
}

static void what_is_no_answer_of_reserve(void **state)
{
    (void)state;
    assert_int_equal(grab_reserve_result(RESERVE_TAKEN, 0, 100), RESERVE_TAKEN);
    assert_int_equal(grab_reserve_result(RESERVE_OUT_OF_STOCK, 0, 100), RESERVE_OUT_OF_STOCK);
    assert_int_equal(grab_reserve_result(RESERVE_EXISTS_PENDING, 90, 100), RESERVE_EXISTS_PENDING);
    assert_int_equal(grab_reserve_result(RESERVE_EXISTS_SETTLED, 0, 100), RESERVE_NO_ANSWER);   /* it names none */
    assert_int_equal(grab_reserve_result(RESERVE_EXISTS_PENDING, 100, 100), RESERVE_NO_ANSWER); /* it names itself */
    assert_int_equal(grab_reserve_result(RESERVE_CLOSED, 0, 100), RESERVE_NO_ANSWER); /* closed is the empty list */
    assert_int_equal(grab_reserve_result(RESERVE_NO_ANSWER, 0, 100), RESERVE_NO_ANSWER);
    assert_int_equal(grab_reserve_result(-1, 0, 100), RESERVE_NO_ANSWER);
}

static void where_an_unknown_is_asked_for(void **state)
{
    (void)state;
    struct grab grab = taken();
    assert_int_equal(grab_place(&grab).grab_id, 100);
    assert_int_equal(grab_place(&grab).epoch, 4);
    grab = begun();
    grab_on_reserve(&grab, RESERVE_EXISTS_PENDING, 6, HOLD_MS, 90, SENT_US);
    assert_int_equal(grab_place(&grab).grab_id, 90);
    assert_int_equal(grab_place(&grab).epoch, 6);
}

static void why_there_is_no_mark(void **state)
{
    (void)state;
    assert_int_equal(grab_closed_why(false, true, 3), CLOSED_CATALOG_AWAY);
    assert_int_equal(grab_closed_why(false, false, 0), CLOSED_CATALOG_AWAY);
    assert_int_equal(grab_closed_why(true, true, 3), CLOSED_NOT_READY);
    assert_int_equal(grab_closed_why(true, true, 0), CLOSED_NOT_STARTED);
    assert_int_equal(grab_closed_why(true, false, 0), CLOSED_NO_COUPON);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_answer_of_reserve),
        cmocka_unit_test(where_an_unknown_is_asked_for),
        cmocka_unit_test(why_there_is_no_mark),
        cmocka_unit_test(persisted_in_time_is_success),
        cmocka_unit_test(persisted_late_needs_a_confirm),
        cmocka_unit_test(not_persisted_is_given_back),
        cmocka_unit_test(possibly_persisted_is_never_released),
        cmocka_unit_test(refusals_are_answered_at_once),
        cmocka_unit_test(closed_or_silent_is_unavailable),
        cmocka_unit_test(a_settled_claim_is_replayed),
        cmocka_unit_test(a_double_click_waits_for_the_first),
        cmocka_unit_test(a_double_click_waits_only_so_long),
        cmocka_unit_test(a_double_click_whose_first_was_given_back_is_a_new_try),
        cmocka_unit_test(what_was_found_pending_is_never_denied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
