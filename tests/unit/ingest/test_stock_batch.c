/* Gathering: what goes together, in which order, and how a group's script call is packed. */
#include "ingest/stock_batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct sent {
    struct stock_batch *batch;
    size_t groups;
    struct stock_group group[64];
    struct stock_item add_on_send; /* grab_id 0: none */
};

static void on_send(struct stock_group *group, void *arg)
{
    struct sent *sent = arg;
    assert_true(sent->groups < 64);
    sent->group[sent->groups++] = *group;
    stock_group_free(sent->batch, group);
    if (sent->add_on_send.grab_id != 0)
        stock_batch_add(sent->batch, BATCH_SETTLE, 1, 1, &sent->add_on_send);
    sent->add_on_send.grab_id = 0;
}

static struct sent sent;
static struct stock_batch batch;

static int setup(void **state)
{
    (void)state;
    sent = (struct sent){.batch = &batch};
    stock_batch_init(&batch, on_send, &sent);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stock_batch_free(&batch);
    return 0;
}

static void add(enum stock_batch_kind kind, uint64_t coupon, uint64_t epoch, uint64_t grab)
{
    struct stock_item item = {.grab_id = grab, .user_id = grab + 1000, .try_key = ""};
    stock_batch_add(&batch, kind, coupon, epoch, &item);
}

static void test_nothing_is_sent_before_the_flush(void **state)
{
    (void)state;
    add(BATCH_RESERVE, 7, 0, 1);
    assert_int_equal(sent.groups, 0);
    stock_batch_flush(&batch);
    assert_int_equal(sent.groups, 1);
    stock_batch_flush(&batch); /* nothing is sent twice */
    assert_int_equal(sent.groups, 1);
}

static void test_one_call_a_coupon_in_order(void **state)
{
    (void)state;
    for (uint64_t grab = 1; grab <= 10; grab++)
        add(BATCH_RESERVE, grab % 2 ? 7 : 8, 0, grab);
    stock_batch_flush(&batch);
    assert_int_equal(sent.groups, 2);
    assert_int_equal(sent.group[0].coupon_id, 7);
    assert_int_equal(sent.group[1].coupon_id, 8);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(sent.group[0].item[i].grab_id, 2 * i + 1);
        assert_int_equal(sent.group[1].item[i].grab_id, 2 * i + 2);
    }
}

static void test_a_full_group_begins_another(void **state)
{
    (void)state;
    for (uint64_t grab = 1; grab <= 2 * STOCK_GROUP_ITEMS_MAX + 1; grab++)
        add(BATCH_RESERVE, 7, 0, grab);
    stock_batch_flush(&batch);
    assert_int_equal(sent.groups, 3);
    assert_int_equal(sent.group[0].count, STOCK_GROUP_ITEMS_MAX);
    assert_int_equal(sent.group[1].count, STOCK_GROUP_ITEMS_MAX);
    assert_int_equal(sent.group[2].count, 1);
    assert_int_equal(sent.group[0].item[0].grab_id, 1);
    assert_int_equal(sent.group[2].item[0].grab_id, 2 * STOCK_GROUP_ITEMS_MAX + 1);
}

static void test_settles_go_before_reserves(void **state)
{
    (void)state;
    add(BATCH_RESERVE, 7, 0, 1);
    add(BATCH_RELEASE, 7, 1, 2);
    add(BATCH_CONFIRM, 7, 1, 3);
    add(BATCH_SETTLE, 7, 1, 4);
    stock_batch_flush(&batch);
    assert_int_equal(sent.groups, 4);
    assert_int_equal(sent.group[0].kind, BATCH_SETTLE);
    assert_int_equal(sent.group[1].kind, BATCH_CONFIRM);
    assert_int_equal(sent.group[2].kind, BATCH_RELEASE);
    assert_int_equal(sent.group[3].kind, BATCH_RESERVE);
}

static void test_epochs_are_kept_apart(void **state)
{
    (void)state;
    add(BATCH_SETTLE, 7, 1, 1);
    add(BATCH_SETTLE, 7, 2, 2);
    add(BATCH_SETTLE, 7, 1, 3);
    stock_batch_flush(&batch);
    assert_int_equal(sent.groups, 2);
    assert_int_equal(sent.group[0].epoch, 1);
    assert_int_equal(sent.group[0].count, 2);
    assert_int_equal(sent.group[1].epoch, 2);
}

static void test_what_a_send_adds_waits_for_the_next_flush(void **state)
{
    (void)state;
    sent.add_on_send = (struct stock_item){.grab_id = 99};
    add(BATCH_RESERVE, 7, 0, 1);
    stock_batch_flush(&batch);
    assert_int_equal(sent.groups, 1);
    stock_batch_flush(&batch);
    assert_int_equal(sent.groups, 2);
    assert_int_equal(sent.group[1].item[0].grab_id, 99);
}

static void test_many_coupons(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 3; round++)
        for (uint64_t coupon = 1; coupon <= 60; coupon++)
            add(BATCH_RESERVE, coupon * 256, 0, round * 100 + coupon);
    stock_batch_flush(&batch);
    assert_int_equal(sent.groups, 60);
    for (size_t i = 0; i < 60; i++)
        assert_int_equal(sent.group[i].count, 3);
}

static const char *joined(const struct stock_group *group)
{
    static char text[4096];
    static struct stock_args args;
    size_t len = 0;
    stock_group_pack(group, "run", "repl", &args);
    for (size_t i = 0; i < args.count; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%.*s", i > 0 ? "|" : "", (int)args.arg[i].len,
                                args.arg[i].data);
    return text;
}

static void test_packing(void **state)
{
    (void)state;
    struct stock_group group = {.kind = BATCH_RESERVE, .coupon_id = 7, .count = 2};
    group.item[0] = (struct stock_item){.grab_id = UINT64_C(382371340302155776), .user_id = INT64_MAX, .try_key = "k"};
    group.item[1] = (struct stock_item){.grab_id = 2, .user_id = 12, .try_key = ""};
    assert_int_equal(stock_group_script(&group), STOCK_RESERVE);
    assert_string_equal(joined(&group), "weir:{7}:mark|weir:{7}:stock|weir:{7}:claims|weir:{7}:pending|run|repl|"
                                        "9223372036854775807|382371340302155776|k|12|2|");
    group.kind = BATCH_CONFIRM;
    group.epoch = 5;
    assert_int_equal(stock_group_script(&group), STOCK_SETTLE);
    assert_string_equal(joined(&group), "weir:{7}:mark|weir:{7}:stock|weir:{7}:claims|weir:{7}:pending|run|repl|"
                                        "5|382371340302155776|2");
    group.kind = BATCH_RELEASE;
    assert_int_equal(stock_group_script(&group), STOCK_RELEASE);
}

static void test_a_full_group_can_be_packed(void **state)
{
    (void)state;
    static struct stock_args args;
    struct stock_group group = {.kind = BATCH_RESERVE, .coupon_id = INT64_MAX, .count = STOCK_GROUP_ITEMS_MAX};
    for (size_t i = 0; i < group.count; i++)
        group.item[i] = (struct stock_item){.grab_id = INT64_MAX, .user_id = INT64_MAX, .try_key = "t"};
    stock_group_pack(&group, "run", "repl", &args);
    assert_int_equal(args.count, STOCK_KEYS + 2 + 3 * STOCK_GROUP_ITEMS_MAX);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_nothing_is_sent_before_the_flush),
        CASE(test_one_call_a_coupon_in_order),
        CASE(test_a_full_group_begins_another),
        CASE(test_settles_go_before_reserves),
        CASE(test_epochs_are_kept_apart),
        CASE(test_what_a_send_adds_waits_for_the_next_flush),
        CASE(test_many_coupons),
        cmocka_unit_test(test_packing),
        cmocka_unit_test(test_a_full_group_can_be_packed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
