/* Buffers grow, stay terminated, and write JSON strings that any parser takes. */
#include "core/buf.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void appends_grow_and_stay_terminated(void **state)
{
    (void)state;
    struct buf buf = {0};
    for (int i = 0; i < 1000; i++) {
        buf_append_char(&buf, (char)('a' + i % 26));
        assert_int_equal(buf.data[buf.len], '\0');
        assert_true(buf.len < buf.cap);
    }
    assert_int_equal(buf.len, 1000);
    assert_int_equal(buf.data[999], 'a' + 999 % 26);
    buf_reset(&buf);
    assert_string_equal(buf.data, "");
    buf_free(&buf);
    assert_null(buf.data);
    assert_int_equal(buf.cap, 0);
    buf_free(&buf);
}

static void empty_appends_give_an_empty_text(void **state)
{
    (void)state;
    struct buf buf = {0};
    buf_append(&buf, NULL, 0);
    assert_string_equal(buf.data, "");
    buf_free(&buf);
}

static void numbers_at_their_limits(void **state)
{
    (void)state;
    struct buf buf = {0};
    buf_append_u64(&buf, 0);
    buf_append_char(&buf, ' ');
    buf_append_u64(&buf, UINT64_MAX);
    buf_append_char(&buf, ' ');
    buf_append_i64(&buf, INT64_MIN);
    buf_append_char(&buf, ' ');
    buf_append_i64(&buf, INT64_MAX);
    assert_string_equal(buf.data, "0 18446744073709551615 -9223372036854775808 9223372036854775807");
    buf_free(&buf);
}

static void printf_longer_than_the_room(void **state)
{
    (void)state;
    struct buf buf = {0};
    buf_append_str(&buf, "x");
    buf_printf(&buf, "%0500d|%s", 7, "end");
    assert_int_equal(buf.len, 505);
    assert_string_equal(buf.data + 501, "|end");
    buf_free(&buf);
}

static void json_text_is(const char *raw, size_t len, const char *want)
{
    struct buf buf = {0};
    buf_append_json(&buf, raw, len);
    assert_string_equal(buf.data, want);
    json_t *read = json_loads(buf.data, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    assert_non_null(read);
    json_decref(read);
    buf_free(&buf);
}

static void json_escapes_what_it_must(void **state)
{
    (void)state;
    json_text_is("plain", 5, "\"plain\"");
    json_text_is("", 0, "\"\"");
    json_text_is("a\"b\\c", 5, "\"a\\\"b\\\\c\"");
    json_text_is("\n\t\r\b\f", 5, "\"\\n\\t\\r\\b\\f\"");
    json_text_is("\0\x01\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\\u007f\"");
    json_text_is("\xC2\x9B", 2, "\"\\u009b\"");
    json_text_is("\xE2\x80\xA7\xE2\x80\xA8\xE2\x80\xA9\xE2\x80\xAA", 12, "\"\xE2\x80\xA7\\u2028\\u2029\xE2\x80\xAA\"");
    json_text_is("\xEF\xBF\xBD\xEF\xBF\xBE\xEF\xBF\xBF", 9, "\"\xEF\xBF\xBD\\ufffe\\uffff\"");
    json_text_is("caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80", 14, "\"caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80\"");
}

static void json_replaces_what_is_not_utf8(void **state)
{
    (void)state;
#define FFFD "\xEF\xBF\xBD"
    json_text_is("a\xFF", 2, "\"a" FFFD "\"");
    json_text_is("\xC3", 1, "\"" FFFD "\"");                            /* cut short */
    json_text_is("\xC0\xAF", 2, "\"" FFFD FFFD "\"");                   /* overlong */
    json_text_is("\xE0\x80\xAF", 3, "\"" FFFD FFFD FFFD "\"");          /* overlong */
    json_text_is("\xED\xA0\x80", 3, "\"" FFFD FFFD FFFD "\"");          /* a surrogate */
    json_text_is("\xF4\x90\x80\x80", 4, "\"" FFFD FFFD FFFD FFFD "\""); /* past U+10FFFF */
    json_text_is("\xC3"
                 "A",
                 2, "\"" FFFD "A\"");
}

static void utf8_sizes(void **state)
{
    (void)state;
    assert_int_equal(utf8_size("", 0), 0);
    assert_int_equal(utf8_size("a", 1), 1);
    assert_int_equal(utf8_size("\xC3\xA9", 2), 2);
    assert_int_equal(utf8_size("\xE2\x82\xAC", 3), 3);
    assert_int_equal(utf8_size("\xF4\x8F\xBF\xBF", 4), 4);
    assert_int_equal(utf8_size("\xE2\x82\xAC", 2), 0);
    assert_int_equal(utf8_size("\x80", 1), 0);
    assert_int_equal(utf8_size("\xC1\xBF", 2), 0); /* the last overlong of each size, and the first that is not */
    assert_int_equal(utf8_size("\xC2\x80", 2), 2);
    assert_int_equal(utf8_size("\xE0\x9F\xBF", 3), 0);
    assert_int_equal(utf8_size("\xE0\xA0\x80", 3), 3);
    assert_int_equal(utf8_size("\xF0\x8F\xBF\xBF", 4), 0);
    assert_int_equal(utf8_size("\xF0\x90\x80\x80", 4), 4);
    assert_int_equal(utf8_size("\xED\x9F\xBF", 3), 3); /* beside the surrogates */
    assert_int_equal(utf8_size("\xEE\x80\x80", 3), 3);
    assert_int_equal(utf8_size("\xF5\x80\x80\x80", 4), 0);
}

static void memory_is_zeroed_and_copied(void **state)
{
    (void)state;
    char *made = mem_alloc(16);
    for (int i = 0; i < 16; i++)
        assert_int_equal(made[i], 0);
    memcpy(made, "kept", 5);
    made = mem_grow(made, 4096);
    assert_string_equal(made, "kept");
    char *copy = mem_copy_str(made);
    assert_string_equal(copy, "kept");
    free(copy);
    free(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_grow_and_stay_terminated),
        cmocka_unit_test(empty_appends_give_an_empty_text),
        cmocka_unit_test(numbers_at_their_limits),
        cmocka_unit_test(printf_longer_than_the_room),
        cmocka_unit_test(json_escapes_what_it_must),
        cmocka_unit_test(json_replaces_what_is_not_utf8),
        cmocka_unit_test(utf8_sizes),
        cmocka_unit_test(memory_is_zeroed_and_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
