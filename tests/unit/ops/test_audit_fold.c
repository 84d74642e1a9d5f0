/* The log becomes grabs, counts, totals and sales; dead letters are met. */
#include "tests/unit/ops/audit_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static int open_fixture(void **state)
{
    (void)state;
    fixture_new();
    return 0;
}

static void test_verdicts(void **state)
{
    (void)state;
    uint64_t user = user_of(0, 0);
    fixture_progress(f, 0, 100);
    fixture_record(f, RECORD_DATA, 1, user, 1);
    fixture_record(f, RECORD_CANCEL, 1, user, 1);
    fixture_record(f, RECORD_CANCEL, 2, user, 1);
    fixture_record(f, RECORD_DATA, 2, user, 1);
    fixture_barrier(f, 0, 3);
    fixture_barrier(f, 0, 2);
    fixture_record(f, RECORD_DATA, 3, user, 2);
    fixture_record(f, RECORD_DATA, 4, user, 3);
    const enum fold_verdict expected[] = {FOLD_OK, FOLD_VOID_CANCELLED, FOLD_VOID_STALE, FOLD_OK};
    assert_int_equal(f->audit.grabs.count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(f->audit.grabs.grabs[i].verdict, expected[i]);
    for (size_t l = 0; l < FIXTURE_LAYOUTS; l++) {
        const struct audit_progress *progress = &f->audit.layouts[l].progress[0];
        const struct fold_counts *counts = &progress->fold_counts;
        assert_true(fold_counts_hold(counts));
        assert_int_equal(counts->records, 8);
        assert_int_equal(counts->ok, 2);
        assert_int_equal(counts->voided, 2);
        assert_int_equal(counts->duplicates, 2);
        assert_int_equal(counts->barriers, 2);
        assert_int_equal(progress->folded.epoch, 3);
    }
    assert_int_equal(f->audit.coupons[0].ok, 2);
    assert_int_equal(f->audit.totals.count, 2); /* one a layout: one day, one coupon, one partition */
    assert_int_equal(fixture_found(f), 0);
}

static void test_only_up_to_progress(void **state)
{
    (void)state;
    f->audit.layouts[0].progress[0].next_offset = 1;
    f->audit.layouts[1].progress[0].next_offset = 2;
    for (uint32_t n = 1; n <= 3; n++)
        fixture_record(f, RECORD_DATA, n, user_of(0, (int)n), 1);
    assert_int_equal(f->audit.layouts[0].progress[0].fold_counts.records, 1);
    assert_int_equal(f->audit.layouts[1].progress[0].fold_counts.records, 2);
    assert_true(f->audit.layouts[0].progress[0].met_last && f->audit.layouts[1].progress[0].met_last);
    assert_int_not_equal(f->audit.layouts[0].progress[0].last_checksum, f->audit.layouts[1].progress[0].last_checksum);
    assert_int_equal(f->audit.coupons[0].ok, 3); /* sales are the log's, not the tables' */
}

static void test_broken_record_needs_its_letter(void **state)
{
    (void)state;
    const struct kafka_record record = {.key = "1", .key_len = 1, .value = "no", .value_len = 2};
    struct audit_letter letters[] = {{.offset = 0, .checksum = kafka_record_checksum(&record), .layout = 0}};
    f->audit.letters = letters;
    f->audit.letter_count = 1;
    fixture_progress(f, 0, 10);
    fixture_bytes(f, 0, "1", "no");
    f->audit.letters = NULL;
    f->audit.letter_count = 0;
    assert_true(letters[0].met);
    assert_int_equal(fixture_found(f), 1); /* layout 1 has none */
    assert_string_equal(fixture_last(f)->kind, "dead_letter_missing");
    assert_string_equal(fixture_last(f)->place.layout, "daily");
    assert_int_equal(f->audit.layouts[0].progress[0].fold_counts.dead_letters, 1);
}

static void test_letter_of_a_good_record(void **state)
{
    (void)state;
    struct audit_letter letters[] = {{.offset = 0, .checksum = 1, .layout = 1}};
    f->audit.letters = letters;
    f->audit.letter_count = 1;
    fixture_progress(f, 0, 10);
    fixture_record(f, RECORD_DATA, 1, user_of(0, 0), 1);
    fixture_record(f, RECORD_DATA, 1, user_of(0, 0), 1); /* in layout 1 this one is the first */
    f->audit.letters = NULL;
    f->audit.letter_count = 0;
    assert_int_equal(f->audit.report.counts[2], 1); /* it should have been a row */
    assert_int_equal(f->audit.report.counts[7], 1); /* and the letter is of other bytes */
    assert_int_equal(f->audit.grabs.count, 2);
    assert_int_equal(f->audit.grabs.grabs[0].layouts, 1);
    assert_int_equal(f->audit.grabs.grabs[1].layouts, 2);
    assert_int_equal(f->audit.layouts[0].progress[0].fold_counts.duplicates, 1);
    assert_int_equal(f->audit.layouts[1].progress[0].fold_counts.dead_letters, 1);
    assert_int_equal(f->audit.coupons[0].ok, 1);
}

static void test_slices_share_the_users(void **state)
{
    (void)state;
    enum { USERS = 1000, SLICES = 3 };
    f->audit.slices = SLICES;
    size_t seen = 0;
    for (f->audit.slice = 0; f->audit.slice < SLICES; f->audit.slice++) {
        size_t mine = 0;
        for (uint64_t user = 1; user <= USERS; user++)
            mine += audit_in_slice(&f->audit, user);
        assert_in_range(mine, USERS / SLICES - 100, USERS / SLICES + 100);
        seen += mine;
    }
    assert_int_equal(seen, USERS);
}

static void test_slices_count_each_record_once(void **state)
{
    (void)state;
    enum { USERS = 20, SLICES = 3 };
    fixture_progress(f, 0, 100);
    f->audit.slices = SLICES;
    for (f->audit.slice = 0; f->audit.slice < SLICES; f->audit.slice++) {
        f->next[0] = 0;
        f->audit.part[0].fold = (struct fold_state){0};
        for (uint32_t n = 0; n < USERS; n++)
            fixture_record(f, RECORD_DATA, n, user_of(0, (int)n), 1);
        fixture_barrier(f, 0, 2);
    }
    const struct fold_counts *counts = &f->audit.layouts[0].progress[0].fold_counts;
    assert_int_equal(counts->ok, USERS);
    assert_int_equal(counts->barriers, 1);
    assert_int_equal(counts->records, USERS + 1);
    assert_int_equal(f->audit.coupons[0].ok, USERS);
}

static void test_coupons_of_nobody(void **state)
{
    (void)state;
    struct grab_event event = {
        .kind = RECORD_DATA, .grab_id = fixture_id(1), .user_id = user_of(0, 0), .coupon_id = 999};
    fixture_event(f, 0, &event);
    assert_int_equal(f->audit.foreign, 1);
    assert_int_equal(f->audit.coupons[0].ok, 0);
}

/* Where its user's reads do not look, and a CANCEL would not meet it. */
static void test_a_record_in_another_partition(void **state)
{
    (void)state;
    struct grab_event event = {
        .kind = RECORD_DATA, .grab_id = fixture_id(1), .user_id = user_of(1, 0), .coupon_id = FIXTURE_COUPON};
    fixture_event(f, 0, &event);
    assert_int_equal(fixture_found(f), 1);
    assert_string_equal(fixture_last(f)->kind, "record_misplaced");
    assert_int_equal(fixture_last(f)->invariant, 2);
    assert_int_equal(fixture_last(f)->place.partition, 0);
    assert_int_equal(fixture_last(f)->place.grab_id, fixture_id(1));
    event.coupon_id = 999; /* of nobody: a note */
    event.grab_id = fixture_id(2);
    fixture_event(f, 0, &event);
    assert_int_equal(fixture_found(f), 1);
    assert_int_equal(f->audit.misplaced_foreign, 1);
}

static void test_passes(void **state)
{
    (void)state;
    const uint64_t a_mib = (1 << 20) / AUDIT_GRAB_BYTES;
    assert_int_equal(audit_slices(0, 1), 1);
    assert_int_equal(audit_slices(a_mib, 1), 1);
    assert_int_equal(audit_slices(a_mib + 1, 1), 2);
    assert_int_equal(audit_slices(3 * a_mib, 1), 3);
    assert_int_equal(audit_slices(UINT64_C(1000000), 256), 1);
    assert_int_equal(audit_slices(UINT64_C(1) << 32, 1 << 20), 2); /* more memory than a pass can number */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_verdicts, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_only_up_to_progress, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_broken_record_needs_its_letter, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_letter_of_a_good_record, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_slices_share_the_users, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_slices_count_each_record_once, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_coupons_of_nobody, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_a_record_in_another_partition, open_fixture, close_fixture),
        cmocka_unit_test(test_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
