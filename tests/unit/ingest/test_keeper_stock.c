/* Which error replies say that a coupon's keys are spoilt. Texts as Redis 7.0 and 6.0 give them. */
#include "ingest/keeper.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

static void garbage_in_the_keys_is_told_apart(void **state)
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
static void what_says_nothing_of_the_keys(void **state)
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
        cmocka_unit_test(garbage_in_the_keys_is_told_apart),
        cmocka_unit_test(what_says_nothing_of_the_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
