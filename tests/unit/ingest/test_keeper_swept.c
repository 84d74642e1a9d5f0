/* Which pending marks a sweep takes, and that each is there once. */
#include "ingest/keeper_swept.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

enum { NOW = 1000000, HOLD = 10000, MANY = 100 };

static void only_what_is_due_is_taken(void **state)
{
    (void)state;
    struct swept_list list = {0};
    swept_add(&list, "epoch", "5", NOW, HOLD, MANY);
    swept_add(&list, "1", "P0 1000001 7 ", NOW, HOLD, MANY);
    swept_add(&list, "2", "P0 1010000 7 ", NOW, HOLD, MANY);
    swept_add(&list, "3", "P0 1010900 7 ", NOW, HOLD, MANY); /* reserved while the scan ran */
    assert_int_equal(list.count, 0);
    swept_add(&list, "4", "P1 1000000 8 key", NOW, HOLD, MANY);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.grab[0].grab_id, 4);
    assert_int_equal(list.grab[0].user_id, 8);
    assert_string_equal(list.grab[0].try_key, "key");
    swept_free(&list);
}

static void a_clock_that_was_stepped_back_holds_nothing(void **state)
{
    (void)state;
    struct swept_list list = {0};
    swept_add(&list, "1", "P0 4600000 7 ", NOW, HOLD, MANY);
    swept_add(&list, "2", "C0 1009000 7 ", NOW, HOLD, MANY); /* cancelling already: its hint is of no use any more */
    assert_int_equal(list.count, 2);
    swept_free(&list);
}

static void a_field_that_is_scanned_twice_is_there_once(void **state)
{
    (void)state;
    static const char *const fields[] = {"9", "4", "9", "5", "4", "9"};
    struct swept_list list = {0};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        swept_add(&list, fields[i], "P0 1 7 ", NOW, HOLD, MANY);
    swept_unique(&list);
    assert_int_equal(list.count, 3);
    swept_sort_places(&list);
    for (size_t i = 0; i < 3; i++) {
        struct swept *grab = swept_find(list.grab, list.count, list.grab[i].grab_id);
        assert_ptr_equal(grab, &list.grab[i]); /* a twin would never be found, and its sweep would never end */
    }
    assert_null(swept_find(list.grab, list.count, 6));
    swept_free(&list);
}

static void the_bound_holds_and_an_empty_list_is_fine(void **state)
{
    (void)state;
    struct swept_list list = {0};
    swept_unique(&list);
    swept_keep_taken(&list);
    swept_sort_places(&list);
    assert_null(swept_find(list.grab, 0, 1));
    swept_add(&list, "1", "P0 1 7 ", NOW, HOLD, 1);
    swept_add(&list, "2", "P0 1 7 ", NOW, HOLD, 1);
    assert_int_equal(list.count, 1);
    swept_free(&list);
}

static void runs_end_where_partition_or_table_change(void **state)
{
    (void)state;
    struct swept grabs[] = {{.grab_id = 1, .partition = 2, .taken = true},
                            {.grab_id = 2, .partition = 1, .slot = 9, .taken = true},
                            {.grab_id = 3},
                            {.grab_id = 4, .partition = 1, .slot = 8, .taken = true},
                            {.grab_id = 5, .partition = 1, .slot = 8, .taken = true}};
    struct swept_list list = {.grab = grabs, .count = 5, .cap = 5};
    swept_keep_taken(&list);
    assert_int_equal(list.count, 4);
    swept_sort_places(&list);
    assert_int_equal(swept_run(&list, 0, MANY), 2);
    assert_int_equal(swept_run(&list, 0, 1), 1);
    assert_int_equal(swept_run(&list, 2, MANY), 3);
    assert_int_equal(swept_run(&list, 3, MANY), 4);
    assert_int_equal(list.grab[3].grab_id, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_due_is_taken),
        cmocka_unit_test(a_clock_that_was_stepped_back_holds_nothing),
        cmocka_unit_test(a_field_that_is_scanned_twice_is_there_once),
        cmocka_unit_test(the_bound_holds_and_an_empty_list_is_fine),
        cmocka_unit_test(runs_end_where_partition_or_table_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
