#include "query/shard_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_json(const struct layout_state *state, const char *expected)
{
    struct buf json = {0};
    layout_state_json(state, &json);
    assert_string_equal(json.data, expected);
    buf_free(&json);
}

static void test_json(void **state)
{
    (void)state;
    const struct layout_state full = {
        .partitions = 4,
        .next_offset = 100,
        .epoch = 3,
        .updated_at_ms = INT64_C(1795176000123),
        .counts = {.records = 100, .ok = 80, .voided = 9, .duplicates = 5, .dead_letters = 2, .barriers = 4},
        .lag = 7,
        .lag_known = true};
    assert_json(
        &full,
        "{\"partitions\":4,\"next_offset\":100,\"epoch\":3,\"records\":100,\"ok\":80,"
        "\"void\":9,"
        "\"duplicates\":5,\"dead_letters\":2,\"barriers\":4,\"lag\":7,\"updated_at\":\"2026-11-20T12:00:00.123Z\"}");
    const struct layout_state empty = {0};
    assert_json(&empty, "{\"partitions\":0,\"next_offset\":0,\"epoch\":0,\"records\":"
                        "0,\"ok\":0,\"void\":0,"
                        "\"duplicates\":0,\"dead_letters\":0,\"barriers\":0,\"lag\":null,\"updated_at\":null}");
}

static void test_a_sum_knows_the_lag_only_when_all_do(void **state)
{
    (void)state;
    struct layout_state sum = {.lag_known = true};
    const struct layout_state known = {.partitions = 1, .epoch = 5, .lag = 3, .lag_known = true, .updated_at_ms = 9};
    const struct layout_state unknown = {.partitions = 1, .epoch = 2, .updated_at_ms = 4};
    layout_state_add(&sum, &known);
    assert_true(sum.lag_known && sum.lag == 3);
    layout_state_add(&sum, &unknown);
    assert_false(sum.lag_known);
    assert_int_equal(sum.partitions, 2);
    assert_int_equal(sum.epoch, 5);
    assert_int_equal(sum.updated_at_ms, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_a_sum_knows_the_lag_only_when_all_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
