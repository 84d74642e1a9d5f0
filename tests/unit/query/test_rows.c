#include "query/rows.h"

#include "schemas/grabs.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* user, coupon, room, grab_id, status, reason, time, use, key */
static void make_cells(uint64_t id, struct value cells[9])
{
    const struct value made[9] = {
        value_u64(9007199254740993),           value_u64(7), value_u64(17), value_u64(id), value_u64(1), value_null(),
        value_time_ms(INT64_C(1795176000123)), value_u64(0), value_null()};
    memcpy(cells, made, sizeof made);
}

static void add(struct row_list *list, uint64_t id)
{
    struct value cells[9];
    make_cells(id, cells);
    assert_true(row_list_add(list, &stream_grabs, cells, 9));
}

static void test_a_row_is_json_by_the_column_table(void **state)
{
    (void)state;
    struct row_list list = {0};
    add(&list, UINT64_C(381234567890123456));
    assert_string_equal(
        list.text.data,
        "{\"user_id\":9007199254740993,\"coupon_id\":7,\"room_id\":17,\"grab_id\":\"381234567890123456\",\"grab_"
        "status\":1,"
        "\"fail_reason\":null,\"grab_time\":\"2026-11-20T12:00:00.123Z\",\"use_status\":0,\"try_key\":null}");
    assert_true(list.row[0].id == UINT64_C(381234567890123456));
    assert_int_equal(list.row[0].len, list.text.len);
    row_list_free(&list);
}

static void test_text_is_escaped_and_a_column_can_be_left_out(void **state)
{
    (void)state;
    struct value cells[9];
    struct buf json = {0};
    make_cells(5, cells);
    cells[4] = value_i64(0);
    cells[5] = value_text("cancelled", 9);
    cells[8] = value_text("a\"\\b", 4);
    row_append_json(&stream_grabs, cells, 9, "grab_id", &json);
    assert_string_equal(
        json.data,
        "\"user_id\":9007199254740993,\"coupon_id\":7,\"room_id\":17,\"grab_status\":0,\"fail_reason\":\"cancelled\","
        "\"grab_time\":\"2026-11-20T12:00:00.123Z\",\"use_status\":0,\"try_key\":\"a\\\"\\\\b\"");
    buf_free(&json);
}

static void test_cells_of_another_shape_are_refused(void **state)
{
    (void)state;
    struct value cells[9];
    struct row_list list = {0};
    make_cells(5, cells);
    assert_false(row_list_add(&list, &stream_grabs, cells, 8));
    cells[3] = value_null();
    assert_false(row_list_add(&list, &stream_grabs, cells, 9));
    cells[3] = value_i64(-5);
    assert_false(row_list_add(&list, &stream_grabs, cells, 9));
    assert_int_equal(list.count, 0);
    row_list_free(&list);
}

/* ---- merge ---- */

struct merged {
    uint64_t id[64];
    const struct row_list *list[64];
    size_t count;
};

static void keep(const struct row_list *list, const struct row_ref *row, void *arg)
{
    struct merged *merged = arg;
    assert_int_equal(list->text.data[row->at], '{');
    merged->list[merged->count] = list;
    merged->id[merged->count++] = row->id;
}

static void assert_ids(const struct merged *merged, size_t count, const uint64_t *ids)
{
    assert_int_equal(merged->count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(merged->id[i], ids[i]);
}

static void test_merge_is_ordered_and_ends_at_the_limit(void **state)
{
    (void)state;
    struct row_list a = {0}, b = {0}, c = {0}, empty = {0};
    const struct row_list *const lists[] = {&a, &empty, &b, &c};
    struct merged merged = {0};
    add(&a, 90), add(&a, 50), add(&a, 10);
    add(&b, 80);
    add(&c, 70), add(&c, 60), add(&c, 40), add(&c, 30), add(&c, 20);
    assert_int_equal(rows_merge(lists, 4, 100, keep, &merged), 9);
    assert_ids(&merged, 9, (const uint64_t[]){90, 80, 70, 60, 50, 40, 30, 20, 10});
    merged.count = 0;
    assert_int_equal(rows_merge(lists, 4, 4, keep, &merged), 4);
    assert_ids(&merged, 4, (const uint64_t[]){90, 80, 70, 60});
    merged.count = 0;
    assert_int_equal(rows_merge(lists, 4, 0, keep, &merged), 0);
    row_list_free(&a), row_list_free(&b), row_list_free(&c);
}

static void test_merge_of_nothing(void **state)
{
    (void)state;
    struct row_list empty = {0};
    const struct row_list *const lists[] = {&empty, &empty};
    struct merged merged = {0};
    assert_int_equal(rows_merge(lists, 2, 10, keep, &merged), 0);
    assert_int_equal(rows_merge(NULL, 0, 10, keep, &merged), 0);
}

static void test_merge_keeps_equal_ids_in_the_order_of_lists(void **state)
{
    (void)state;
    struct row_list a = {0}, b = {0};
    const struct row_list *const lists[] = {&a, &b};
    struct merged merged = {0};
    add(&a, 5), add(&a, 3);
    add(&b, 5), add(&b, 3);
    assert_int_equal(rows_merge(lists, 2, 10, keep, &merged), 4);
    assert_ids(&merged, 4, (const uint64_t[]){5, 5, 3, 3});
    assert_ptr_equal(merged.list[0], &a);
    assert_ptr_equal(merged.list[1], &b);
    row_list_free(&a), row_list_free(&b);
}

static void test_merge_equals_a_sort(void **state)
{
    (void)state;
    struct row_list list[7] = {{.count = 0}};
    const struct row_list *lists[7];
    struct merged merged = {0};
    for (uint64_t id = 60; id > 0; id--)
        add(&list[id * id % 7], id); /* uneven: some lists stay empty */
    for (int i = 0; i < 7; i++)
        lists[i] = &list[i];
    assert_int_equal(rows_merge(lists, 7, 64, keep, &merged), 60);
    for (uint64_t i = 0; i < 60; i++)
        assert_int_equal(merged.id[i], 60 - i);
    for (int i = 0; i < 7; i++)
        row_list_free(&list[i]);
}

static void test_a_cleared_list_is_empty(void **state)
{
    (void)state;
    struct row_list list = {0};
    add(&list, 5);
    row_list_clear(&list);
    assert_int_equal(list.count, 0);
    add(&list, 6);
    assert_int_equal(list.row[0].at, 0);
    row_list_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_row_is_json_by_the_column_table),
        cmocka_unit_test(test_text_is_escaped_and_a_column_can_be_left_out),
        cmocka_unit_test(test_cells_of_another_shape_are_refused),
        cmocka_unit_test(test_merge_is_ordered_and_ends_at_the_limit),
        cmocka_unit_test(test_merge_of_nothing),
        cmocka_unit_test(test_merge_keeps_equal_ids_in_the_order_of_lists),
        cmocka_unit_test(test_merge_equals_a_sort),
        cmocka_unit_test(test_a_cleared_list_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
