/* Routes spread partitions evenly, answer both ways, and are refused when they point past the shards. */
#include "schemas/grabs.h"
#include "schemas/partition.h"
#include "schemas/route.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

static void partitions_go_round(void **state)
{
    (void)state;
    struct route route;
    route_spread(&route, &stream_grabs, &layout_hash, 16, 4);
    assert_string_equal(route.stream, "grabs");
    assert_string_equal(route.layout, "hash");
    assert_int_equal(route.version, 1);
    int32_t of_shard[ROUTE_PARTITIONS_MAX];
    assert_int_equal(route_partitions_of(&route, 1, of_shard), 4);
    const int32_t wanted[] = {1, 5, 9, 13};
    assert_memory_equal(of_shard, wanted, sizeof wanted);
    for (int32_t p = 0; p < 16; p++)
        assert_int_equal(route_shard(&route, p), p % 4);
    assert_int_equal(route_partitions_of(&route, 4, of_shard), 0);
}

static void more_shards_than_partitions_leave_some_empty(void **state)
{
    (void)state;
    struct route route;
    int32_t of_shard[ROUTE_PARTITIONS_MAX];
    route_spread(&route, &stream_grabs, &layout_daily, 2, 3);
    assert_int_equal(route_partitions_of(&route, 1, of_shard), 1);
    assert_int_equal(route_partitions_of(&route, 2, of_shard), 0);
}

static void users_spread_over_four_shards(void **state)
{
    (void)state;
    struct route route;
    int rows[4] = {0}, least = INT32_MAX, most = 0;
    route_spread(&route, &stream_grabs, &layout_hash, 16, 4);
    for (uint64_t user = 1; user <= 100000; user++)
        rows[route_shard(&route, partition_of_user(user, 16))]++;
    for (int shard = 0; shard < 4; shard++) {
        least = rows[shard] < least ? rows[shard] : least;
        most = rows[shard] > most ? rows[shard] : most;
    }
    assert_true((most - least) * 10 < most); /* less than 10 % */
}

static void a_route_past_the_shards_is_refused(void **state)
{
    (void)state;
    struct route route;
    struct err err = {0};
    route_spread(&route, &stream_grabs, &layout_hash, 16, 4);
    assert_true(route_check(&route, 4, &err));
    assert_false(route_check(&route, 3, &err));
    assert_int_equal(err.kind, ERR_USAGE);
    assert_non_null(strstr(err.text, "partition 3 on shard 3"));
    route.partitions = 0;
    assert_false(route_check(&route, 4, &err));
    route.partitions = ROUTE_PARTITIONS_MAX + 1;
    assert_false(route_check(&route, 4, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(partitions_go_round),
        cmocka_unit_test(more_shards_than_partitions_leave_some_empty),
        cmocka_unit_test(users_spread_over_four_shards),
        cmocka_unit_test(a_route_past_the_shards_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
