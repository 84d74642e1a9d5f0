/* Strict INSERT of many rows, in slices that stay below the server's packet: one behaviour, two ways.
 *
 *     sql_insert -> array: one prepared statement, columns bound as arrays (sql_insert_array.c), where library and
 *                          server have it
 *                -> text: INSERT ... VALUES (...), (...)
 *
 * Each slice is one statement, so a duplicate key fails it as a whole. No IGNORE, ever: rows must not vanish quietly.
 */
#include "core/clock.h"
#include "core/planted.h"
#include "core/sql_internal.h"
#include <math.h>
#include <string.h>

void sql_insert_mode(struct sql *sql, enum sql_insert_mode mode)
{
    sql->insert_mode = mode;
}

static void append_name(struct buf *text, const char *name)
{
    buf_append_char(text, '`');
    for (; *name; name++) {
        if (*name == '`')
            buf_append_char(text, '`');
        buf_append_char(text, *name);
    }
    buf_append_char(text, '`');
}

static void append_head(struct buf *text, const char *table, const char *const *columns, size_t column_count)
{
    buf_append_str(text, PLANTED("insert_ignore") ? "INSERT IGNORE INTO " : "INSERT INTO ");
    append_name(text, table);
    buf_append_str(text, " (");
    for (size_t i = 0; i < column_count; i++) {
        if (i > 0)
            buf_append_char(text, ',');
        append_name(text, columns[i]);
    }
    buf_append_str(text, ") VALUES ");
}

static void append_quoted(struct sql *sql, const char *data, size_t len)
{
    struct buf *text = &sql->text;
    buf_append_char(text, '\'');
    buf_reserve(text, 2 * len + 1);
    text->len += mysql_real_escape_string(sql->mysql, text->data + text->len, data, len);
    text->data[text->len] = '\0';
    buf_append_char(text, '\'');
}

static bool append_value(struct sql *sql, const struct value *value, struct err *err)
{
    char time[CLOCK_TEXT_MAX];
    switch (value->type) {
    case VALUE_NULL:
        buf_append_str(&sql->text, "NULL");
        return true;
    case VALUE_I64:
        buf_append_i64(&sql->text, value->i64);
        return true;
    case VALUE_U64:
        buf_append_u64(&sql->text, value->u64);
        return true;
    case VALUE_F64:
        if (!isfinite(value->f64))
            return err_set(err, ERR_DATA, "MySQL stores no number that is infinite or not a number");
        buf_printf(&sql->text, "%.17g", value->f64);
        return true;
    case VALUE_TEXT:
        append_quoted(sql, value->len ? value->text : "", value->len);
        return true;
    case VALUE_TIME_MS:
        clock_format_sql(value->i64, 0, time);
        buf_append_char(&sql->text, '\'');
        buf_append_str(&sql->text, time);
        buf_append_char(&sql->text, '\'');
        return true;
    }
    return err_set(err, ERR_INTERNAL, "A value of unknown type %d was to be inserted", (int)value->type);
}

static bool append_row(struct sql *sql, const struct value *cells, size_t column_count, bool first, struct err *err)
{
    buf_append_str(&sql->text, first ? "(" : ",(");
    for (size_t i = 0; i < column_count; i++) {
        if (i > 0)
            buf_append_char(&sql->text, ',');
        if (!append_value(sql, &cells[i], err))
            return false;
    }
    buf_append_char(&sql->text, ')');
    return true;
}

static bool run_built(struct sql *sql, const char *suffix, size_t row_count, struct err *err)
{
    buf_append_str(&sql->text, suffix);
    if (!sql_fits_packet(sql, sql->text.len, err))
        return false;
    if (mysql_real_query(sql->mysql, sql->text.data, sql->text.len) != 0)
        return sql_fail(sql, (int)mysql_errno(sql->mysql), mysql_error(sql->mysql), sql->text.data, err);
    uint64_t affected = mysql_affected_rows(sql->mysql);
    if (*suffix == '\0' && affected != row_count && !PLANTED("insert_ignore"))
        return err_set(err, ERR_INTERNAL, "MySQL at %s says that %llu of %zu rows were inserted; roll back", sql->where,
                       (unsigned long long)affected, row_count);
    return true;
}

/* Appends rows until the statement would pass the packet; a row that passes it alone is refused by run_built. */
static bool build_slice(struct sql *sql, const struct value *cells, size_t column_count, size_t row_count,
                        size_t suffix_len, size_t *ret_rows, struct err *err)
{
    size_t rows = 0;
    while (rows < row_count && rows < SQL_INSERT_ROWS_MAX) {
        size_t before = sql->text.len;
        if (!append_row(sql, &cells[rows * column_count], column_count, rows == 0, err))
            return false;
        if (rows > 0 && sql->text.len + suffix_len > sql->packet_bytes_max) {
            sql->text.len = before;
            break;
        }
        rows++;
    }
    *ret_rows = rows;
    return true;
}

static bool insert_text(struct sql *sql, const char *table, const char *const *columns, size_t column_count,
                        const struct value *cells, size_t row_count, const char *suffix, struct err *err)
{
    buf_reset(&sql->text);
    append_head(&sql->text, table, columns, column_count);
    size_t head_len = sql->text.len;
    for (size_t done = 0, rows = 0; done < row_count; done += rows) {
        sql->text.len = head_len;
        if (!build_slice(sql, &cells[done * column_count], column_count, row_count - done, strlen(suffix), &rows,
                         err) ||
            !run_built(sql, suffix, rows, err))
            return false;
    }
    return true;
}

static bool insert_array(struct sql *sql, const char *table, const char *const *columns, size_t column_count,
                         const struct value *cells, size_t row_count, const char *suffix, struct err *err)
{
    buf_reset(&sql->text);
    append_head(&sql->text, table, columns, column_count);
    for (size_t i = 0; i < column_count; i++)
        buf_append_str(&sql->text, i == 0 ? "(?" : ",?");
    buf_append_char(&sql->text, ')');
    buf_append_str(&sql->text, suffix);
    return sql_insert_array(sql, sql->text.data, *suffix == '\0' && !PLANTED("insert_ignore"), cells, column_count,
                            row_count, err);
}

bool sql_insert(struct sql *sql, const char *table, const char *const *columns, size_t column_count,
                const struct value *cells, size_t row_count, const char *suffix, struct err *err)
{
    bool array =
        sql->insert_mode == SQL_INSERT_ARRAY || (sql->insert_mode == SQL_INSERT_AUTO && sql->bulk && row_count > 1);
    if (row_count == 0)
        return true;
    if (sql->insert_mode == SQL_INSERT_ARRAY && !sql->bulk)
        return err_set(err, ERR_USAGE, "MySQL at %s offers no array binding; let the insert mode be automatic",
                       sql->where);
    if (array && sql_insert_array_fits(cells, column_count, row_count))
        return insert_array(sql, table, columns, column_count, cells, row_count, suffix, err);
    return insert_text(sql, table, columns, column_count, cells, row_count, suffix, err);
}
