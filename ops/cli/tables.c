#include "ops/cli/tables.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    const struct stream *stream;
    const struct layout *layout;
    struct day_tables *tables;
    int shard;
};

static struct day_table *append(struct day_tables *tables)
{
    if (tables->count == tables->cap) {
        tables->cap = tables->cap ? 2 * tables->cap : 64;
        tables->item = mem_grow(tables->item, tables->cap * sizeof *tables->item);
    }
    return &tables->item[tables->count++];
}

static bool take_table(const struct value *cells, size_t count, void *arg)
{
    struct reading *reading = arg;
    char name[TABLE_NAME_MAX];
    int64_t slot = 0;
    if (count != 3 || reading->tables->count == TABLES_MAX)
        return false;
    cell_text(&cells[0], name, sizeof name);
    if (!reading->layout->parse(reading->stream, name, &slot))
        return true;
    struct day_table *table = append(reading->tables);
    *table = (struct day_table){.shard = reading->shard,
                                .day = (int32_t)slot,
                                .rows = (uint64_t)cell_i64(&cells[1]),
                                .bytes = (uint64_t)cell_i64(&cells[2])};
    memcpy(table->name, name, sizeof name);
    return true;
}

bool tables_read(struct sql *sql, int shard, const struct stream *stream, const struct layout *layout,
                 struct day_tables *tables, struct err *err)
{
    static const char text[] = "SELECT table_name, COALESCE(table_rows, 0), COALESCE(data_length + index_length, 0) "
                               "FROM information_schema.tables"
                               " WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' ORDER BY table_name";
    struct reading reading = {.stream = stream, .layout = layout, .tables = tables, .shard = shard};
    return sql_select(sql, text, NULL, 0, take_table, &reading, err);
}

void tables_free(struct day_tables *tables)
{
    free(tables->item);
    *tables = (struct day_tables){0};
}

bool tables_check_drop(int32_t before, int32_t today, const struct status_layout *layout, struct err *err)
{
    char last[11];
    day_format(today - 1, '-', last);
    if (before > today - 1)
        return err_set(err, ERR_USAGE, "--before: may be %s at the latest; the tables of today and yesterday stay",
                       last);
    if (!layout->known)
        return err_set(
            err, ERR_OUTAGE,
            "The lag of the layout %s is not known, so nothing may be dropped; weir status shows what is away",
            layout->name);
    if (layout->missing > 0)
        return err_set(err, ERR_CONFLICT,
                       "%d partitions of the layout %s have no progress row, so nothing may be dropped; run weir init",
                       (int)layout->missing, layout->name);
    if (layout->lag > 0)
        return err_set(err, ERR_CONFLICT,
                       "The layout %s is %" PRIu64
                       " records behind the log, so nothing may be dropped; wait until its lag is 0",
                       layout->name, layout->lag);
    return true;
}

bool tables_check_keeper(const struct status *status, const struct layout *dropped, const char *keeper_layout,
                         struct err *err)
{
    const struct stream *stream = status->stream;
    if (stream->kind_name[RECORD_BARRIER] == NULL)
        return true;
    if (keeper_layout == NULL)
        return err_set(
            err, ERR_USAGE,
            "drop needs --keeper-layout NAME, the setting keeper.layout of all keepers: the stock is rebuilt "
            "from the rows of that layout");
    const struct stream_layout *read = stream_layout(stream, keeper_layout);
    if (read == NULL)
        return err_set(err, ERR_USAGE, "--keeper-layout: the stream %s has no layout \"%.40s\"", stream->name,
                       keeper_layout);
    if (read->layout == dropped)
        return err_set(
            err, ERR_CONFLICT,
            "The keeper reads the layout %s, so nothing of it may be dropped: when Redis is lost, each coupon "
            "with rows in a dropped table would stay closed for ever. Let the keepers read another layout",
            dropped->name);
    return status->route[read - stream->layouts].partitions > 0 ||
           err_set(err, ERR_CONFLICT,
                   "--keeper-layout: the layout %s has no route, so the keeper cannot read it, and nothing may be "
                   "dropped",
                   keeper_layout);
}

void tables_render_text(const struct day_tables *tables, struct buf *ret_text)
{
    buf_printf(ret_text, "%5s  %-28s %-10s %12s %14s\n", "shard", "table", "day", "rows (about)", "bytes (about)");
    for (size_t i = 0; i < tables->count; i++) {
        const struct day_table *table = &tables->item[i];
        char day[11];
        day_format(table->day, '-', day);
        buf_printf(ret_text, "%5d  %-28s %-10s %12" PRIu64 " %14" PRIu64 "\n", table->shard, table->name, day,
                   table->rows, table->bytes);
    }
}

void tables_render_json(const struct day_tables *tables, struct buf *ret_json)
{
    buf_append_char(ret_json, '[');
    for (size_t i = 0; i < tables->count; i++) {
        const struct day_table *table = &tables->item[i];
        char day[11];
        day_format(table->day, '-', day);
        buf_printf(ret_json,
                   "%s{\"shard\":%d,\"table\":\"%s\",\"day\":\"%s\",\"rows\":%" PRIu64 ",\"bytes\":%" PRIu64 "}",
                   i == 0 ? "" : ",", table->shard, table->name, day, table->rows, table->bytes);
    }
    buf_append_char(ret_json, ']');
}
