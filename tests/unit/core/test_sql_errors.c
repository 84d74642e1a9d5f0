#include "core/sql_internal.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void assert_kind(const int *numbers, size_t count, enum err_kind kind)
{
    for (size_t i = 0; i < count; i++)
        if (sql_error_kind(numbers[i]) != kind)
            fail_msg("%d is %s, not %s", numbers[i], err_kind_name(sql_error_kind(numbers[i])), err_kind_name(kind));
}

#define ASSERT_KIND(kind, ...)                                                                                         \
    do {                                                                                                               \
        const int numbers[] = {__VA_ARGS__};                                                                           \
        assert_kind(numbers, sizeof numbers / sizeof numbers[0], kind);                                                \
    } while (0)

/* The table is searched by halving: a row out of order would hide others, so each number of the contract is asked
 * for. */
static void test_kinds_of_the_contract(void **state)
{
    (void)state;
    ASSERT_KIND(ERR_OUTAGE, 2002, 2003, 2006, 2013, 1205, 1213, 1290, 1792, 1836, 1021, 1114, 3, 1040, 1203, 1317, 1927,
                1053, 3024, 1969, 4031, 5, 23, 1016, 1037, 1041, 1135);
    ASSERT_KIND(ERR_DUPLICATE, 1062, 1586, 1022);
    ASSERT_KIND(ERR_MISSING, 1146, 1049);
    ASSERT_KIND(ERR_DATA, 1264, 1366, 1406, 1048, 1292, 3819, 4025, 1265, 1690);
    ASSERT_KIND(ERR_USAGE, 1044, 1045, 1698);
    ASSERT_KIND(ERR_INTERNAL, 0, -1, 1064, 1153, 1054, 2014, 99999);
    ASSERT_KIND(ERR_INTERNAL, 1364, 1526, 1216, 1452); /* the table's fault: such a row must not become a dead letter */
}

static void test_lost_connections(void **state)
{
    (void)state;
    assert_true(sql_error_lost(2006));
    assert_true(sql_error_lost(2013));
    assert_true(sql_error_lost(1927));
    assert_true(sql_error_lost(1053));
    assert_true(sql_error_lost(2008));
    assert_false(sql_error_lost(1205));
    assert_false(sql_error_lost(1213));
    assert_false(sql_error_lost(1062));
    assert_false(sql_error_lost(1317));
}

static void test_failure_says_where_and_what(void **state)
{
    (void)state;
    struct sql sql = {.where = "db:3306/x", .alive = true};
    struct err err = {0};
    assert_false(sql_fail(&sql, 1062, "Duplicate entry '1'", "INSERT INTO t", &err));
    assert_int_equal(err.kind, ERR_DUPLICATE);
    assert_int_equal(err.code, 1062);
    assert_non_null(strstr(err.text, "db:3306/x"));
    assert_non_null(strstr(err.text, "INSERT INTO t"));
    assert_non_null(strstr(err.text, "Duplicate entry '1'"));
    assert_true(sql_alive(&sql));
    assert_false(sql_fail(&sql, 2013, "", NULL, &err));
    assert_false(sql_alive(&sql));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds_of_the_contract),
        cmocka_unit_test(test_lost_connections),
        cmocka_unit_test(test_failure_says_where_and_what),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
