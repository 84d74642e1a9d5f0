/* Errors are one sentence of bounded length, whatever goes into them. */
#include "core/err.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

static void set_fills_and_answers_false(void **state)
{
    (void)state;
    struct err err = {0};
    assert_false(err_set_code(&err, ERR_OUTAGE, 2002, "shard %d is away; start it", 3));
    assert_int_equal(err.kind, ERR_OUTAGE);
    assert_int_equal(err.code, 2002);
    assert_string_equal(err.text, "shard 3 is away; start it");
    assert_false(err_set(&err, ERR_DATA, "bad"));
    assert_int_equal(err.code, 0);
    assert_false(err_set(NULL, ERR_DATA, "bad"));
}

static void a_text_may_quote_the_old_one(void **state)
{
    (void)state;
    struct err err = {0};
    err_set(&err, ERR_DATA, "inner");
    err_set(&err, ERR_DATA, "outer (%s)", err.text);
    assert_string_equal(err.text, "outer (inner)");
}

static void prefix_keeps_kind_and_code(void **state)
{
    (void)state;
    struct err err = {0};
    err_set_code(&err, ERR_DUPLICATE, 1062, "key exists");
    assert_false(err_prefix(&err, "table %s", "grabs_p01"));
    assert_string_equal(err.text, "table grabs_p01: key exists");
    assert_int_equal(err.kind, ERR_DUPLICATE);
    assert_int_equal(err.code, 1062);
    assert_false(err_prefix(NULL, "x"));
}

static void long_texts_are_cut_between_characters(void **state)
{
    (void)state;
    char big[801];
    for (size_t at = 0; at < 800; at += 2)
        memcpy(big + at, "\xC3\xA9", 2);
    big[800] = '\0';
    for (int lead = 0; lead < 2; lead++) {
        struct err err = {0};
        err_set(&err, ERR_DATA, "%s%s", lead ? "x" : "", big);
        size_t len = strlen(err.text);
        assert_in_range(len, sizeof err.text - 5, sizeof err.text - 1);
        assert_string_equal(err.text + len - 3, "...");
        assert_int_equal((unsigned char)err.text[len - 4], 0xA9);
        err_prefix(&err, "again");
        assert_string_equal(err.text + strlen(err.text) - 3, "...");
    }
}

static void all_the_room_is_used(void **state)
{
    (void)state;
    struct err err = {0};
    err_set(&err, ERR_DATA, "%0499d", 7);
    assert_int_equal(err.text[498], '7');
    err_set(&err, ERR_DATA, "%0500d", 7);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_string_equal(err.text + 495, "0...");
}

static void a_text_is_one_line(void **state)
{
    (void)state;
    struct err err = {0};
    err_set(&err, ERR_DATA, "a\nb\r\nc");
    assert_string_equal(err.text, "a b  c");
}

static void kinds_have_names_and_exit_codes(void **state)
{
    (void)state;
    static const int codes[] = {0, 2, 3, 1, 1, 1, 1, 1};
    for (int kind = ERR_NONE; kind <= ERR_INTERNAL; kind++) {
        struct err err = {.kind = (enum err_kind)kind};
        assert_int_equal(err_exit_code(&err), codes[kind]);
        assert_string_not_equal(err_kind_name(err.kind), "unknown");
    }
    assert_string_equal(err_kind_name((enum err_kind)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_fills_and_answers_false),
        cmocka_unit_test(a_text_may_quote_the_old_one),
        cmocka_unit_test(prefix_keeps_kind_and_code),
        cmocka_unit_test(long_texts_are_cut_between_characters),
        cmocka_unit_test(all_the_room_is_used),
        cmocka_unit_test(a_text_is_one_line),
        cmocka_unit_test(kinds_have_names_and_exit_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
