/* Layout `daily`: one table a day, clustered by time. Good at time ranges and at everything that is settled by the
 * day. */
#include "schemas/layout.h"

#include <stdio.h>
#include <string.h>

static int64_t daily_slot(const struct stream *stream, int32_t partition, const void *event, int offset_min)
{
    (void)partition;
    return day_of_ms(stream->time_ms(event), offset_min);
}

static void daily_table(const struct stream *stream, int64_t slot, char ret_name[TABLE_NAME_MAX])
{
    char day[11];
    day_format((int32_t)slot, '_', day);
    snprintf(ret_name, TABLE_NAME_MAX, "%s_%s", stream->name, day);
}

static bool daily_parse(const struct stream *stream, const char *table, int64_t *ret_slot)
{
    size_t prefix = strlen(stream->name);
    int32_t day;
    if (strncmp(table, stream->name, prefix) != 0 || table[prefix] != '_' || !day_parse(table + prefix + 1, '_', &day))
        return false;
    *ret_slot = day;
    return true;
}

const struct layout layout_daily = {
    .name = "daily",
    .summary = "one table a day, clustered by time",
    .by_day = true,
    .slot = daily_slot,
    .table = daily_table,
    .parse = daily_parse,
};
