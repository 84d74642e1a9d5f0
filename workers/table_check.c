#include "workers/table_check.h"

#include <stdio.h>
#include <string.h>

enum { TYPE_TEXT_MAX = 64 };

/* ---- columns ---- */

static const char *type_name(enum column_type type)
{
    static const char *const names[] = {
        [COLUMN_U64] = "bigint", [COLUMN_U32] = "int",      [COLUMN_U8] = "tinyint",
        [COLUMN_F64] = "double", [COLUMN_TEXT] = "varchar", [COLUMN_TIME_MS] = "datetime"};
    return names[type];
}

static bool type_is_unsigned(enum column_type type)
{
    return type == COLUMN_U64 || type == COLUMN_U32 || type == COLUMN_U8;
}

struct columns_reading {
    const struct column *wanted[STREAM_COLUMNS_MAX];
    size_t count;
    uint32_t found; /* bits of `wanted` that agree */
    char differs[STREAM_COLUMNS_MAX][TYPE_TEXT_MAX];
};

static bool cell_is(const struct value *cell, const char *word)
{
    return cell->type == VALUE_TEXT && cell->len == strlen(word) && strncasecmp(cell->text, word, cell->len) == 0;
}

/* Cells: name, data type, whole type, characters, nullable. */
static bool column_agrees(const struct column *column, const struct value *cells)
{
    const bool is_unsigned = cells[2].type == VALUE_TEXT && memmem(cells[2].text, cells[2].len, "unsigned", 8) != NULL;
    const bool long_enough =
        column->type != COLUMN_TEXT || (cells[3].type != VALUE_NULL && cells[3].u64 >= column->size - 1);
    const bool nullable = column->roles & COLUMN_NULLABLE;
    return cell_is(&cells[1], type_name(column->type)) && is_unsigned == type_is_unsigned(column->type) &&
           long_enough && (!nullable || cell_is(&cells[4], "YES"));
}

static bool columns_row(const struct value *cells, size_t count, void *arg)
{
    struct columns_reading *reading = arg;
    for (size_t i = 0; count >= 5 && i < reading->count; i++) {
        if (!cell_is(&cells[0], reading->wanted[i]->name))
            continue;
        if (column_agrees(reading->wanted[i], cells))
            reading->found |= UINT32_C(1) << i;
        else
            snprintf(reading->differs[i], TYPE_TEXT_MAX, "is %.*s", (int)cells[2].len,
                     cells[2].type == VALUE_TEXT ? cells[2].text : "");
    }
    return true;
}

static bool columns_agree(struct sql *sql, const struct stream *stream, const char *table, struct err *err)
{
    static const char text[] = "SELECT column_name, data_type, column_type, character_maximum_length, is_nullable"
                               " FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ?";
    _Static_assert(STREAM_COLUMNS_MAX <= 32, "the columns fit into the bits of `found`");
    const struct value values[] = {value_text(table, strlen(table))};
    struct columns_reading reading = {0};
    reading.count = stream_row_columns(stream, reading.wanted);
    if (!sql_select(sql, text, values, 1, columns_row, &reading, err))
        return false;
    for (size_t i = 0; i < reading.count; i++)
        if (!(reading.found & UINT32_C(1) << i))
            return err_set(
                err, ERR_INTERNAL,
                "The table %s on %s has been changed: its column %s %s, not as `weir init` made it. Change it "
                "back; its partitions wait.",
                table, sql_where(sql), reading.wanted[i]->name,
                reading.differs[i][0] ? reading.differs[i] : "is missing");
    return true;
}

/* ---- constraints ---- */

enum { CONSTRAINT_TEXT_MAX = 100 };

static bool constraints_row(const struct value *cells, size_t count, void *arg)
{
    char *found = arg;
    if (count >= 2 && cells[0].type == VALUE_TEXT && cells[1].type == VALUE_TEXT)
        snprintf(found, CONSTRAINT_TEXT_MAX, "%.*s %.*s", (int)cells[0].len, cells[0].text, (int)cells[1].len,
                 cells[1].text);
    return false;
}

/* One that somebody added refuses rows just as a key or a value that can not be stored does. */
static bool constraints_agree(struct sql *sql, const char *table, struct err *err)
{
    static const char text[] = "SELECT constraint_type, constraint_name FROM information_schema.table_constraints"
                               " WHERE table_schema = DATABASE() AND table_name = ?"
                               " AND constraint_type IN ('UNIQUE', 'CHECK') LIMIT 1";
    const struct value values[] = {value_text(table, strlen(table))};
    char found[CONSTRAINT_TEXT_MAX] = "";
    if (!sql_select(sql, text, values, 1, constraints_row, found, err))
        return false;
    return found[0] == '\0' || err_set(err, ERR_INTERNAL,
                                       "The table %s on %s has been changed: it has the constraint %s, which `weir "
                                       "init` did not make. Drop it; its partitions wait.",
                                       table, sql_where(sql), found);
}

bool table_check(struct sql *sql, const struct stream *stream, const char *table, struct err *err)
{
    return columns_agree(sql, stream, table, err) && constraints_agree(sql, table, err);
}

/* ---- tables of days ---- */

struct days_reading {
    const struct stream *stream;
    const struct layout *layout;
    int32_t day;
    struct table_day *known;
};

static bool days_row(const struct value *cells, size_t count, void *arg)
{
    const struct days_reading *reading = arg;
    if (count > 0)
        table_day_see(reading->known, reading->stream, reading->layout, reading->day, &cells[0]);
    return true;
}

static bool totals_row(const struct value *cells, size_t count, void *arg)
{
    (void)cells;
    (void)count;
    *(bool *)arg = true;
    return false;
}

static bool day_was_used(struct sql *sql, const struct stream *stream, const struct layout *layout, int32_t day,
                         bool *ret_used, struct err *err)
{
    char day_text[11];
    struct buf text = {0};
    *ret_used = false;
    day_format(day, '-', day_text);
    const struct value values[] = {value_text(layout->name, strlen(layout->name)),
                                   value_text(day_text, strlen(day_text))};
    table_day_used_sql(stream, &text);
    bool good = text.len == 0 || sql_select(sql, text.data, values, 2, totals_row, ret_used, err);
    buf_free(&text);
    return good;
}

bool table_day_read(struct sql *sql, const struct stream *stream, const struct layout *layout, int32_t day,
                    struct table_day *ret_day, struct err *err)
{
    struct table_day known = {0};
    struct days_reading reading = {.stream = stream, .layout = layout, .day = day, .known = &known};
    if (!sql_select(sql, "SHOW TABLES", NULL, 0, days_row, &reading, err) ||
        !day_was_used(sql, stream, layout, day, &known.was_used, err))
        return false;
    *ret_day = known;
    return true;
}
