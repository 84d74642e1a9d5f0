/* The list of coupons whose rows are missing, and its sentence. */
#include "ingest/keeper.h"
#include <string.h>

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

static void a_list_knows_its_coupons(void **state)
{
    (void)state;
    struct lost_rows one[] = {{.coupon_id = 11}, {.coupon_id = 12}}, two = {.coupon_id = 13, .shard = 2};
    struct lost_list list = {0};
    lost_add(&list, &(struct lost_list){0});
    assert_false(lost_has(&list, 11));
    lost_add(&list, &(struct lost_list){.item = one, .count = 2});
    lost_add(&list, &(struct lost_list){.item = &two, .count = 1});
    assert_true(lost_has(&list, 11) && lost_has(&list, 12) && lost_has(&list, 13));
    assert_false(lost_has(&list, 14));
    assert_int_equal(list.count, 3);
    assert_int_equal(list.item[2].shard, 2);
    lost_free(&list);
    assert_false(lost_has(&list, 11));
}

static void the_sentence_names_coupon_table_and_counts(void **state)
{
    (void)state;
    struct keeper keeper = {.stream = stream_find("grabs")};
    struct lost_rows rows[] = {{.coupon_id = 12, .shard = 1, .slot = 3, .found = 4, .wanted = 500},
                               {.coupon_id = 12, .shard = 2, .slot = 6}};
    const struct lost_list list = {.item = rows, .count = 2};
    char text[LOST_TEXT_MAX];
    keeper.layout = stream_layout(keeper.stream, "hash");
    lost_text(&keeper, &list, 12, text);
    assert_non_null(strstr(text, "coupon 12 stays closed: table grabs_p03 of shard 1 has 4 rows of it, and the totals "
                                 "count 500"));
    keeper.layout = stream_layout(keeper.stream, "daily");
    lost_text(&keeper, &list, 12, text);
    assert_non_null(strstr(text, "table grabs_1970_01_04 of shard 1"));
    lost_text(&keeper, &list, 13, text);
    assert_string_equal(text, "");
}

static void a_rebuilds_list_takes_the_place_of_the_old_one(void **state)
{
    (void)state;
    static struct keeper keeper;
    struct lost_rows old = {.coupon_id = 11}, new = {.coupon_id = 12};
    struct lost_list list = {0};
    lost_add(&list, &(struct lost_list){.item = &old, .count = 1});
    keeper_lost_keep(&keeper, &list);
    assert_true(lost_has(&keeper.lost.list, 11));
    assert_int_equal(list.count, 0); /* it is the keeper's now */
    lost_add(&list, &(struct lost_list){.item = &new, .count = 1});
    keeper_lost_keep(&keeper, &list);
    assert_false(lost_has(&keeper.lost.list, 11));
    assert_true(lost_has(&keeper.lost.list, 12));
    keeper_lost_keep(&keeper, &list);
    assert_false(lost_has(&keeper.lost.list, 12));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_knows_its_coupons),
        cmocka_unit_test(the_sentence_names_coupon_table_and_counts),
        cmocka_unit_test(a_rebuilds_list_takes_the_place_of_the_old_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
