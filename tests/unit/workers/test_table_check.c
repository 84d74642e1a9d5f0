/* A missing table of a day that rows were stored in is told from one that was dropped on purpose, and from a new
 * one. */
#include "workers/table_check.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

enum { TODAY = 20778 };

static bool lost(bool exists, bool has_older, bool was_used, int32_t day)
{
    const struct table_day known = {.exists = exists, .has_older = has_older, .was_used = was_used};
    return table_day_lost(&known, day, TODAY);
}

static void a_table_that_is_there(void **state)
{
    (void)state;
    assert_false(lost(true, true, true, TODAY));
    assert_false(lost(true, false, true, TODAY - 9));
}

static void a_new_day(void **state)
{
    (void)state;
    assert_false(lost(false, true, false, TODAY));
    assert_false(lost(false, true, false, TODAY + 1));
    assert_false(lost(false, false, false, TODAY - 9)); /* a late record of a day without any */
}

static void a_day_with_rows(void **state)
{
    (void)state;
    assert_true(lost(false, true, true, TODAY));
    assert_true(lost(false, false, true, TODAY));     /* never dropped by command */
    assert_true(lost(false, false, true, TODAY - 1)); /* neither */
    assert_true(lost(false, true, true, TODAY - 9));  /* dropped oldest first: an older one would have gone before */
    assert_false(lost(false, false, true, TODAY - 2));
    assert_false(lost(false, false, true, TODAY - 9));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_that_is_there),
        cmocka_unit_test(a_new_day),
        cmocka_unit_test(a_day_with_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
