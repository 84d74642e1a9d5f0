/* Answers of the stock's scripts: only one of exactly the script's shape counts. */
#include "ingest/stock_answer.h"

#include <hiredis.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct reserve_answer answers[STOCK_GROUP_ITEMS_MAX];
static enum confirm_result results[STOCK_GROUP_ITEMS_MAX];

static void *reply_of(const char *wire)
{
    void *reply = NULL;
    redisReader *reader = redisReaderCreate();
    assert_int_equal(redisReaderFeed(reader, wire, strlen(wire)), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    redisReaderFree(reader);
    return reply;
}

static enum reserve_result reserved(const char *wire)
{
    struct stock_group group = {.kind = BATCH_RESERVE, .coupon_id = 7, .count = 1, .item = {{.grab_id = 5}}};
    void *reply = reply_of(wire);
    stock_answer_reserve(&group, reply, answers);
    freeReplyObject(reply);
    return answers[0].result;
}

static size_t held(const char *wire)
{
    struct stock_group group = {.kind = BATCH_CONFIRM, .coupon_id = 7, .epoch = 1, .count = 2};
    void *reply = reply_of(wire);
    size_t count = stock_answer_held(&group, reply, results);
    freeReplyObject(reply);
    return count;
}

#define HEAD "*6\r\n$1\r\n2\r\n$4\r\n4000\r\n$2\r\n17\r\n"

static void test_reserve(void **state)
{
    (void)state;
    assert_int_equal(reserved(HEAD ":1\r\n$0\r\n\r\n:41\r\n"), RESERVE_TAKEN);
    assert_int_equal(answers[0].epoch, 2);
    assert_int_equal(answers[0].hold_ms, 4000);
    assert_int_equal(answers[0].room_id, 17);
    assert_int_equal(answers[0].left, 41);
    assert_int_equal(reserved(HEAD ":3\r\n$2\r\n77\r\n:41\r\n"), RESERVE_EXISTS_PENDING);
    assert_int_equal(answers[0].existing_id, 77);
    assert_int_equal(reserved(HEAD ":7\r\n$0\r\n\r\n:0\r\n"), RESERVE_OUT_OF_STOCK);
    assert_int_equal(reserved("*0\r\n"), RESERVE_CLOSED);
}

static void test_what_is_no_answer_of_reserve(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "$-1\r\n",
        ":1\r\n",
        "-OOM no\r\n",
        "*1\r\n:1\r\n",
        HEAD ":8\r\n$0\r\n\r\n:41\r\n",  /* no such code */
        HEAD ":-1\r\n$0\r\n\r\n:41\r\n", /* nor this */
        HEAD ":2\r\n$0\r\n\r\n:41\r\n",  /* exists, and names none */
        HEAD ":2\r\n$1\r\n5\r\n:41\r\n", /* exists, and is the one just made */
        "*6\r\n$1\r\n0\r\n$4\r\n4000\r\n$2\r\n17\r\n:1\r\n$0\r\n\r\n:41\r\n",
        "*6\r\n$1\r\n2\r\n$1\r\n0\r\n$2\r\n17\r\n:1\r\n$0\r\n\r\n:41\r\n",
        "*6\r\n$1\r\n2\r\n$4\r\n4000\r\n$2\r\n-1\r\n:1\r\n$0\r\n\r\n:41\r\n",
        "*6\r\n$1\r\n2\r\n$4\r\n4000\r\n$10\r\n4294967296\r\n:1\r\n$0\r\n\r\n:41\r\n",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (reserved(wrong[i]) != RESERVE_NO_ANSWER)
            fail_msg("taken, but is wrong: %s", wrong[i]);
    struct stock_group group = {.kind = BATCH_RESERVE, .coupon_id = 7, .count = 1};
    stock_answer_reserve(&group, NULL, answers);
    assert_int_equal(answers[0].result, RESERVE_NO_ANSWER);
}

static void test_held(void **state)
{
    (void)state;
    assert_int_equal(held("*2\r\n:1\r\n:0\r\n"), 1);
    assert_int_equal(results[0], CONFIRM_HELD);
    assert_int_equal(results[1], CONFIRM_NOT_HELD);
    assert_int_equal(held("*1\r\n:1\r\n"), 0);
    assert_int_equal(results[0], CONFIRM_NO_ANSWER);
    assert_int_equal(held("-ERR x\r\n"), 0);
    assert_int_equal(results[1], CONFIRM_NO_ANSWER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_what_is_no_answer_of_reserve),
        cmocka_unit_test(test_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
