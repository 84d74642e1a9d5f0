/* What the stock's keys, pending marks and try keys look like. */
#include "schemas/stock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_pending(void **state)
{
    (void)state;
    struct stock_pending pending;
    assert_true(stock_pending_parse("P0 1732140000000 123 key", &pending));
    assert_int_equal(pending.state, 'P');
    assert_false(pending.shown);
    assert_int_equal(pending.hint_ms, INT64_C(1732140000000));
    assert_int_equal(pending.user_id, 123);
    assert_string_equal(pending.try_key, "key");
    assert_true(stock_pending_parse("C1 0 9223372036854775807 ", &pending));
    assert_int_equal(pending.state, 'C');
    assert_true(pending.shown);
    assert_true(pending.user_id == INT64_MAX);
    assert_string_equal(pending.try_key, "");
}

/* The scripts would not take these either; a sign or a second blank once passed, and -1 became a user of 2^64 - 1. */
static void test_what_is_no_pending_mark(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",         "7",         "X0 1 1 k",   "P2 1 1 k",  "P0",
        "P0 1 1",   "P0 1 -1 k", "P0 -1 1 k",  "P0  1 1 k", "P0 1  1 k",
        "P0 1 0 k", "P01 1 k",   "P0 1 1 a b", "P0 1 +1 k", "P0 1 9223372036854775808 k",
    };
    struct stock_pending pending;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (stock_pending_parse(wrong[i], &pending))
            fail_msg("taken, but is wrong: %s", wrong[i]);
}

static void test_try_key(void **state)
{
    (void)state;
    char text[66];
    memset(text, 'k', sizeof text);
    assert_true(stock_try_key_ok(text, 1));
    assert_true(stock_try_key_ok(text, 64));
    assert_false(stock_try_key_ok(text, 65));
    assert_false(stock_try_key_ok(text, 0));
    assert_false(stock_try_key_ok("a b", 3));
    assert_false(stock_try_key_ok("\x7f", 1));
}

static void test_keys(void **state)
{
    (void)state;
    struct stock_keys keys;
    stock_keys_of(UINT64_MAX, &keys);
    assert_string_equal(keys.name[STOCK_PENDING], "weir:{18446744073709551615}:pending");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pending),
        cmocka_unit_test(test_what_is_no_pending_mark),
        cmocka_unit_test(test_try_key),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
