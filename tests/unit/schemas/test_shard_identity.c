/* Whose database a shard is: only the right number of the right cluster passes. */
#include "schemas/shard_identity.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>
// clang-format on

static const char ours[] = "0123456789abcdef0123456789abcdef";

static struct shard_identity read_of(const char *cluster, int64_t shard)
{
    struct shard_identity identity = {0};
    const struct value cells[] = {value_text(cluster, strlen(cluster)), value_i64(shard)};
    shard_identity_take(cells, 2, &identity);
    return identity;
}

static void the_right_one_passes(void **state)
{
    (void)state;
    struct err err = {0};
    const struct shard_identity identity = read_of(ours, 2);
    assert_true(identity.found);
    assert_true(shard_identity_check(&identity, "db", ours, 2, &err));
}

static void another_number_or_cluster_does_not(void **state)
{
    (void)state;
    struct err err = {0};
    struct shard_identity identity = read_of(ours, 1);
    assert_false(shard_identity_check(&identity, "db", ours, 2, &err));
    assert_int_equal(err.kind, ERR_CONFLICT);
    assert_non_null(strstr(err.text, "db is shard 1, but mysql.shards has it at position 2"));
    identity = read_of("of somebody else", 2);
    assert_false(shard_identity_check(&identity, "db", ours, 2, &err));
    assert_int_equal(err.kind, ERR_CONFLICT);
    identity = read_of(ours, 2);
    assert_false(shard_identity_check(&identity, "db", "", 2, &err)); /* the catalog was not read yet */
}

static void no_row_is_no_shard(void **state)
{
    (void)state;
    struct err err = {0};
    const struct shard_identity none = {0}, too_long = read_of("0123456789abcdef0123456789abcdef0", 0);
    assert_false(too_long.found);
    assert_false(shard_identity_check(&none, "db", ours, 0, &err));
    assert_int_equal(err.kind, ERR_MISSING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_right_one_passes),
        cmocka_unit_test(another_number_or_cluster_does_not),
        cmocka_unit_test(no_row_is_no_shard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
