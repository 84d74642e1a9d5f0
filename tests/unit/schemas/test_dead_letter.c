/* What a cut dead letter says of its whole record is read again. */
#include "schemas/dead_letter.h"

#include <string.h>

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

static bool cut(const char *reason, uint64_t *ret_checksum)
{
    return dead_letter_cut_read(reason, strlen(reason), ret_checksum);
}

static void what_was_appended(void **state)
{
    (void)state;
    static const uint64_t checksums[] = {0, 1, 0x0123456789abcdef, UINT64_MAX};
    for (size_t i = 0; i < sizeof checksums / sizeof *checksums; i++) {
        struct buf reason = {0};
        uint64_t checksum = 7;
        buf_append_str(&reason, "The value is no JSON.");
        dead_letter_cut_append(&reason, SIZE_MAX, SIZE_MAX, SIZE_MAX, checksums[i]); /* the longest */
        assert_true(dead_letter_cut_read(reason.data, reason.len, &checksum));
        assert_true(checksum == checksums[i]);
        assert_false(dead_letter_cut_read(reason.data, reason.len - 1, &checksum));
        buf_free(&reason);
    }
}

static void what_was_not_cut(void **state)
{
    (void)state;
    uint64_t checksum = 7;
    assert_false(cut("", &checksum));
    assert_false(cut("The value is no JSON.", &checksum));
    assert_false(cut(" bytes, checksum 0123456789abcdef.)", &checksum));
    assert_false(cut(" (Cut to 9 bytes each: key 1, value 2 bytes, checksum 0123456789abcdeg.)", &checksum));
    assert_false(cut(" (Cut to 9 bytes each: key 1, value 2 bytes, checksum 0123456789abcdef. )", &checksum));
    assert_true(checksum == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_was_appended), cmocka_unit_test(what_was_not_cut)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
