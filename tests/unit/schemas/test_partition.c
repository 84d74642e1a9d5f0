/* The partitioner agrees with Kafka's Java client on a table that the Java client made
 * (tests/support/Murmur2Vectors.java). */
#include "schemas/partition.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_BYTES_MAX = 256 };

static size_t from_hex(const char *hex, unsigned char key[KEY_BYTES_MAX])
{
    size_t len = 0;
    if (strcmp(hex, "-") == 0)
        return 0;
    for (; hex[0] != '\0'; hex += 2) {
        unsigned byte = 0;
        assert_int_equal(sscanf(hex, "%2x", &byte), 1);
        assert_true(len < KEY_BYTES_MAX);
        key[len++] = (unsigned char)byte;
    }
    return len;
}

static void agrees_with_the_java_client(void **state)
{
    (void)state;
    FILE *file = fopen(WEIR_SOURCE_DIR "/tests/unit/schemas/murmur2_vectors.tsv", "r");
    assert_non_null(file);
    char hex[2 * KEY_BYTES_MAX + 1];
    int hash, of_16, of_7, lines = 0;
    while (fscanf(file, "%512s %d %d %d", hex, &hash, &of_16, &of_7) == 4) {
        unsigned char key[KEY_BYTES_MAX];
        size_t len = from_hex(hex, key);
        assert_int_equal((int32_t)partition_murmur2(key, len), hash);
        assert_int_equal(partition_of_key(key, len, 16), of_16);
        assert_int_equal(partition_of_key(key, len, 7), of_7);
        lines++;
    }
    fclose(file);
    assert_true(lines >= 250);
}

static void a_user_is_its_decimal_text(void **state)
{
    (void)state;
    const uint64_t ids[] = {0, 1, 9, 10, 123456, UINT64_C(1) << 53, INT64_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        char text[32];
        int len = snprintf(text, sizeof text, "%llu", (unsigned long long)ids[i]);
        assert_int_equal(partition_of_user(ids[i], 16), partition_of_key(text, (size_t)len, 16));
    }
}

static void users_spread_over_all_partitions(void **state)
{
    (void)state;
    int count[16] = {0};
    for (uint64_t user = 1; user <= 100000; user++)
        count[partition_of_user(user, 16)]++;
    for (int p = 0; p < 16; p++)
        assert_in_range(count[p], 100000 / 16 * 9 / 10, 100000 / 16 * 11 / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_java_client),
        cmocka_unit_test(a_user_is_its_decimal_text),
        cmocka_unit_test(users_spread_over_all_partitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
