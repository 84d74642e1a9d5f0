/* A table that the server calls missing, held against the server's own list, which the test hands in. */
#include "core/sql_internal.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { LOST = 2013, NO_DESCRIPTOR = 1018 };

static const char *const *listed; /* ends with NULL */
static const char *asked;         /* LIKE this */
static unsigned refused;          /* with this number; 0: the list is given */

MYSQL_RES *__wrap_mysql_list_tables(MYSQL *mysql, const char *like);
MYSQL_ROW __wrap_mysql_fetch_row(MYSQL_RES *list);
void __wrap_mysql_free_result(MYSQL_RES *list);
unsigned __wrap_mysql_errno(MYSQL *mysql);

MYSQL_RES *__wrap_mysql_list_tables(MYSQL *mysql, const char *like)
{
    static char asked_copy[300];
    assert_non_null(mysql);
    assert_true(strlen(like) < sizeof asked_copy);
    memcpy(asked_copy, like, strlen(like) + 1);
    asked = asked_copy;
    return refused ? NULL : (MYSQL_RES *)&listed;
}

MYSQL_ROW __wrap_mysql_fetch_row(MYSQL_RES *list)
{
    static char *row[1];
    assert_ptr_equal(list, &listed);
    row[0] = (char *)*listed;
    return *listed++ ? row : NULL;
}

void __wrap_mysql_free_result(MYSQL_RES *list)
{
    assert_ptr_equal(list, &listed);
}

unsigned __wrap_mysql_errno(MYSQL *mysql)
{
    assert_non_null(mysql);
    return refused;
}

static bool gone(const char *words, const char *const *tables, bool *ret_alive)
{
    struct sql sql = {.mysql = (MYSQL *)&refused, .alive = true};
    listed = tables;
    asked = NULL;
    bool is_gone = sql_table_gone(&sql, words);
    *ret_alive = sql.alive;
    return is_gone;
}

static const char words[] = "Table 'weir_2.grabs_20261120' doesn't exist";

static void test_what_the_list_says(void **state)
{
    (void)state;
    bool alive;
    static const char *const none[] = {NULL}, *const others[] = {"grabs-20261120", "grabs_2026112", NULL},
                             *const it[] = {"grabs-20261120", "grabs_20261120", NULL},
                             *const in_capitals[] = {"GRABS_20261120", NULL};
    refused = 0;
    assert_true(gone(words, none, &alive) && alive);
    assert_string_equal(asked, "grabs_20261120");
    assert_true(gone(words, others, &alive)); /* LIKE's underscore is any character */
    assert_false(gone(words, it, &alive));
    assert_false(gone(words, in_capitals, &alive)); /* lower_case_table_names */
}

static void test_a_list_that_is_refused_tells_nothing(void **state)
{
    (void)state;
    bool alive;
    refused = NO_DESCRIPTOR;
    assert_false(gone(words, NULL, &alive));
    assert_true(alive);
    refused = LOST;
    assert_false(gone(words, NULL, &alive));
    assert_false(alive);
}

static void test_a_database_with_dots_in_its_name(void **state)
{
    (void)state;
    bool alive;
    static const char *const it[] = {"progress", NULL};
    refused = 0;
    assert_false(gone("Table 'weir.eu.2.progress' doesn't exist", it, &alive));
    assert_string_equal(asked, "progress");
}

/* The number says it alone; nothing is asked. */
static void test_words_without_a_name(void **state)
{
    (void)state;
    bool alive;
    char long_name[400];
    refused = 0;
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    memcpy(long_name, "Table 'a.", 9);
    static const char *const none[] = {NULL};
    const char *const without[] = {NULL, "", "no name", "Table 'a.' doesn't exist", long_name};
    for (size_t i = 0; i < sizeof without / sizeof *without; i++) {
        assert_true(gone(without[i], none, &alive) && alive);
        assert_null(asked);
    }
}

static void test_without_a_connection(void **state)
{
    (void)state;
    struct sql sql = {0};
    asked = NULL;
    assert_true(sql_table_gone(&sql, words));
    assert_null(asked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_the_list_says),
        cmocka_unit_test(test_a_list_that_is_refused_tells_nothing),
        cmocka_unit_test(test_a_database_with_dots_in_its_name),
        cmocka_unit_test(test_words_without_a_name),
        cmocka_unit_test(test_without_a_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
