/* Rows of the table coupons that are none: what is left of them, and that they stop nobody. */
#include "ingest/coupon_rows.h"

#include "ingest/grab_flow.h"
#include "ingest/ingest_config.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdlib.h>
#include <string.h>

static struct value row[11];

static void good_row(uint64_t id)
{
    const struct value cells[11] = {value_u64(id),    value_u64(3), value_text("Sale", 4), value_u64(100),
                                    value_u64(1),     value_i64(5), value_i64(0),          value_text("open", 4),
                                    value_i64(20000), value_u64(2), value_u64(9)};
    memcpy(row, cells, sizeof row);
}

static void one_bad_row_leaves_the_others(void **state)
{
    (void)state;
    struct coupon_rows rows = {0};
    struct coupon coupon;
    coupon_rows_begin(&rows);
    good_row(1);
    assert_true(coupon_rows_take(&rows, row, 11, &coupon));
    assert_false(coupon.broken);
    good_row(2);
    row[5] = value_i64(-1);
    assert_true(coupon_rows_take(&rows, row, 11, &coupon));
    assert_true(coupon.broken);
    assert_int_equal(coupon.coupon_id, 2);
    assert_int_equal(coupon.opened, 2);
    assert_int_equal(coupon.hold_ms, 20000);
    good_row(3);
    assert_true(coupon_rows_take(&rows, row, 11, &coupon));
    assert_false(coupon.broken);
    assert_int_equal(rows.broken, 1);
    assert_int_equal(rows.first.kind, ERR_DATA);
    coupon_rows_begin(&rows);
    assert_int_equal(rows.broken, 0);
}

/* Whatever is not known is taken for the careful side: as if it had been opened. */
static void what_is_left_of_a_row(void **state)
{
    (void)state;
    struct coupon coupon;
    good_row(4);
    row[8] = value_null();
    row[9] = value_i64(-3);
    assert_true(coupon_from_broken_cells(row, 11, &coupon));
    assert_int_equal(coupon.hold_ms, 0);
    assert_int_equal(coupon.opened, 1);
    row[8] = value_i64(INT64_MAX); /* nobody waits that long */
    assert_true(coupon_from_broken_cells(row, 11, &coupon));
    assert_int_equal(coupon.hold_ms, 0);
    row[0] = value_null();
    assert_false(coupon_from_broken_cells(row, 11, &coupon));
    assert_false(coupon_from_broken_cells(row, 10, &coupon));
}

static void the_log_is_told_seldom(void **state)
{
    (void)state;
    struct coupon_rows rows = {0};
    assert_false(coupon_rows_say(&rows, 1));
    rows.broken = 1;
    assert_true(coupon_rows_say(&rows, 1000));
    assert_false(coupon_rows_say(&rows, 1200));
    assert_false(coupon_rows_say(&rows, 999 + COUPON_ROWS_SAY_MS));
    assert_true(coupon_rows_say(&rows, 1000 + COUPON_ROWS_SAY_MS));
    rows.broken = 2;
    assert_true(coupon_rows_say(&rows, 1001 + COUPON_ROWS_SAY_MS));
    rows.broken = 0;
    assert_true(coupon_rows_say(&rows, 1002 + COUPON_ROWS_SAY_MS));
    assert_false(coupon_rows_say(&rows, 1002 + 9 * COUPON_ROWS_SAY_MS));
}

/* There is such a coupon, so it is neither unknown nor not started. */
static void ingest_refuses_nobody_for_a_broken_row(void **state)
{
    (void)state;
    bool refused = true;
    struct catalog_copy *copy = catalog_copy_new(1000);
    assert_true(catalog_copy_add(copy, &(struct coupon){.coupon_id = 7, .broken = true}));
    catalog_copy_sort(copy);
    assert_int_equal(grab_closed_reason(copy, 7, 2000, &refused), REASON_COUPON_NOT_READY);
    assert_false(refused);
    catalog_copy_unref(copy);
}

/* A copy is at most 1 s old, and even at the longest pause the read after it may take as long as the pause. */
static void reads_come_often_enough(void **state)
{
    (void)state;
    assert_int_equal(CATALOG_COPY_AGE_MS_MAX, 1000);
    bool found = false;
    for (size_t i = 0; i < ingest_program.row_count; i++) {
        const struct setting *setting = &ingest_program.rows[i];
        if (strcmp(setting->name, "ingest.catalog_read_ms") != 0)
            continue;
        found = true;
        assert_true(2 * setting->max <= CATALOG_COPY_AGE_MS_MAX);
        assert_true(3 * strtol(setting->fallback, NULL, 10) <= CATALOG_COPY_AGE_MS_MAX);
    }
    assert_true(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_bad_row_leaves_the_others), cmocka_unit_test(what_is_left_of_a_row),
        cmocka_unit_test(the_log_is_told_seldom),        cmocka_unit_test(ingest_refuses_nobody_for_a_broken_row),
        cmocka_unit_test(reads_come_often_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
