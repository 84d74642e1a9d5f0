/* What a worker concludes from progress, from the log's watermarks and from an error. */
#include "protocol/progress.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

static void the_log_around_progress(void **state)
{
    (void)state;
    assert_int_equal(progress_fits_log(0, 0, 0), LOG_FITS);
    assert_int_equal(progress_fits_log(5, 0, 5), LOG_FITS);
    assert_int_equal(progress_fits_log(5, 5, 9), LOG_FITS);
    assert_int_equal(progress_fits_log(5, 0, 4), LOG_TOO_SHORT);
    assert_int_equal(progress_fits_log(5, 0, 0), LOG_TOO_SHORT);
    assert_int_equal(progress_fits_log(5, 6, 9), LOG_CUT);
}

static void the_record_before_progress(void **state)
{
    (void)state;
    assert_true(progress_has_last(5, 77, 4));
    assert_false(progress_has_last(5, 77, 5)); /* retention has taken it */
    assert_false(progress_has_last(5, 0, 0));
    assert_false(progress_has_last(0, 77, 0));
    assert_true(progress_is_last(5, 77, 4, 77));
    assert_false(progress_is_last(5, 77, 4, 78)); /* made anew, and longer by now */
    assert_false(progress_is_last(5, 77, 5, 77));
}

static void it_moves_for_its_owner_from_its_offset(void **state)
{
    (void)state;
    assert_true(progress_may_move(true, 7, 7));
    assert_false(progress_may_move(false, 7, 7));
    assert_false(progress_may_move(true, 8, 7));
    assert_false(progress_may_move(true, 6, 7)); /* a failover took it back */
}

static void a_commit_without_an_answer(void **state)
{
    (void)state;
    assert_int_equal(progress_settle(true, 9, 7, 9), PROGRESS_AFTER);
    assert_int_equal(progress_settle(true, 7, 7, 9), PROGRESS_BEFORE);
    assert_int_equal(progress_settle(true, 3, 7, 9), PROGRESS_ELSEWHERE);
    assert_int_equal(progress_settle(true, 8, 7, 9), PROGRESS_ELSEWHERE); /* a batch is whole or not there */
    assert_int_equal(progress_settle(false, 9, 7, 9), PROGRESS_OTHERS);   /* whose rows they are, its owner knows */
    assert_int_equal(progress_settle(false, 7, 7, 9), PROGRESS_OTHERS);
}

static void only_a_key_or_a_value_blames_a_row(void **state)
{
    (void)state;
    for (int kind = ERR_NONE; kind <= ERR_INTERNAL; kind++) {
        enum store_error expected = STORE_OUTAGE;
        if (kind == ERR_DUPLICATE || kind == ERR_DATA)
            expected = STORE_ROW_REFUSED;
        if (kind == ERR_MISSING)
            expected = STORE_NO_TABLE;
        assert_int_equal(store_error_of((enum err_kind)kind), expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_log_around_progress),
        cmocka_unit_test(the_record_before_progress),
        cmocka_unit_test(it_moves_for_its_owner_from_its_offset),
        cmocka_unit_test(a_commit_without_an_answer),
        cmocka_unit_test(only_a_key_or_a_value_blames_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
