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

/* Texts as Redis 7.0 and 6.0 give them. */
static void test_garbage_in_the_keys_is_told_apart(void **state)
{
    (void)state;
    static const char *const spoilt[] = {
        "WRONGTYPE Operation against a key holding the wrong kind of value script: f00, on @user_script:12.",
        "ERR user_script:9: attempt to perform arithmetic on a nil value script: f00, on @user_script:9.",
        "ERR user_script:40: attempt to compare nil with number script: f00, on @user_script:40.",
        "ERR hash value is not an integer script: f00, on @user_script:7.",
        "ERR Error running script (call to f_f00): @user_script:12: WRONGTYPE Operation against a key holding the "
        "wrong kind of value",
    };
    for (size_t i = 0; i < sizeof spoilt / sizeof *spoilt; i++)
        assert_true(stock_error_is_of_keys(spoilt[i]));
}

/* A rebuild would help none of these, and close every sale. */
static void test_what_says_nothing_of_the_keys(void **state)
{
    (void)state;
    static const char *const other[] = {
        "",
        "OOM command not allowed when used memory > 'maxmemory'. script: f00, on @user_script:12.",
        "ERR Error running script (call to f_f00): @user_script:12: -OOM command not allowed when used memory > "
        "'maxmemory'.",
        "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
        "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
        "NOPERM this user has no permissions to run the 'evalsha' command",
        "NOREPLICAS Not enough good replicas to write.",
        "ERR The user executing the script can't run this command or subcommand script: f00, on @user_script:3.",
    };
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        assert_false(stock_error_is_of_keys(other[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pending),
        cmocka_unit_test(test_what_is_no_pending_mark),
        cmocka_unit_test(test_try_key),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_garbage_in_the_keys_is_told_apart),
        cmocka_unit_test(test_what_says_nothing_of_the_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
