/* What lies on a shard where no route puts it. */
#include "tests/unit/ops/audit_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { PARTITIONS = 4, SHARDS = 2 };

static struct audit_layout *layout;

static int open_fixture(void **state)
{
    (void)state;
    fixture_new();
    layout = &f->audit.layouts[0];
    route_spread(&layout->route, &stream_grabs, layout->keys->layout, PARTITIONS, SHARDS);
    return 0;
}

static void test_whose_a_partition_is(void **state)
{
    (void)state;
    assert_true(audit_routed_here(layout, 0, 0) && audit_routed_here(layout, 3, 1));
    assert_false(audit_routed_here(layout, 0, 1) || audit_routed_here(layout, 3, 0));
    assert_false(audit_routed_here(layout, PARTITIONS, 0) || audit_routed_here(layout, -1, 0));
}

static void stray(int32_t partition, uint64_t count)
{
    struct audit_place place = AUDIT_NOWHERE;
    place.layout = layout->keys->layout->name;
    place.shard = 0;
    place.table = "grabs_p03";
    place.partition = partition;
    audit_stray(&f->audit, layout, &place, count, "rows");
}

static void test_rows_of_another_shard(void **state)
{
    (void)state;
    stray(3, 0); /* an empty table */
    assert_int_equal(fixture_found(f), 0);
    stray(3, 12);
    assert_int_equal(fixture_found(f), 1);
    const struct audit_finding *finding = fixture_last(f);
    assert_int_equal(finding->invariant, 7);
    assert_string_equal(finding->kind, "stray");
    assert_string_equal(finding->table, "grabs_p03");
    assert_string_equal(finding->found, "12 rows");
    assert_string_equal(finding->expected, "none: the route puts partition 3 on shard 1");
    assert_true(finding->place.shard == 0 && finding->place.partition == 3);
}

static void test_rows_of_no_partition(void **state)
{
    (void)state;
    stray(77, 1);
    assert_string_equal(fixture_last(f)->expected, "none: there is no such partition");
}

static void test_an_older_route_left_them(void **state)
{
    (void)state;
    layout->route.version = 2;
    stray(3, 12);
    assert_int_equal(fixture_found(f), 0);
}

static void test_a_layout_without_a_route(void **state)
{
    (void)state;
    audit_unrouted(&f->audit, "hash", 1);
    assert_int_equal(f->audit.report.unchecked.count, 0);
    f->audit.layout_count = 1;
    audit_unrouted(&f->audit, "hash", 1);
    audit_unrouted(&f->audit, "daily", 1);
    assert_int_equal(f->audit.report.unchecked.count, 1);
    assert_string_equal(f->audit.report.unchecked.text[0],
                        "layout daily on shard 1 (it has progress there, and no route)");
    assert_int_equal(fixture_found(f), 0);
    assert_false(audit_report_agrees(&f->audit.report));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_whose_a_partition_is, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_rows_of_another_shard, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_rows_of_no_partition, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_an_older_route_left_them, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_a_layout_without_a_route, open_fixture, close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
