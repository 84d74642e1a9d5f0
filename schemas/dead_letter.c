#include "schemas/dead_letter.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CUT_BEGIN    " (Cut to "
#define CUT_CHECKSUM " bytes, checksum "
#define CUT_END      ".)"
enum { CHECKSUM_DIGITS = 16 };

void dead_letter_cut_append(struct buf *reason, size_t bytes_max, size_t key_len, size_t value_len, uint64_t checksum)
{
    const size_t before = reason->len;
    buf_printf(reason, CUT_BEGIN "%zu bytes each: key %zu, value %zu" CUT_CHECKSUM "%016" PRIx64 CUT_END, bytes_max,
               key_len, value_len, checksum);
    assert(reason->len - before <= DEAD_LETTER_CUT_BYTES_MAX);
}

bool dead_letter_cut_read(const char *reason, size_t len, uint64_t *ret_checksum)
{
    const size_t word_len = strlen(CUT_CHECKSUM), end_len = strlen(CUT_END);
    const size_t tail_len = word_len + CHECKSUM_DIGITS + end_len;
    if (len < tail_len || memmem(reason, len, CUT_BEGIN, strlen(CUT_BEGIN)) == NULL ||
        memcmp(reason + len - tail_len, CUT_CHECKSUM, word_len) != 0 ||
        memcmp(reason + len - end_len, CUT_END, end_len) != 0)
        return false;
    char digits[CHECKSUM_DIGITS + 1] = "", *end;
    memcpy(digits, reason + len - end_len - CHECKSUM_DIGITS, CHECKSUM_DIGITS);
    const uint64_t checksum = strtoull(digits, &end, 16);
    if (end != digits + CHECKSUM_DIGITS)
        return false;
    *ret_checksum = checksum;
    return true;
}
