#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/id_set.h"

static void empty_has_nothing(void **state)
{
    (void)state;
    struct id_set set = {0};
    assert_false(id_set_has(&set, 1));
    id_set_free(&set);
}

static void grows_and_keeps_all(void **state)
{
    (void)state;
    enum { COUNT = 200000 };
    struct id_set set = {0};
    for (uint64_t i = 1; i <= COUNT; i++)
        assert_true(id_set_add(&set, i << 22)); /* as ids of one node in successive milliseconds */
    for (uint64_t i = 1; i <= COUNT; i++) {
        assert_true(id_set_has(&set, i << 22));
        assert_false(id_set_has(&set, (i << 22) + 1));
        assert_false(id_set_add(&set, i << 22));
    }
    assert_int_equal(set.count, COUNT);
    assert_true(set.count * 4 <= set.size * 3);
    id_set_free(&set);
    assert_null(set.slot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(empty_has_nothing), cmocka_unit_test(grows_and_keeps_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
