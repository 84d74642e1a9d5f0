/* First record of an id wins, in every order; the highest barrier decides, not the latest; counts add up. */
#include "protocol/fold.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

/* A log of one partition: letters  G grab, C cancel (of one id, under epoch 2);  1..9 a barrier of that epoch.  -> the
 * verdict of the id's row: O, C(ancelled), S(tale), - none. */
static char fold_of(const char *log, struct fold_counts *counts)
{
    struct fold_state state = {0};
    char row = '-';
    for (; *log != '\0'; log++) {
        enum record_kind kind = *log == 'G' ? RECORD_DATA : *log == 'C' ? RECORD_CANCEL : RECORD_BARRIER;
        uint64_t epoch = kind == RECORD_BARRIER ? (uint64_t)(*log - '0') : 2;
        enum fold_verdict verdict = fold_record(&state, kind, epoch, row != '-');
        fold_count(counts, verdict);
        if (verdict == FOLD_OK || verdict == FOLD_VOID_CANCELLED || verdict == FOLD_VOID_STALE)
            row = verdict == FOLD_OK ? 'O' : verdict == FOLD_VOID_CANCELLED ? 'C' : 'S';
    }
    return row;
}

static const struct {
    const char *log;
    char row;
} logs[] = {
    {"", '-'},    {"1", '-'},     {"G", 'O'},   {"C", 'C'},    {"GC", 'O'},      {"CG", 'C'},
    {"GG", 'O'},  {"CC", 'C'},    {"GGC", 'O'}, {"CGG", 'C'},  {"1G", 'O'},      {"2G", 'O'},
    {"3G", 'S'},  {"G3", 'O'},    {"G3C", 'O'}, {"3GC", 'S'},  {"3CG", 'C'},     {"C3G", 'C'},
    {"3C", 'C'},  {"G3G", 'O'},   {"3GG", 'S'}, {"31G", 'S'},  {"13G", 'S'},     {"21G", 'O'},
    {"12G", 'O'}, {"9432G", 'S'}, {"11G", 'O'}, {"3G1G", 'S'}, {"GCGC3GC", 'O'}, {"CGCG3CG", 'C'},
};

static void every_order_has_its_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof logs / sizeof *logs; i++) {
        struct fold_counts counts = {0};
        char row = fold_of(logs[i].log, &counts);
        if (row != logs[i].row)
            fail_msg("%s gave %c, not %c", logs[i].log, row, logs[i].row);
        assert_true(fold_counts_hold(&counts));
        assert_int_equal(counts.ok, row == 'O');
        assert_int_equal(counts.voided, row == 'C' || row == 'S');
    }
}

static void the_epoch_only_rises(void **state)
{
    (void)state;
    struct fold_state fold = {0};
    assert_int_equal(fold_record(&fold, RECORD_BARRIER, 5, true), FOLD_BARRIER);
    assert_int_equal(fold.epoch, 5);
    assert_int_equal(fold_record(&fold, RECORD_BARRIER, 3, false), FOLD_BARRIER);
    assert_int_equal(fold.epoch, 5);
    assert_int_equal(fold_record(&fold, RECORD_DATA, 9, false), FOLD_OK); /* a grab raises nothing */
    assert_int_equal(fold_record(&fold, RECORD_CANCEL, 9, false), FOLD_VOID_CANCELLED);
    assert_int_equal(fold.epoch, 5);
    assert_int_equal(fold_record(&fold, RECORD_DATA, 5, false), FOLD_OK);
    assert_int_equal(fold_record(&fold, RECORD_DATA, 4, false), FOLD_VOID_STALE);
    assert_int_equal(fold_record(&fold, RECORD_DATA, 4, true), FOLD_DUPLICATE);
}

static void counts_add_up(void **state)
{
    (void)state;
    struct fold_counts counts = {0};
    fold_count(&counts, FOLD_OK);
    fold_count(&counts, FOLD_VOID_CANCELLED);
    fold_count(&counts, FOLD_VOID_STALE);
    fold_count(&counts, FOLD_DUPLICATE);
    fold_count(&counts, FOLD_BARRIER);
    fold_count_dead_letter(&counts);
    assert_int_equal(counts.records, 6);
    assert_int_equal(counts.ok, 1);
    assert_int_equal(counts.voided, 2);
    assert_int_equal(counts.duplicates, 1);
    assert_int_equal(counts.barriers, 1);
    assert_int_equal(counts.dead_letters, 1);
    assert_true(fold_counts_hold(&counts));
    counts.ok++;
    assert_false(fold_counts_hold(&counts));
}

static void status_is_the_row_or_the_barrier(void **state)
{
    (void)state;
    assert_int_equal(fold_status(true, true, 1, 9), GRAB_STATUS_OK);
    assert_int_equal(fold_status(true, false, 9, 1), GRAB_STATUS_VOID);
    assert_int_equal(fold_status(false, false, 1, 2), GRAB_STATUS_VOID);
    assert_int_equal(fold_status(false, false, 2, 2), GRAB_STATUS_OPEN);
    assert_int_equal(fold_status(false, false, 1, 0), GRAB_STATUS_OPEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_order_has_its_row),
        cmocka_unit_test(the_epoch_only_rises),
        cmocka_unit_test(counts_add_up),
        cmocka_unit_test(status_is_the_row_or_the_barrier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
