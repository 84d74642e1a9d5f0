/* Progress, totals and dead letters against the fold's own. */
#include "tests/unit/ops/audit_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct audit_progress *progress; /* of layout hash, partition 0 */

/* As if the tables had been made by the fold. */
static void store_what_was_folded(void)
{
    for (size_t l = 0; l < FIXTURE_LAYOUTS; l++)
        for (int32_t p = 0; p < FIXTURE_PARTITIONS; p++) {
            struct audit_progress *one = &f->audit.layouts[l].progress[p];
            one->counts = one->fold_counts;
            one->stored = one->folded;
            one->checksum = one->last_checksum;
        }
    for (size_t i = 0; i < f->audit.totals.size; i++) {
        struct audit_total *total = &f->audit.totals.slot[i];
        total->ok = total->fold_ok;
        total->voided = total->fold_voided;
    }
}

static int open_fixture(void **state)
{
    (void)state;
    fixture_new();
    progress = &f->audit.layouts[0].progress[0];
    fixture_progress(f, 0, 3);
    fixture_record(f, RECORD_DATA, 1, user_of(0, 0), 1);
    fixture_barrier(f, 0, 4);
    fixture_record(f, RECORD_DATA, 2, user_of(0, 1), 1);
    store_what_was_folded();
    return 0;
}

static const struct audit_finding *only(int invariant, const char *kind)
{
    audit_check_sums(&f->audit);
    assert_int_equal(fixture_found(f), 1);
    const struct audit_finding *finding = fixture_last(f);
    assert_int_equal(finding->invariant, invariant);
    assert_string_equal(finding->kind, kind);
    return finding;
}

static void test_all_agree(void **state)
{
    (void)state;
    audit_check_sums(&f->audit);
    assert_int_equal(fixture_found(f), 0);
    assert_int_equal(progress->counts.records, 3);
    assert_int_equal(progress->stored.epoch, 4);
}

static void test_counts(void **state)
{
    (void)state;
    progress->counts.ok++; /* they do not add up, and differ */
    audit_check_sums(&f->audit);
    assert_int_equal(f->audit.report.counts[8], 2);
    assert_int_equal(fixture_found(f), 2);
}

static void test_counts_that_add_up(void **state)
{
    (void)state;
    progress->counts.ok++;
    progress->counts.records++;
    audit_check_sums(&f->audit);
    assert_int_equal(f->audit.report.counts[8], 2); /* records and ok_rows */
    assert_string_equal(fixture_last(f)->kind, "counts_differ");
}

static void test_epoch(void **state)
{
    (void)state;
    progress->stored.epoch = 3; /* the newest barrier in place of the highest, say */
    only(7, "epoch_differs");
}

static void test_checksum(void **state)
{
    (void)state;
    progress->checksum ^= 1;
    only(7, "checksum_differs");
}

static void test_past_the_log(void **state)
{
    (void)state;
    progress->next_offset = 9;
    assert_string_equal(only(7, "progress_past_log")->found, "progress at offset 9");
}

static void test_no_progress(void **state)
{
    (void)state;
    progress->found = false;
    only(7, "progress_missing");
}

static void test_totals(void **state)
{
    (void)state;
    for (size_t i = 0; i < f->audit.totals.size; i++)
        if (f->audit.totals.slot[i].layout == 2)
            f->audit.totals.slot[i].voided++;
    const struct audit_finding *finding = only(7, "totals_differ");
    assert_string_equal(finding->place.layout, "daily");
    assert_string_equal(finding->found, "day 2026-11-20: 1 OK, 2 VOID");
    assert_string_equal(finding->expected, "1 OK, 1 VOID");
}

static void test_letters(void **state)
{
    (void)state;
    f->audit.letters = mem_alloc(2 * sizeof *f->audit.letters);
    f->audit.letter_count = 2;
    f->audit.letters[0] = (struct audit_letter){.offset = 1};
    f->audit.letters[1] = (struct audit_letter){.offset = 17, .layout = 1};
    audit_check_sums(&f->audit);
    assert_int_equal(fixture_found(f), 2);
    assert_string_equal(f->audit.report.findings[0].kind, "dead_letter_extra");
    assert_string_equal(f->audit.report.findings[1].kind, "dead_letter_ahead");
}

/* The log has lost its begin: rows, totals and progress are held against one another. */
static void test_not_whole(void **state)
{
    (void)state;
    f->audit.part[0].whole = false;
    audit_check_sums(&f->audit);
    assert_int_equal(fixture_found(f), 0);
    progress->counts.ok++;
    progress->counts.records++;
    only(7, "totals_miscounted");
}

static void test_a_row_that_is_missing_where_the_log_is_cut(void **state)
{
    (void)state;
    f->audit.part[0].whole = false;
    for (size_t i = 0; i < f->audit.totals.size; i++)
        if (f->audit.totals.slot[i].layout == 1)
            f->audit.totals.slot[i].fold_ok--;
    only(7, "rows_miscounted");
}

/* Nothing that layout daily's totals count is in the log any more. */
static void cut_the_log_of_daily(void)
{
    f->audit.part[0].whole = false;
    for (size_t i = 0; i < f->audit.totals.size; i++)
        if (f->audit.totals.slot[i].layout == 2)
            f->audit.totals.slot[i].fold_ok = f->audit.totals.slot[i].fold_voided = 0;
}

static void test_dropped_days_where_the_log_is_cut(void **state)
{
    (void)state;
    cut_the_log_of_daily();
    f->audit.layouts[1].first_day[0] = f->audit.today + 3;
    f->audit.today += 3;
    audit_check_sums(&f->audit);
    assert_int_equal(fixture_found(f), 0);
    f->audit.layouts[1].first_day[0] = f->audit.today - 5; /* an older one is there: it was not dropped */
    only(7, "rows_miscounted");
}

static void test_a_day_that_another_shard_has_where_the_log_is_cut(void **state)
{
    (void)state;
    cut_the_log_of_daily();
    f->audit.layouts[1].first_day[1] = f->audit.today;
    f->audit.layouts[1].first_day[0] = f->audit.today + 3;
    f->audit.today += 3;
    only(7, "rows_miscounted");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_agree, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_counts, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_counts_that_add_up, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_epoch, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_checksum, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_past_the_log, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_no_progress, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_totals, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_letters, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_not_whole, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_a_row_that_is_missing_where_the_log_is_cut, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_dropped_days_where_the_log_is_cut, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_a_day_that_another_shard_has_where_the_log_is_cut, open_fixture,
                                        close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
