#include "schemas/table_day.h"

#include <string.h>

void table_day_see(struct table_day *known, const struct stream *stream, const struct layout *layout, int64_t day,
                   const struct value *name)
{
    char text[TABLE_NAME_MAX];
    int64_t slot;
    if (name->type != VALUE_TEXT || name->len >= sizeof text)
        return;
    memcpy(text, name->text, name->len);
    text[name->len] = '\0';
    if (!layout->parse(stream, text, &slot))
        return;
    known->exists |= slot == day;
    known->has_older |= slot < day;
}

void table_day_used_sql(const struct stream *stream, struct buf *ret_sql)
{
    if (stream->totals_table == NULL)
        return;
    buf_printf(ret_sql, "SELECT 1 FROM `%s` WHERE `layout` = ? AND `day` = ? AND `ok_rows` + `void_rows` > 0",
               stream->totals_table);
}

bool table_day_lost(const struct table_day *known, int64_t day, int32_t today)
{
    return !known->exists && known->was_used && (known->has_older || day >= today - 1);
}
