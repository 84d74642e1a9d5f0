#include "core/planted.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_environment_chooses(void **state)
{
    (void)state;
    setenv("WEIR_PLANTED", "first", 1);
    assert_true(planted_is("first"));
    assert_false(planted_is("second"));
}

static void test_a_process_chooses_one_after_the_other(void **state)
{
    (void)state;
    planted_choose("second");
    assert_true(planted_is("second"));
    assert_false(planted_is("first"));
    planted_choose(NULL);
    assert_false(planted_is("first"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_environment_chooses), /* first: the environment is asked once */
        cmocka_unit_test(test_a_process_chooses_one_after_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
