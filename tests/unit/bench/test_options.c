/* The command line: what is refused, by which sentence, and what the defaults come to. */
#include "bench/storm/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORDS_MAX 16

/* Splits `line` at its spaces and parses it. */
static bool parse(const char *line, struct options *ret_options, struct err *err)
{
    static char words[256];
    char *argv[WORDS_MAX + 1] = {"weir-storm"};
    int argc = 1;
    strncpy(words, line, sizeof words - 1);
    for (char *word = strtok(words, " "); word != NULL && argc < WORDS_MAX; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    return options_parse(argc, argv, ret_options, err);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *line, *sentence;
    } cases[] = {
        {"--bogus", "--bogus"},
        {"-x", "-x"},
        {"--rate", "needs a value"},
        {"extra", "'extra'"},
        {"--quiet=1", "--quiet=1"},
        {"--rate 0", "--rate: must be a whole number from 1 to 200000"},
        {"--rate 200001", "--rate: must"},
        {"--rate -5", "--rate: must"},
        {"--rate 1e3", "--rate: must"},
        {"--rate 99999999999999999999999", "--rate: must"},
        {"--seconds 3601", "--seconds: must"},
        {"--count 10000001", "--count: must"},
        {"--connections 4097", "--connections: must"},
        {"--users 0", "--users: must"},
        {"--timeout-ms 60001", "--timeout-ms: must"},
        {"--scenario nope", "--scenario: must be mix"},
        {"--seconds 1 --count 2", "exclude each other"},
        {"--burst", "--burst needs --count"},
        {"--burst --count 5 --rate 7", "neither --rate"},
        {"--scenario grab", "needs --coupon"},
        {"--scenario grab --coupon 1 --users 5 --count 6", "above --users"},
        {"--scenario grab --coupon 1 --users 5 --clicks 2 --count 11", "above --users"},
        {"--scenario grab --coupon 1 --clicks 0", "--clicks: must"},
        {"--clicks 2", "--clicks is for"},
        {"--rate 200000 --seconds 3600", "too many"},
        {"--scenario grab --coupon 1 --users 10000001", "too many"},
        {"--rate 1 --count 4000", "would last 4000 s"},
        {"--url https://127.0.0.1", "must begin with http://"},
        {"--url http://10.0.0.1:80", "is refused"},
        {"--url http://0.0.0.0:80", "is refused"},
        {"--url http://localhost.example.com", "is refused"},
        {"--url http://127.0.0.10:80", "is refused"},
        {"--url http://127.0.0.1@example.com", "is refused"},
        {"--url http://127.0.0.1:80@example.com", "port"},
        {"--url http://127.0.0.1:0", "port"},
        {"--url http://127.0.0.1:65536", "port"},
        {"--url http://127.0.0.1:+80", "port"},
        {"--url http://127.0.0.1:80/path", "port"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct options o = {.count = 77};
        struct err err = {0};
        assert_false(parse(cases[i].line, &o, &err));
        assert_int_equal(err.kind, ERR_USAGE);
        assert_int_equal(o.count, 77);
        if (strstr(err.text, cases[i].sentence) == NULL) {
            fail_msg("'%s' says: %s", cases[i].line, err.text);
        }
    }
}

static void test_defaults(void **state)
{
    (void)state;
    struct options o;
    struct err err = {0};
    assert_true(parse("", &o, &err));
    assert_int_equal(o.scenario, SCENARIO_MIX);
    assert_int_equal(o.rate, 1000);
    assert_int_equal(o.count, 10000);
    assert_int_equal(o.connections, 64);
    assert_int_equal(o.timeout_ms, 5000);
    assert_string_equal(o.target.host, "127.0.0.1:8080");
    assert_false(o.burst || o.quiet || o.try_keys || o.help || o.version);
}

static void test_counts_that_follow(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        uint64_t count;
    } cases[] = {
        {"--rate 50 --seconds 4", 200},
        {"--count 7", 7},
        {"--burst --count 9", 9},
        {"--scenario grab --coupon 3 --users 400", 400},
        {"--scenario grab --coupon 3 --users 400 --count 30", 30},
        {"--scenario grab --coupon 3 --users 400 --rate 50 --seconds 2", 100},
        {"--scenario grab --coupon 3 --users 400 --rate 50 --seconds 60", 400},
        {"--scenario grab --coupon 3 --users 400 --burst", 400},
        {"--scenario grab --coupon 3 --users 400 --clicks 3", 1200},
        {"--scenario grab --coupon 3 --users 400 --clicks 3 --rate 50 --seconds 60", 1200},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct options o;
        struct err err = {0};
        assert_true(parse(cases[i].line, &o, &err));
        assert_int_equal(o.count, cases[i].count);
    }
}

static void test_targets(void **state)
{
    (void)state;
    struct options o;
    struct err err = {0};
    assert_true(parse("--url http://localhost:81/", &o, &err));
    assert_string_equal(o.target.host, "localhost:81");
    assert_int_equal(o.target.address.in4.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    assert_int_equal(ntohs(o.target.address.in4.sin_port), 81);
    assert_true(parse("--url http://[::1]:82", &o, &err));
    assert_int_equal(o.target.address.in6.sin6_family, AF_INET6);
    assert_int_equal(ntohs(o.target.address.in6.sin6_port), 82);
    assert_true(parse("--url http://127.0.0.1", &o, &err));
    assert_string_equal(o.target.host, "127.0.0.1:80");
}

static void test_help_names_every_option(void **state)
{
    (void)state;
    static const char *const names[] = {"--url",         "--scenario", "--rate",       "--seconds", "--count",
                                        "--connections", "--users",    "--user-first", "--coupon",  "--room",
                                        "--seed",        "--burst",    "--timeout-ms", "--json",    "--history",
                                        "--quiet",       "--help",     "--version"};
    struct buf text = {0};
    options_help(&text);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_non_null(strstr(text.data, names[i]));
    }
    buf_free(&text);
}

static void test_questions_need_nothing_else(void **state)
{
    (void)state;
    struct options o;
    struct err err = {0};
    assert_true(parse("--scenario grab --help", &o, &err));
    assert_true(o.help);
    assert_true(parse("--version", &o, &err));
    assert_true(o.version);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_counts_that_follow),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_help_names_every_option),
        cmocka_unit_test(test_questions_need_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
