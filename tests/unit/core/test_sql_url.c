#include "core/sql_internal.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_takes_each_part(void **state)
{
    (void)state;
    struct sql_url url;
    struct err err = {0};
    assert_true(sql_url_parse("mysql://weir:secret@10.0.0.7:3307/weir_catalog", &url, &err));
    assert_string_equal(url.user, "weir");
    assert_string_equal(url.password, "secret");
    assert_string_equal(url.host, "10.0.0.7");
    assert_int_equal(url.port, 3307);
    assert_string_equal(url.database, "weir_catalog");
}

static void test_defaults(void **state)
{
    (void)state;
    struct sql_url url;
    assert_true(sql_url_parse("mysql://weir@db/x", &url, NULL));
    assert_int_equal(url.port, 3306);
    assert_string_equal(url.password, "");
    assert_true(sql_url_parse("mysql://weir:@db/x", &url, NULL));
    assert_string_equal(url.password, "");
}

static void test_decodes_percent(void **state)
{
    (void)state;
    struct sql_url url;
    assert_true(sql_url_parse("mysql://we%3Air:p%40s%2fs%25:@db:1/a%20b", &url, NULL));
    assert_string_equal(url.user, "we:ir");
    assert_string_equal(url.password, "p@s/s%:");
    assert_string_equal(url.database, "a b");
}

static void test_takes_ipv6(void **state)
{
    (void)state;
    struct sql_url url;
    assert_true(sql_url_parse("mysql://u:p@[::1]:3310/x", &url, NULL));
    assert_string_equal(url.host, "::1");
    assert_int_equal(url.port, 3310);
    assert_true(sql_url_parse("mysql://u:p@[fe80::2]/x", &url, NULL));
    assert_string_equal(url.host, "fe80::2");
    assert_int_equal(url.port, 3306);
}

static void test_refuses_bad_urls_without_the_password(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "postgres://u:hidden@h/x",
        "mysql://u:hidden@h",
        "mysql://u:hidden@h/",
        "mysql://h/x",
        "mysql://:hidden@h/x",
        "mysql://u:hidden@/x",
        "mysql://u:hidden@h:0/x",
        "mysql://u:hidden@h:65536/x",
        "mysql://u:a@hidden:b/c@h:1/x", /* a password that should have been escaped */
        "mysql://u:hidden@h:33a/x",
        "mysql://u:hidden@h:/x",
        "mysql://u:hidden%2@h/x",
        "mysql://u:hidden%zz@h/x",
        "mysql://u:hidden%00@h/x",
        "mysql://u:hidden@h/x?ssl=1",
        "mysql://u:hidden@h/x/y",
        "mysql://u:hidden@[::1/x",
        "mysql://u:hidden@[::1]x/x",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err = {0};
        if (sql_check_url(bad[i], &err))
            fail_msg("taken, but is wrong: %s", bad[i]);
        assert_int_equal(err.kind, ERR_USAGE);
        assert_null(strstr(err.text, "hidden"));
        assert_true(strlen(err.text) > 20);
    }
}

static void test_refuses_a_missing_url(void **state)
{
    (void)state;
    struct err err = {0};
    assert_false(sql_check_url(NULL, &err));
    assert_int_equal(err.kind, ERR_USAGE);
}

static void test_failure_leaves_the_result_alone(void **state)
{
    (void)state;
    struct sql_url url = {.port = 7};
    assert_false(sql_url_parse("mysql://u:p@h:99999/x", &url, NULL));
    assert_int_equal(url.port, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_each_part),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_decodes_percent),
        cmocka_unit_test(test_takes_ipv6),
        cmocka_unit_test(test_refuses_bad_urls_without_the_password),
        cmocka_unit_test(test_refuses_a_missing_url),
        cmocka_unit_test(test_failure_leaves_the_result_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
