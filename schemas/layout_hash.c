/* Layout `hash`: one table a partition, clustered by the key. Good at "everything of one user". */
#include "schemas/layout.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { PARTITION_DIGITS_MIN = 2, PARTITION_DIGITS_MAX = 4 };

static int64_t hash_slot(const struct stream *stream, int32_t partition, const void *event, int offset_min)
{
    (void)stream, (void)event, (void)offset_min;
    return partition;
}

static void hash_table(const struct stream *stream, int64_t slot, char ret_name[TABLE_NAME_MAX])
{
    assert(slot >= 0 && slot <= 9999);
    snprintf(ret_name, TABLE_NAME_MAX, "%s_p%02d", stream->name, (int)slot);
}

static bool hash_parse(const struct stream *stream, const char *table, int64_t *ret_slot)
{
    size_t prefix = strlen(stream->name);
    if (strncmp(table, stream->name, prefix) != 0 || strncmp(table + prefix, "_p", 2) != 0)
        return false;
    const char *digits = table + prefix + 2;
    size_t count = strspn(digits, "0123456789");
    if (count < PARTITION_DIGITS_MIN || count > PARTITION_DIGITS_MAX || digits[count] != '\0')
        return false;
    if (count > PARTITION_DIGITS_MIN && digits[0] == '0')
        return false; /* p007 is not our way to write 7 */
    int64_t slot = 0;
    for (; *digits != '\0'; digits++)
        slot = slot * 10 + (*digits - '0');
    *ret_slot = slot;
    return true;
}

const struct layout layout_hash = {
    .name = "hash",
    .summary = "one table a partition, clustered by the key",
    .slot = hash_slot,
    .table = hash_table,
    .parse = hash_parse,
};
