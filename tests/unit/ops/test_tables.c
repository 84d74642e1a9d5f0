/* When day tables may be dropped. */
#include "ops/cli/tables.h"

#include "schemas/grabs.h"
#include "schemas/readings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { TODAY = 20000 };

static struct err err;

static bool check(int32_t before, struct status_layout layout)
{
    strcpy(layout.name, "daily");
    err = (struct err){0};
    return tables_check_drop(before, TODAY, &layout, &err);
}

static void test_drop_rule(void **state)
{
    (void)state;
    struct status_layout whole = {.counted = true, .known = true};
    assert_true(check(TODAY - 1, whole));
    assert_true(check(TODAY - 100, whole));
    assert_false(check(TODAY, whole));
    assert_int_equal(err.kind, ERR_USAGE);
    assert_false(check(TODAY + 1, whole));
}

static void test_never_behind(void **state)
{
    (void)state;
    assert_false(check(TODAY - 1, (struct status_layout){.counted = true, .known = true, .lag = 1}));
    assert_int_equal(err.kind, ERR_CONFLICT);
    assert_false(check(TODAY - 1, (struct status_layout){.counted = true, .known = true, .missing = 1}));
    assert_int_equal(err.kind, ERR_CONFLICT);
    assert_false(check(TODAY - 1, (struct status_layout){.counted = true}));
    assert_int_equal(err.kind, ERR_OUTAGE);
}

static bool check_keeper(const struct status *status, const char *keeper_layout)
{
    err = (struct err){0};
    return tables_check_keeper(status, &layout_daily, keeper_layout, &err);
}

static void test_never_what_the_keeper_reads(void **state)
{
    (void)state;
    static struct status status;
    status = (struct status){.stream = &stream_grabs};
    route_spread(&status.route[0], &stream_grabs, &layout_hash, 4, 1);
    route_spread(&status.route[1], &stream_grabs, &layout_daily, 4, 1);
    assert_true(check_keeper(&status, "hash"));
    assert_false(check_keeper(&status, NULL));
    assert_int_equal(err.kind, ERR_USAGE);
    assert_false(check_keeper(&status, "wide"));
    assert_int_equal(err.kind, ERR_USAGE);
    assert_false(check_keeper(&status, "daily"));
    assert_int_equal(err.kind, ERR_CONFLICT);
    status.route[0].partitions = 0; /* the only layout is the one with day tables */
    assert_false(check_keeper(&status, "hash"));
    assert_int_equal(err.kind, ERR_CONFLICT);
    status.stream = &stream_readings; /* nothing is kept for it */
    assert_true(check_keeper(&status, NULL));
}

static void test_render(void **state)
{
    (void)state;
    struct day_table table = {.name = "grabs_1970_01_03", .shard = 1, .day = 2, .rows = 5, .bytes = 16384};
    struct day_tables tables = {.item = &table, .count = 1};
    struct buf text = {0};
    tables_render_json(&tables, &text);
    assert_string_equal(
        text.data, "[{\"shard\":1,\"table\":\"grabs_1970_01_03\",\"day\":\"1970-01-03\",\"rows\":5,\"bytes\":16384}]");
    buf_reset(&text);
    tables.count = 0;
    tables_render_json(&tables, &text);
    assert_string_equal(text.data, "[]");
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drop_rule),
        cmocka_unit_test(test_never_behind),
        cmocka_unit_test(test_never_what_the_keeper_reads),
        cmocka_unit_test(test_render),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
