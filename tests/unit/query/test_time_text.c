#include "query/time_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NOON INT64_C(1795176000000) /* 2026-11-20T12:00:00Z */

static int64_t parsed(const char *text)
{
    int64_t ms;
    if (!time_text_parse(text, strlen(text), &ms))
        fail_msg("\"%s\" was refused", text);
    return ms;
}

static void test_forms(void **state)
{
    (void)state;
    assert_true(parsed("1970-01-01T00:00:00Z") == 0);
    assert_true(parsed("2026-11-20T12:00:00Z") == NOON);
    assert_true(parsed("2026-11-20t12:00:00z") == NOON);
    assert_true(parsed("2026-11-20 12:00:00Z") == NOON);
    assert_true(parsed("2026-11-20T20:00:00+08:00") == NOON);
    assert_true(parsed("2026-11-20T20:00:00 08:00") == NOON); /* a plus that was not escaped */
    assert_true(parsed("2026-11-20T06:30:00-05:30") == NOON);
    assert_true(parsed("2024-02-29T23:59:59.999Z") == INT64_C(1709251199999));
}

static void test_below_a_millisecond_is_rounded_up(void **state)
{
    (void)state;
    assert_true(parsed("2026-11-20T12:00:00.1Z") == NOON + 100);
    assert_true(parsed("2026-11-20T12:00:00.001Z") == NOON + 1);
    assert_true(parsed("2026-11-20T12:00:00.001000Z") == NOON + 1);
    assert_true(parsed("2026-11-20T12:00:00.0010001Z") == NOON + 2);
    assert_true(parsed("2026-11-20T12:00:00.9999Z") == NOON + 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_below_a_millisecond_is_rounded_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
