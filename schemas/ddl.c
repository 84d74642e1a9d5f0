#include "schemas/ddl.h"

#include <assert.h>
#include <string.h>

/* Binary collations: keys compare bytewise, as stream_compare does, and 'a' is not 'A'. */
#define TABLE_OPTIONS " ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"

static void append_type(const struct column *column, struct buf *sql)
{
    switch (column->type) {
    case COLUMN_U64:
        buf_append_str(sql, "BIGINT UNSIGNED");
        return;
    case COLUMN_U32:
        buf_append_str(sql, "INT UNSIGNED");
        return;
    case COLUMN_U8:
        buf_append_str(sql, "TINYINT UNSIGNED");
        return;
    case COLUMN_F64:
        buf_append_str(sql, "DOUBLE");
        return;
    case COLUMN_TEXT:
        buf_printf(sql, "VARCHAR(%zu)", column->size - 1);
        if (column->roles & COLUMN_ASCII)
            buf_append_str(sql, " CHARACTER SET ascii COLLATE ascii_bin");
        return;
    case COLUMN_TIME_MS:
        buf_append_str(sql, "DATETIME(3)");
        return;
    }
}

static void append_column(const struct column *column, struct buf *sql)
{
    buf_printf(sql, "  `%s` ", column->name);
    append_type(column, sql);
    buf_append_str(sql, column->roles & COLUMN_NULLABLE ? " NULL" : " NOT NULL");
}

static void append_names(const char *const names[STREAM_KEY_COLUMNS_MAX], struct buf *sql)
{
    for (size_t i = 0; i < STREAM_KEY_COLUMNS_MAX && names[i] != NULL; i++)
        buf_printf(sql, "%s`%s`", i == 0 ? "" : ", ", names[i]);
}

void ddl_table(const struct stream *stream, const struct stream_layout *layout, const char *table, struct buf *ret_sql)
{
    const struct column *columns[STREAM_COLUMNS_MAX];
    size_t count = stream_row_columns(stream, columns);
    buf_printf(ret_sql, "CREATE TABLE IF NOT EXISTS `%s` (\n", table);
    for (size_t i = 0; i < count; i++) {
        append_column(columns[i], ret_sql);
        buf_append_str(ret_sql, ",\n");
    }
    buf_append_str(ret_sql, "  PRIMARY KEY (");
    append_names(layout->primary, ret_sql);
    if (layout->index[0] != NULL) {
        buf_printf(ret_sql, "),\n  KEY `by_%s` (", layout->index[0]);
        append_names(layout->index, ret_sql);
    }
    buf_append_str(ret_sql, ")\n)" TABLE_OPTIONS);
}

void ddl_totals(const struct stream *stream, struct buf *ret_sql)
{
    if (stream->totals_table == NULL)
        return;
    const struct column *column = stream_column(stream, stream->totals_column);
    assert(column != NULL);
    buf_printf(ret_sql,
               "CREATE TABLE IF NOT EXISTS `%s` (\n"
               "  `layout` VARCHAR(%d) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,\n"
               "  `partition` INT UNSIGNED NOT NULL,\n"
               "  `day` DATE NOT NULL,\n",
               stream->totals_table, LAYOUT_NAME_MAX);
    append_column(column, ret_sql);
    buf_printf(ret_sql,
               ",\n  `ok_rows` BIGINT UNSIGNED NOT NULL DEFAULT 0,\n"
               "  `void_rows` BIGINT UNSIGNED NOT NULL DEFAULT 0,\n"
               "  PRIMARY KEY (`layout`, `partition`, `day`, `%s`)\n)" TABLE_OPTIONS,
               column->name);
}

void ddl_view(const struct stream *stream, const char *const *tables, size_t count, struct buf *ret_sql)
{
    if (stream->view == NULL || count == 0)
        return;
    const struct column *columns[STREAM_COLUMNS_MAX];
    size_t column_count = stream_row_columns(stream, columns);
    buf_printf(ret_sql, "CREATE OR REPLACE VIEW `%s` AS", stream->view);
    for (size_t t = 0; t < count; t++) {
        buf_append_str(ret_sql, t == 0 ? "\nSELECT " : "\nUNION ALL SELECT ");
        for (size_t i = 0; i < column_count; i++)
            buf_printf(ret_sql, "%s`%s`", i == 0 ? "" : ", ", columns[i]->name);
        buf_printf(ret_sql, " FROM `%s`", tables[t]);
    }
}
