/* A log that is shorter than progress, or was cut before it, is told; tokens are long and never the same. */
#include "workers/ownership.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

static enum log_answer marks(int64_t next, int64_t low, int64_t high)
{
    struct err err = {0};
    const enum log_answer answer = ownership_check_marks("grabs", 3, next, low, high, &err);
    assert_int_equal(err.kind, answer == LOG_AGREES ? ERR_NONE : ERR_CONFLICT);
    assert_true(answer == LOG_AGREES || strstr(err.text, "grabs[3]"));
    return answer;
}

static void marks_around_progress(void **state)
{
    (void)state;
    assert_int_equal(marks(0, 0, 0), LOG_AGREES);
    assert_int_equal(marks(5, 0, 5), LOG_AGREES);
    assert_int_equal(marks(5, 5, 9), LOG_AGREES);
    assert_int_equal(marks(5, 0, 4), LOG_DISAGREES);
    assert_int_equal(marks(5, 6, 9), LOG_DISAGREES);
    assert_int_equal(marks(5, 0, 0), LOG_DISAGREES);
}

static void tokens_differ(void **state)
{
    (void)state;
    char one[OWNER_LEN + 1], two[OWNER_LEN + 1];
    owner_make(one);
    owner_make(two);
    assert_int_equal(strspn(one, "0123456789abcdef"), OWNER_LEN);
    assert_int_equal(strlen(one), OWNER_LEN);
    assert_string_not_equal(one, two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks_around_progress),
        cmocka_unit_test(tokens_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
