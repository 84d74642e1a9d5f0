/* What a worker concludes from progress, from the log's watermarks and from an error. */
#include "protocol/progress.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
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

/* One letter a part: b before, a after, e elsewhere, o another's. -> what the batch is, in such a letter, and the part
 * that leaves; 99: none does. */
static char settled(const char *letters, size_t *ret_part)
{
    static const char letter_of[] = {
        [PROGRESS_BEFORE] = 'b', [PROGRESS_AFTER] = 'a', [PROGRESS_ELSEWHERE] = 'e', [PROGRESS_OTHERS] = 'o'};
    enum progress_found parts[8];
    const size_t count = strlen(letters);
    for (size_t i = 0; i < count; i++)
        parts[i] = (enum progress_found)((const char *)memchr(letter_of, letters[i], sizeof letter_of) - letter_of);
    *ret_part = 99;
    return letter_of[progress_settle_batch(parts, count, ret_part)];
}

static void the_parts_of_a_batch_are_there_together_or_not_at_all(void **state)
{
    (void)state;
    static const struct {
        const char *parts;
        char batch;
        size_t leaves;
    } cases[] = {
        {"a", 'a', 99},  {"b", 'b', 99},  {"aaa", 'a', 99}, {"bbb", 'b', 99},                 /* of one mind */
        {"e", 'e', 0},   {"o", 'o', 0},   {"ae", 'e', 1},   {"bbo", 'o', 2},  {"oe", 'o', 0}, /* one is lost */
        {"abo", 'o', 2}, {"bae", 'e', 2},                                    /* lost: told before the others' quarrel */
        {"ab", 'e', 0},  {"ba", 'e', 1},  {"bbab", 'e', 2}, {"aab", 'e', 0}, /* moved from outside */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t leaves;
        assert_int_equal(settled(cases[i].parts, &leaves), cases[i].batch);
        assert_int_equal(leaves, cases[i].leaves);
    }
}

/* Whatever the parts say: asked again without the one that leaves, each part is either done again or not, by its own
 * progress alone. */
static void each_part_goes_by_its_own_progress(void **state)
{
    (void)state;
    for (int all = 0; all < 4 * 4 * 4; all++) {
        char left[] = {"baeo"[all % 4], "baeo"[all / 4 % 4], "baeo"[all / 16], '\0'};
        size_t part;
        char batch = settled(left, &part);
        for (; part != 99 && left[1] != '\0'; batch = settled(left, &part)) {
            assert_int_not_equal(left[part], 'b');
            memmove(left + part, left + part + 1, strlen(left + part));
        }
        for (const char *one = left; *one != '\0'; one++)
            assert_int_equal(*one, batch);
    }
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
        cmocka_unit_test(the_parts_of_a_batch_are_there_together_or_not_at_all),
        cmocka_unit_test(each_part_goes_by_its_own_progress),
        cmocka_unit_test(only_a_key_or_a_value_blames_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
