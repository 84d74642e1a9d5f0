/* A coupon's row becomes a struct, or is refused. (That the SQL is right is seen on a server, in the integration
 * tests.) */
#include "schemas/catalog.h"

#include "core/value.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

static struct value row[11];

static void good_row(void)
{
    const struct value cells[11] = {value_u64(7),     value_u64(3), value_text("Sale", 4), value_u64(100),
                                    value_u64(1),     value_i64(5), value_i64(0),          value_text("open", 4),
                                    value_i64(10000), value_u64(2), value_u64(9)};
    memcpy(row, cells, sizeof row);
}

static void a_row_is_read(void **state)
{
    (void)state;
    struct coupon coupon;
    struct err err = {0};
    good_row();
    assert_true(coupon_from_cells(row, 11, &coupon, &err));
    assert_int_equal(coupon.coupon_id, 7);
    assert_int_equal(coupon.room_id, 3);
    assert_string_equal(coupon.title, "Sale");
    assert_int_equal(coupon.total, 100);
    assert_int_equal(coupon.per_user_limit, 1);
    assert_int_equal(coupon.opens_at_ms, 5);
    assert_int_equal(coupon.ends_at_ms, 0);
    assert_true(coupon.gate_open);
    assert_int_equal(coupon.hold_ms, 10000);
    assert_int_equal(coupon.opened, 2);
    assert_int_equal(coupon.version, 9);
    row[7] = value_text("closed", 6);
    assert_true(coupon_from_cells(row, 11, &coupon, &err));
    assert_false(coupon.gate_open);
}

static void a_long_title_ends_at_a_whole_character(void **state)
{
    (void)state;
    struct coupon coupon;
    struct err err = {0};
    char title[200];
    for (size_t i = 0; i + 3 <= sizeof title; i += 3)
        memcpy(title + i, "\xe6\xb8\xa9", 3);
    good_row();
    row[2] = value_text(title, 198);
    assert_true(coupon_from_cells(row, 11, &coupon, &err));
    assert_int_equal(strlen(coupon.title), 120);
    title[0] = 'x';
    row[2] = value_text(title, 1);
    memmove(title + 1, title + 3, 195);
    row[2] = value_text(title, 196);
    assert_true(coupon_from_cells(row, 11, &coupon, &err));
    assert_int_equal(strlen(coupon.title), 118); /* 1 + 39 * 3 */
}

static void assert_refused(size_t cell, struct value value)
{
    struct coupon coupon = {.coupon_id = 55};
    struct err err = {0};
    good_row();
    row[cell] = value;
    assert_false(coupon_from_cells(row, 11, &coupon, &err));
    assert_int_equal(err.kind, ERR_DATA);
    assert_int_equal(coupon.coupon_id, 55);
}

static void rows_of_another_shape_are_refused(void **state)
{
    (void)state;
    struct coupon coupon;
    struct err err = {0};
    good_row();
    assert_false(coupon_from_cells(row, 10, &coupon, &err));
    for (size_t i = 0; i < 11; i++)
        assert_refused(i, value_null());
    assert_refused(0, value_text("7", 1));
    assert_refused(1, value_u64(UINT64_C(1) << 32));
    assert_refused(3, value_i64(-1));
    assert_refused(7, value_text("ajar", 4));
    assert_refused(7, value_text("opened", 6));
    assert_refused(10, value_u64(UINT64_MAX));
}

static size_t questions(const char *sql)
{
    size_t count = 0;
    for (; *sql != '\0'; sql++)
        count += *sql == '?';
    return count;
}

static void statements_take_what_the_header_says(void **state)
{
    (void)state;
    assert_int_equal(questions(sql_meta_make), 3);
    assert_int_equal(questions(sql_coupon_claim), 2);
    assert_int_equal(questions(sql_coupon_make), 9);
    assert_int_equal(questions(sql_coupon_details_make), 3);
    assert_int_equal(questions(sql_coupon_restock), 2);
    assert_int_equal(questions(sql_coupon_gate), 2);
    assert_int_equal(questions(sql_stock_log), 8);
    assert_int_equal(questions(sql_lease_take), 2);
    assert_int_equal(questions(sql_route_read), 2);
    assert_int_equal(questions(sql_route_make), 6);
    for (size_t i = 0; i < catalog_ddl_count; i++)
        assert_ptr_equal(strstr(catalog_ddl[i], "CREATE TABLE IF NOT EXISTS"), catalog_ddl[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_read),
        cmocka_unit_test(a_long_title_ends_at_a_whole_character),
        cmocka_unit_test(rows_of_another_shape_are_refused),
        cmocka_unit_test(statements_take_what_the_header_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
