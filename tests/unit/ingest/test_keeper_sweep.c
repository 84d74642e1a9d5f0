/* Several sweeps of one coupon: when a further one begins, which grabs it leaves out, and how those that are stuck come
 * together. */
#include "ingest/keeper_sweep.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

enum { HOLD = 10000, NOW = 1000000, MANY = 100 };

static struct sweep *chain(struct sweep *sweeps, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sweeps[i].next = i + 1 < count ? &sweeps[i + 1] : NULL;
    return count > 0 ? sweeps : NULL;
}

static void a_further_sweep_begins_after_a_pause(void **state)
{
    (void)state;
    struct sweep sweeps[2] = {{.coupon_id = 5, .looked_ms = NOW}, {.coupon_id = 6, .looked_ms = NOW}};
    assert_true(sweep_may_begin(NULL, 5, NOW, HOLD));
    assert_false(sweep_may_begin(chain(sweeps, 2), 5, NOW, HOLD));
    assert_false(sweep_may_begin(sweeps, 6, NOW + 10, HOLD));
    assert_true(sweep_may_begin(sweeps, 7, NOW, HOLD));
    assert_true(sweep_may_begin(sweeps, 5, NOW + 1000, HOLD)); /* while the first still waits */
}

static void their_number_is_bounded(void **state)
{
    (void)state;
    struct sweep sweeps[SWEEPS_OF_COUPON_MAX];
    memset(sweeps, 0, sizeof sweeps);
    for (size_t i = 0; i < SWEEPS_OF_COUPON_MAX; i++)
        sweeps[i].coupon_id = 5;
    assert_true(sweep_may_begin(chain(sweeps, SWEEPS_OF_COUPON_MAX - 1), 5, NOW, HOLD));
    assert_false(sweep_may_begin(chain(sweeps, SWEEPS_OF_COUPON_MAX), 5, NOW, HOLD));
}

/* Two that are stuck for ever, one at each step where that may be, and new grabs at each tick: there is always a further
 * sweep, one pause after the last. */
static void stuck_ones_keep_nobody_out(void **state)
{
    (void)state;
    int64_t begun[1000];
    size_t count = 0, first = 0;
    int64_t longest_ms = 0, last_ms = 0;
    for (int64_t now_ms = 0; now_ms < 20 * HOLD; now_ms += 200) {
        struct sweep sweeps[SWEEPS_OF_COUPON_MAX + 2] = {{.coupon_id = 5, .looked_ms = last_ms, .at = SWEEP_FOLD},
                                                         {.coupon_id = 5, .looked_ms = last_ms, .at = SWEEP_APPEND}};
        while (first < count && begun[first] + step_wait_ms(HOLD) <= now_ms)
            first++; /* it folds: ended, or taken over by the stuck one */
        for (size_t i = first; i < count; i++)
            sweeps[i - first + 2] = (struct sweep){.coupon_id = 5, .looked_ms = begun[i], .at = SWEEP_WAIT};
        assert_true(count - first + 2 <= SWEEPS_OF_COUPON_MAX);
        if (!sweep_may_begin(chain(sweeps, count - first + 2), 5, now_ms, HOLD))
            continue;
        longest_ms = now_ms - last_ms > longest_ms ? now_ms - last_ms : longest_ms;
        last_ms = begun[count++] = now_ms;
    }
    assert_true(count > 100);
    assert_true(longest_ms <= 1000);
}

static void an_older_one_that_folds_takes_over(void **state)
{
    (void)state;
    struct sweep sweeps[4] = {{.coupon_id = 5, .epoch = 2, .at = SWEEP_FOLD, .list = {.count = 3}},
                              {.coupon_id = 6, .epoch = 2, .at = SWEEP_FOLD},
                              {.coupon_id = 5, .epoch = 2, .at = SWEEP_WAIT},
                              {.coupon_id = 5, .epoch = 2, .at = SWEEP_FOLD, .list = {.count = 4}}};
    chain(sweeps, 4);
    assert_ptr_equal(sweep_to_join(&sweeps[0], 7), &sweeps[3]);
    assert_null(sweep_to_join(&sweeps[0], 6));
    assert_null(sweep_to_join(&sweeps[1], MANY));
    assert_null(sweep_to_join(&sweeps[2], MANY)); /* its CANCELs are not there yet */
    assert_null(sweep_to_join(&sweeps[3], MANY));
    sweeps[3].epoch = 3;
    assert_null(sweep_to_join(&sweeps[0], MANY));
}

static void so_does_one_whose_partition_takes_nothing(void **state)
{
    (void)state;
    struct sweep sweeps[3] = {{.coupon_id = 5, .at = SWEEP_APPEND, .list = {.count = 1}},
                              {.coupon_id = 5, .at = SWEEP_FOLD, .list = {.count = 1}},
                              {.coupon_id = 5, .at = SWEEP_APPEND, .list = {.count = 1}}};
    chain(sweeps, 3);
    assert_ptr_equal(sweep_to_join(&sweeps[0], MANY), &sweeps[2]);
    assert_null(sweep_to_join(&sweeps[1], MANY));
}

static void those_that_are_appended_go_on_alone(void **state)
{
    (void)state;
    static const char *const fields[] = {"1", "2", "3", "4"};
    struct swept_list list = {0}, rest = {0};
    for (size_t i = 0; i < 4; i++)
        swept_add(&list, fields[i], "P0 1 7 ", NOW, HOLD, MANY);
    list.grab[1].appended = list.grab[3].appended = true;
    assert_int_equal(swept_split_appended(&list), 2);
    swept_move_from(&rest, &list, 2);
    assert_int_equal(list.count, 2);
    assert_int_equal(rest.count, 2);
    assert_int_equal(list.grab[0].grab_id + list.grab[1].grab_id, 2 + 4);
    assert_int_equal(rest.grab[0].grab_id + rest.grab[1].grab_id, 1 + 3);
    swept_move_from(&rest, &list, 2);
    assert_int_equal(rest.count, 2);
    swept_free(&rest);
    swept_free(&list);
}

static void grabs_in_a_sweep_are_left_out(void **state)
{
    (void)state;
    struct id_set swept = {0};
    struct swept_list list = {.leave_out = &swept};
    assert_true(id_set_add(&swept, 4));
    swept_add(&list, "4", "P0 1 7 ", NOW, HOLD, 1);
    assert_int_equal(list.count, 0); /* and it takes no place of another's */
    swept_add(&list, "5", "P0 1 7 ", NOW, HOLD, 1);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.grab[0].grab_id, 5);
    swept_free(&list);
    id_set_free(&swept);
}

static void those_with_a_row_leave_early(void **state)
{
    (void)state;
    static const char *const fields[] = {"1", "2", "3", "4", "5"};
    struct swept_list list = {0}, older = {0};
    for (size_t i = 0; i < 5; i++)
        swept_add(&list, fields[i], "P0 1 7 ", NOW, HOLD, MANY);
    assert_int_equal(swept_split_final(&list), 0);
    list.grab[1].final = list.grab[4].final = true;
    assert_int_equal(swept_split_final(&list), 2);
    assert_int_equal(list.grab[0].grab_id, 2);
    assert_int_equal(list.grab[1].grab_id, 5);
    swept_drop_first(&list, 2);
    assert_int_equal(list.count, 3);
    uint64_t left = 0;
    for (size_t i = 0; i < 3; i++) {
        assert_false(list.grab[i].final);
        left |= UINT64_C(1) << list.grab[i].grab_id;
    }
    assert_int_equal(left, 1 << 1 | 1 << 3 | 1 << 4);
    swept_add(&older, "9", "P0 1 7 ", NOW, HOLD, MANY);
    swept_move_from(&older, &list, 0);
    assert_int_equal(older.count, 4);
    assert_int_equal(list.count, 0);
    swept_move_from(&older, &list, 0);
    assert_int_equal(older.count, 4);
    swept_drop_first(&older, 4);
    assert_int_equal(older.count, 0);
    swept_drop_first(&older, 0);
    swept_free(&older);
    swept_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_further_sweep_begins_after_a_pause),
        cmocka_unit_test(their_number_is_bounded),
        cmocka_unit_test(stuck_ones_keep_nobody_out),
        cmocka_unit_test(an_older_one_that_folds_takes_over),
        cmocka_unit_test(so_does_one_whose_partition_takes_nothing),
        cmocka_unit_test(those_that_are_appended_go_on_alone),
        cmocka_unit_test(grabs_in_a_sweep_are_left_out),
        cmocka_unit_test(those_with_a_row_leave_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
