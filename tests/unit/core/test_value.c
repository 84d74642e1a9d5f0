/* Values compare by type and content. */
#include "core/value.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <math.h>

static void same_content_is_equal(void **state)
{
    (void)state;
    assert_true(value_equal(value_null(), value_null()));
    assert_true(value_equal(value_u64(UINT64_MAX), value_u64(UINT64_MAX)));
    assert_true(value_equal(value_i64(-1), value_i64(-1)));
    assert_true(value_equal(value_f64((double)NAN), value_f64((double)NAN)));
    assert_true(value_equal(value_time_ms(5), value_time_ms(5)));
    assert_true(value_equal(value_text("abc", 2), value_text("abd", 2)));
    assert_true(value_equal(value_text(NULL, 0), value_text("", 0)));
}

static void other_content_or_type_is_not(void **state)
{
    (void)state;
    assert_false(value_equal(value_null(), value_u64(0)));
    assert_false(value_equal(value_i64(1), value_u64(1)));
    assert_false(value_equal(value_i64(1), value_time_ms(1)));
    assert_false(value_equal(value_u64(1), value_u64(2)));
    assert_false(value_equal(value_f64(0.0), value_f64(-0.0)));
    assert_false(value_equal(value_text("abc", 3), value_text("abd", 3)));
    assert_false(value_equal(value_text("abc", 3), value_text("abc", 2)));
}

static void types_have_names(void **state)
{
    (void)state;
    assert_string_equal(value_type_name(VALUE_NULL), "null");
    assert_string_equal(value_type_name(VALUE_TIME_MS), "time_ms");
    assert_string_equal(value_type_name((enum value_type)77), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_content_is_equal),
        cmocka_unit_test(other_content_or_type_is_not),
        cmocka_unit_test(types_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
