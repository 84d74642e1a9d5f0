/* Findings and notes: rendered, bounded, counted. */
#include "ops/cli/audit_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct audit_place row_place = {.layout = "hash",
                                             .table = "grabs_p03",
                                             .shard = 3,
                                             .partition = 3,
                                             .offset = 12,
                                             .grab_id = 77,
                                             .user_id = 5,
                                             .coupon_id = 9};

static void test_text(void **state)
{
    (void)state;
    struct audit_report report;
    struct audit_place nowhere = AUDIT_NOWHERE;
    struct buf text = {0};
    audit_report_init(&report, 10);
    audit_report_add(&report, 7, "row_missing", &row_place, "no row", "an OK row");
    audit_report_add(&report, 1, "oversold", &nowhere, "11 OK grabs", "at most 10");
    audit_report_note(&report, "%d of others", 3);
    audit_report_text(&report, &text);
    assert_string_equal(
        text.data, "I7 row_missing: layout hash, shard 3, table grabs_p03, partition 3, offset 12, grab 77, user 5, "
                   "coupon 9: found no row, expected an OK row\n"
                   "I1 oversold: found 11 OK grabs, expected at most 10\n"
                   "note: 3 of others\n");
    buf_free(&text);
    audit_report_free(&report);
}

static void test_json(void **state)
{
    (void)state;
    struct audit_report report;
    struct buf json = {0};
    audit_report_init(&report, 10);
    audit_report_add(&report, 7, "row_missing", &row_place, "\"x\"", "y");
    audit_report_json(&report, &json);
    assert_string_equal(
        json.data, "\"disagreements\":1,\"by_invariant\":{\"I1\":0,\"I2\":0,\"I3\":0,\"I4\":0,\"I5\":0,\"I6\":0,"
                   "\"I7\":1,\"I8\":0},\"kept\":[{\"invariant\":\"I7\",\"kind\":\"row_missing\",\"layout\":\"hash\","
                   "\"shard\":3,\"table\":\"grabs_p03\",\"partition\":3,\"offset\":12,\"grab_id\":\"77\",\"user_id\":5,"
                   "\"coupon_id\":9,\"found\":\"\\\"x\\\"\",\"expected\":\"y\"}],\"notes\":[],\"notes_left_out\":0,"
                   "\"unchecked\":[],\"unchecked_left_out\":0");
    buf_free(&json);
    audit_report_free(&report);
}

static void test_verdict(void **state)
{
    (void)state;
    struct audit_report report;
    struct audit_place nowhere = AUDIT_NOWHERE;
    struct buf text = {0};
    audit_report_init(&report, 2);
    audit_report_verdict(&report, &text);
    assert_string_equal(text.data, "all agrees");
    assert_true(audit_report_agrees(&report));
    buf_reset(&text);
    audit_report_unchecked(&report, "partition %d (cut)", 5);
    audit_report_verdict(&report, &text);
    assert_string_equal(text.data, "nothing disagrees in what was checked; not checked: partition 5 (cut)");
    assert_false(audit_report_agrees(&report));
    buf_reset(&text);
    audit_report_add(&report, 1, "oversold", &nowhere, "a", "b");
    for (int i = 6; i < 16; i++)
        audit_report_unchecked(&report, "%d", i);
    audit_report_verdict(&report, &text);
    assert_string_equal(text.data, "1 disagreement; not checked: partition 5 (cut), 6, 7, 8, 9, 10, 11, 12 and 3 more; "
                                   "--json names them");
    buf_reset(&text);
    audit_report_json(&report, &text);
    assert_non_null(strstr(text.data, "\"unchecked\":[\"partition 5 (cut)\",\"6\""));
    audit_report_reset(&report);
    assert_true(audit_report_agrees(&report));
    buf_free(&text);
    audit_report_free(&report);
}

static void test_more_than_are_kept(void **state)
{
    (void)state;
    struct audit_report report;
    struct buf text = {0};
    audit_report_init(&report, 2);
    for (int i = 0; i < AUDIT_NOTES_MAX; i++)
        audit_report_unchecked(&report, "%d", i);
    audit_report_verdict(&report, &text);
    assert_non_null(strstr(text.data, "7 and 92 more; --json names them"));
    buf_reset(&text);
    audit_report_unchecked(&report, "one more");
    audit_report_unchecked(&report, "and one");
    audit_report_verdict(&report, &text);
    assert_non_null(strstr(text.data, "7 and 94 more; --json names the first 100"));
    buf_reset(&text);
    audit_report_json(&report, &text);
    assert_non_null(strstr(text.data, "\"99\"],\"unchecked_left_out\":2"));
    assert_non_null(strstr(text.data, "\"notes\":[],\"notes_left_out\":0"));
    buf_free(&text);
    audit_report_free(&report);
}

static void test_bounds(void **state)
{
    (void)state;
    struct audit_report report;
    struct audit_place nowhere = AUDIT_NOWHERE;
    struct buf text = {0};
    audit_report_init(&report, 2);
    for (int i = 0; i < 5; i++)
        audit_report_add(&report, 5, "stock_differs", &nowhere, "a", "b");
    for (int i = 0; i < AUDIT_NOTES_MAX + 7; i++)
        audit_report_note(&report, "note");
    assert_int_equal(report.finding_count, 2);
    assert_int_equal(audit_report_total(&report), 5);
    assert_int_equal(report.counts[5], 5);
    audit_report_text(&report, &text);
    assert_non_null(strstr(text.data, "and 3 more"));
    assert_non_null(strstr(text.data, "and 7 notes more"));
    audit_report_reset(&report);
    assert_int_equal(audit_report_total(&report), 0);
    buf_free(&text);
    audit_report_free(&report);
}

static void test_long_words_are_cut(void **state)
{
    (void)state;
    struct audit_report report;
    struct audit_place nowhere = AUDIT_NOWHERE;
    char words[1000];
    memset(words, 'w', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    audit_report_init(&report, 1);
    audit_report_add(&report, 5, "stock_differs", &nowhere, words, words);
    audit_report_note(&report, "%s", words);
    assert_int_equal(strlen(report.findings[0].found), AUDIT_WORDS_MAX - 1);
    audit_report_free(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),    cmocka_unit_test(test_json),
        cmocka_unit_test(test_verdict), cmocka_unit_test(test_more_than_are_kept),
        cmocka_unit_test(test_bounds),  cmocka_unit_test(test_long_words_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
