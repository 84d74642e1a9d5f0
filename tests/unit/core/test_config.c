/* Sources go over one another in order, wrong flags and variables are named, and what is printed shows no secret. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include "config_fixture.h"

static struct sample config;
static struct err err;

static int clean(void **state)
{
    (void)state;
    static const char *const names[] = {"WEIR_HTTP_PORT",   "WEIR_MYSQL_SHARDS",     "WEIR_MYSQL_SHARDS_FILE",
                                        "WEIR_ADMIN_TOKEN", "WEIR_ADMIN_TOKEN_FILE", "WEIR_HTTP_HOST_FILE",
                                        "WEIR_HTTP_THREADS"};
    for (size_t at = 0; at < sizeof names / sizeof *names; at++)
        unsetenv(names[at]);
    config_free(&sample_program, &config);
    config = (struct sample){0};
    err = (struct err){0};
    return 0;
}

/* Loads `yaml` (may be NULL) and up to four arguments. */
static enum config_outcome load(const char *yaml, const char *const args[4], int *ret_rest)
{
    char path[32] = "", flag[64];
    char *argv[8] = {(char *)"weir-sample"};
    int argc = 1;
    if (yaml) {
        write_file(yaml, strlen(yaml), path);
        (void)snprintf(flag, sizeof flag, "--config=%s", path);
        argv[argc++] = flag;
    }
    for (int at = 0; at < 4 && args[at]; at++)
        argv[argc++] = (char *)args[at];
    enum config_outcome outcome = config_load(&sample_program, argc, argv, &config, ret_rest, &err);
    if (yaml)
        unlink(path);
    return outcome;
}
#define LOAD(yaml, ...) load(yaml, (const char *const[4]){__VA_ARGS__}, NULL)

static void flag_fails(const char *first, const char *second, const char *want)
{
    assert_int_equal(LOAD(SHARDS, first, second), CONFIG_FAIL);
    assert_string_equal(err.text, want);
    assert_int_equal(err.kind, ERR_USAGE);
}

static void fallbacks_hold_where_nothing_is_said(void **state)
{
    (void)state;
    assert_int_equal(LOAD(SHARDS, NULL), CONFIG_RUN);
    assert_int_equal(config.http_port, 8081);
    assert_string_equal(config.http_host, "127.0.0.1");
    assert_string_equal(config.log_format, "kv");
    assert_true(config.redis_strict);
    assert_string_equal(config.admin_token, "");
    assert_int_equal(config.mysql_shards.count, 1);
    assert_string_equal(config.mysql_shards.item[0], "mysql://u:p@h/d");
}

static void environment_goes_over_file_and_flags_over_that(void **state)
{
    (void)state;
    const char *yaml = SHARDS "http:\n  port: 1000\n  threads: 2\n  host: file\n";
    setenv("WEIR_HTTP_PORT", "2000", 1);
    setenv("WEIR_HTTP_THREADS", "3", 1);
    assert_int_equal(LOAD(yaml, "--http.port=3000"), CONFIG_RUN);
    assert_int_equal(config.http_port, 3000);
    assert_int_equal(config.http_threads, 3);
    assert_string_equal(config.http_host, "file");
}

static void lists_come_from_all_sources(void **state)
{
    (void)state;
    assert_int_equal(LOAD("mysql:\n  shards:\n    - mysql://a/0\n    - mysql://b/1\n", NULL), CONFIG_RUN);
    assert_int_equal(config.mysql_shards.count, 2);
    assert_string_equal(config.mysql_shards.item[1], "mysql://b/1");
    config_free(&sample_program, &config);
    setenv("WEIR_MYSQL_SHARDS", "mysql://c/0, mysql://d/1 ,mysql://e/2", 1);
    assert_int_equal(LOAD("mysql:\n  shards: mysql://a/0\n", NULL), CONFIG_RUN);
    assert_int_equal(config.mysql_shards.count, 3);
    assert_string_equal(config.mysql_shards.item[1], "mysql://d/1");
    config_free(&sample_program, &config);
    assert_int_equal(LOAD(NULL, "--mysql.shards", "mysql://f/0,mysql://g/1"), CONFIG_RUN);
    assert_string_equal(config.mysql_shards.item[0], "mysql://f/0");
}

static void flags_end_at_the_first_word(void **state)
{
    (void)state;
    int rest = 0;
    assert_int_equal(load(NULL, (const char *const[4]){"--mysql.shards=mysql://a/0", "seed", "--users", "3"}, &rest),
                     CONFIG_RUN);
    assert_int_equal(rest, 2);
    config_free(&sample_program, &config);
    assert_int_equal(load(NULL, (const char *const[4]){"--mysql.shards=mysql://a/0", "--", "--seed"}, &rest),
                     CONFIG_RUN);
    assert_int_equal(rest, 3);
    flag_fails("seed", NULL, "seed: is left over; this program takes flags only, see --help");
}

static void wrong_flags_are_named(void **state)
{
    (void)state;
    flag_fails("--http.prot=1", NULL, "--http.prot: unknown flag; the nearest right one is --http.port");
    flag_fails("--print-confg", NULL, "--print-confg: unknown flag; the nearest right one is --print-config");
    flag_fails("-v", NULL, "-v: unknown flag; flags begin with --, see --help");
    flag_fails("--http.port", NULL, "--http.port: needs a value, as in --http.port=VALUE");
    flag_fails("--http.host", "--http.port=1", "--http.host: needs a value, as in --http.host=VALUE");
    flag_fails("--help=yes", NULL, "--help: takes no value");
    flag_fails("--http.port=0", NULL, "--http.port: must be 1 to 65535");
    flag_fails("--http.port", "-5", "--http.port: must be 1 to 65535");
    flag_fails("--http.host=", NULL, "--http.host: must not be empty");
    flag_fails("--mysql.shards=", NULL, "--mysql.shards: must be a list of 1 to 64 URLs");
    flag_fails("--mysql.shards=mysql://a/0,b", NULL,
               "--mysql.shards: item 2 must be a URL, such as redis://127.0.0.1:6379/0");
    flag_fails("--admin.token=a\tb", NULL, "--admin.token: must be UTF-8 text without control characters");
    flag_fails("--admin.token=\xFF", NULL, "--admin.token: must be UTF-8 text without control characters");
}

static void wrong_variables_are_named(void **state)
{
    (void)state;
    setenv("WEIR_HTTP_PORT", "many", 1);
    flag_fails(NULL, NULL, "WEIR_HTTP_PORT: must be a whole number in decimal digits");
    setenv("WEIR_HTTP_PORT", "", 1);
    flag_fails("--http.port=1", NULL, "WEIR_HTTP_PORT: must be a whole number in decimal digits");
}

static void what_must_be_given_is_asked_for(void **state)
{
    (void)state;
    assert_int_equal(LOAD(NULL, NULL), CONFIG_FAIL);
    assert_string_equal(
        err.text,
        "mysql.shards: must be given, in a file named by --config, as WEIR_MYSQL_SHARDS[_FILE] or as --mysql.shards");
    assert_null(config.http_host); /* nothing is left behind */
}

static void secrets_come_from_files(void **state)
{
    (void)state;
    char path[32];
    write_file("s3cret\r\n", 8, path);
    setenv("WEIR_ADMIN_TOKEN_FILE", path, 1);
    assert_int_equal(LOAD(SHARDS, NULL), CONFIG_RUN);
    assert_string_equal(config.admin_token, "s3cret");
    setenv("WEIR_ADMIN_TOKEN", "other", 1);
    config_free(&sample_program, &config);
    flag_fails(NULL, NULL, "WEIR_ADMIN_TOKEN and WEIR_ADMIN_TOKEN_FILE are both set; keep one");
    unlink(path);
    unsetenv("WEIR_ADMIN_TOKEN");
    assert_int_equal(LOAD(SHARDS, NULL), CONFIG_FAIL);
    assert_int_equal(strncmp(err.text, "WEIR_ADMIN_TOKEN_FILE: /tmp/weir_config_", 40), 0);
    assert_non_null(strstr(err.text, "cannot be read: No such file or directory"));
}

static void lists_come_from_files_one_a_line(void **state)
{
    (void)state;
    char path[32];
    write_file("mysql://a/0\nmysql://b/1\n", 24, path);
    setenv("WEIR_MYSQL_SHARDS_FILE", path, 1);
    assert_int_equal(LOAD(NULL, NULL), CONFIG_RUN);
    assert_int_equal(config.mysql_shards.count, 2);
    assert_string_equal(config.mysql_shards.item[1], "mysql://b/1");
    unlink(path);
}

static void only_secrets_and_urls_come_from_files(void **state)
{
    (void)state;
    setenv("WEIR_HTTP_HOST_FILE", "/nowhere", 1);
    assert_int_equal(LOAD(SHARDS, NULL), CONFIG_RUN);
    assert_string_equal(config.http_host, "127.0.0.1");
}

static void printed_values_hide_secrets_and_load_again(void **state)
{
    (void)state;
    assert_int_equal(
        LOAD(NULL, "--mysql.shards=mysql://u:p@ss@a/0,mysql://b/1", "--admin.token=tok\"en", "--http.host=h:\"1\""),
        CONFIG_RUN);
    struct buf text = {0};
    config_show_values(&sample_program, &config, &text);
    assert_string_equal(text.data, "http:\n  port: 8081\n  threads: 1\n  host: \"h:\\\"1\\\"\"\n"
                                   "log:\n  format: \"kv\"\n"
                                   "redis:\n  strict: true\n  stock: \"redis://:***@127.0.0.1:6379/0\"\n"
                                   "mysql:\n  shards: [\"mysql://u:***@a/0\", \"mysql://b/1\"]\n"
                                   "admin:\n  token: \"***\"\n"
                                   "worker:\n  batch_age_ms: 50\n");
    config_free(&sample_program, &config);
    assert_int_equal(LOAD(text.data, NULL), CONFIG_RUN);
    assert_string_equal(config.http_host, "h:\"1\"");
    buf_free(&text);
}

static void the_table_has_a_row_for_each(void **state)
{
    (void)state;
    struct buf text = {0};
    config_show_table(&sample_program, &text);
    assert_non_null(
        strstr(text.data, "| `http.port` | whole number, 1 to 65535 | `8081` | port of the HTTP listener |\n"));
    assert_non_null(strstr(text.data, "| `log.format` | kv or json | `kv` | form of log lines: a\\|b |\n"));
    assert_non_null(strstr(text.data, "| `mysql.shards` | list of URLs | must be given | shards, in order |\n"));
    assert_non_null(strstr(text.data, "| `redis.stock` | URL | `redis://:***@127.0.0.1:6379/0` |"));
    assert_non_null(strstr(text.data, "| `admin.token` | secret | empty | bearer token |\n"));
    assert_non_null(strstr(text.data, "| `worker.batch_age_ms` | whole number, at least 0 | `50` |"));
    buf_reset(&text);
    config_show_help(&sample_program, &text);
    for (size_t at = 0; at < sample_program.row_count; at++)
        assert_non_null(strstr(text.data, sample_rows[at].name));
    assert_int_equal(strncmp(text.data, "Usage: weir-sample [flags] [word ...]\nA sample.\n", 48), 0);
    buf_free(&text);
}

static void urls_hide_their_password(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"mysql://weir:pw@h:3306/db", "mysql://weir:***@h:3306/db"},
        {"redis://:pw@h/0", "redis://:***@h/0"},
        {"redis://h:6379/0", "redis://h:6379/0"},
        {"mysql://weir@h/db", "mysql://weir@h/db"},
        {"mysql://u:a/b@c@h/db", "mysql://u:***@h/db"},
        {"u:pw@h", "u:***@h"},
        {"", ""},
    };
    for (size_t at = 0; at < sizeof pairs / sizeof *pairs; at++) {
        struct buf text = {0};
        config_append_url(&text, pairs[at][0]);
        assert_string_equal(text.data, pairs[at][1]);
        buf_free(&text);
    }
}

static void distances(void **state)
{
    (void)state;
    assert_int_equal(config_distance("kitten", "sitting"), 3);
    assert_int_equal(config_distance("", "abc"), 3);
    assert_int_equal(config_distance("abc", "abc"), 0);
    assert_int_equal(config_distance("prot", "port"), 2);
    assert_string_equal(config_nearest(&sample_program, "htp.thread"), "http.threads");
}

static void rows_that_are_wrong_are_the_programs_fault(void **state)
{
    (void)state;
    static const struct setting bad[][2] = {
        {{.name = "port", .type = SETTING_BOOL, .fallback = "true", .help = "h"},
         {.name = "a.c", .fallback = "1", .max = 1, .help = "h"}},
        {{.name = "a.b", .fallback = "1", .max = 1, .help = "h"},
         {.name = "a.b", .fallback = "1", .max = 1, .help = "h"}},
        {{.name = "a.b", .fallback = "9", .max = 1, .help = "h"},
         {.name = "a.c", .fallback = "1", .max = 1, .help = "h"}},
        {{.name = "a.b", .type = SETTING_CHOICE, .fallback = "x", .help = "h"},
         {.name = "a.c", .fallback = "1", .max = 1, .help = "h"}},
    };
    for (size_t at = 0; at < sizeof bad / sizeof *bad; at++) {
        struct config_program program = {.name = "p", .summary = "s", .usage = "", .rows = bad[at], .row_count = 2};
        int64_t field[64] = {0};
        char *argv[] = {(char *)"p", NULL};
        err = (struct err){0};
        assert_int_equal(config_load(&program, 1, argv, field, NULL, &err), CONFIG_FAIL);
        assert_int_equal(err.kind, ERR_INTERNAL);
    }
}

#define CLEAN(test) cmocka_unit_test_setup_teardown(test, clean, clean)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLEAN(fallbacks_hold_where_nothing_is_said),
        CLEAN(environment_goes_over_file_and_flags_over_that),
        CLEAN(lists_come_from_all_sources),
        CLEAN(flags_end_at_the_first_word),
        CLEAN(wrong_flags_are_named),
        CLEAN(wrong_variables_are_named),
        CLEAN(what_must_be_given_is_asked_for),
        CLEAN(secrets_come_from_files),
        CLEAN(lists_come_from_files_one_a_line),
        CLEAN(only_secrets_and_urls_come_from_files),
        CLEAN(printed_values_hide_secrets_and_load_again),
        CLEAN(the_table_has_a_row_for_each),
        CLEAN(urls_hide_their_password),
        CLEAN(distances),
        CLEAN(rows_that_are_wrong_are_the_programs_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
