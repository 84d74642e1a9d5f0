/* Array binding, MariaDB's COM_STMT_BULK_EXECUTE: each parameter points at an array of one type, with an indicator a
 * row for NULL.
 *
 * The arrays live in one arena of the connection. The library reads text and times through arrays of pointers, numbers
 * straight from the array. The array attribute is cleared after each use: left behind, it would turn the statement's
 * next single execute into a bulk one.
 */
#include "core/sql_internal.h"
#include <math.h>
#include <stdlib.h>

static enum value_type column_type(const struct value *cells, size_t column_count, size_t row_count, size_t column)
{
    for (size_t row = 0; row < row_count; row++)
        if (cells[row * column_count + column].type != VALUE_NULL)
            return cells[row * column_count + column].type;
    return VALUE_NULL;
}

bool sql_insert_array_fits(const struct value *cells, size_t column_count, size_t row_count)
{
    for (size_t i = 0; i < column_count; i++) {
        enum value_type wanted = column_type(cells, column_count, row_count, i);
        for (size_t row = 0; row < row_count; row++) {
            const struct value *cell = &cells[row * column_count + i];
            if ((cell->type != wanted && cell->type != VALUE_NULL) || (cell->type == VALUE_F64 && !isfinite(cell->f64)))
                return false;
        }
    }
    return column_count > 0;
}

#ifdef MARIADB_CLIENT_STMT_BULK_OPERATIONS

/* A part of the arena, 8-byte aligned; NULL with *used moved when only the size is asked for. */
static void *arena_take(char *arena, size_t *used, size_t bytes)
{
    char *at = arena ? arena + *used : NULL;
    *used += (bytes + 7) & ~(size_t)7;
    return at;
}

struct column_arrays {
    char *indicators;
    uint64_t *numbers;
    const void **pointers;
    unsigned long *lengths;
    MYSQL_TIME *times;
};

static struct column_arrays arrays_take(char *arena, size_t *used, enum value_type type, size_t rows)
{
    struct column_arrays arrays = {.indicators = arena_take(arena, used, rows)};
    if (type == VALUE_TEXT || type == VALUE_TIME_MS)
        arrays.pointers = arena_take(arena, used, rows * sizeof *arrays.pointers);
    else
        arrays.numbers = arena_take(arena, used, rows * sizeof *arrays.numbers);
    if (type == VALUE_TEXT)
        arrays.lengths = arena_take(arena, used, rows * sizeof *arrays.lengths);
    if (type == VALUE_TIME_MS)
        arrays.times = arena_take(arena, used, rows * sizeof *arrays.times);
    return arrays;
}

static void fill_cell(struct column_arrays *arrays, size_t row, const struct value *cell)
{
    arrays->indicators[row] = cell->type == VALUE_NULL ? STMT_INDICATOR_NULL : STMT_INDICATOR_NONE;
    if (arrays->times) {
        sql_time_split(cell->type == VALUE_NULL ? 0 : cell->i64, &arrays->times[row]);
        arrays->pointers[row] = &arrays->times[row];
    } else if (arrays->pointers) {
        arrays->pointers[row] = cell->type == VALUE_NULL || cell->len == 0 ? "" : cell->text;
        arrays->lengths[row] = cell->type == VALUE_NULL ? 0 : cell->len;
    } else {
        arrays->numbers[row] = cell->type == VALUE_NULL ? 0 : cell->u64; /* a double's bits travel the same way */
    }
}

static void bind_column(MYSQL_BIND *bind, enum value_type type, const struct column_arrays *arrays)
{
    bind->u.indicator = arrays->indicators;
    bind->buffer = arrays->pointers ? (void *)arrays->pointers : (void *)arrays->numbers;
    bind->length = arrays->lengths;
    bind->is_unsigned = type == VALUE_U64;
    bind->buffer_type = type == VALUE_TEXT      ? MYSQL_TYPE_STRING
                        : type == VALUE_TIME_MS ? MYSQL_TYPE_DATETIME
                        : type == VALUE_F64     ? MYSQL_TYPE_DOUBLE
                                                : MYSQL_TYPE_LONGLONG;
}

static void bind_columns(struct sql *sql, MYSQL_BIND *binds, const enum value_type *types, const struct value *cells,
                         size_t column_count, size_t rows)
{
    size_t bytes = 0, used = 0;
    for (size_t i = 0; i < column_count; i++)
        arrays_take(NULL, &bytes, types[i], rows);
    if (bytes > sql->arena_bytes) {
        free(sql->arena);
        sql->arena = mem_alloc(bytes);
        sql->arena_bytes = bytes;
    }
    for (size_t i = 0; i < column_count; i++) {
        struct column_arrays arrays = arrays_take(sql->arena, &used, types[i], rows);
        for (size_t row = 0; row < rows; row++)
            fill_cell(&arrays, row, &cells[row * column_count + i]);
        bind_column(&binds[i], types[i], &arrays);
    }
}

static bool execute_array(MYSQL_STMT *stmt, MYSQL_BIND *binds, size_t rows)
{
    unsigned count = (unsigned)rows, none = 0;
    if (mysql_stmt_attr_set(stmt, STMT_ATTR_ARRAY_SIZE, &count) != 0 || mysql_stmt_bind_param(stmt, binds) != 0)
        return false;
    bool ok = mysql_stmt_execute(stmt) == 0;
    return (mysql_stmt_attr_set(stmt, STMT_ATTR_ARRAY_SIZE, &none) == 0) && ok;
}

/* The rows that fit into one packet: 1 byte of indicator and up to 12 of a number or time, or 9 and its bytes for a
 * text. 0: the first row alone does not, and has `*ret_first_bytes`. */
static size_t slice_rows(const struct value *cells, size_t column_count, size_t row_count, size_t bytes_max,
                         size_t *ret_first_bytes)
{
    size_t bytes = 64 + 2 * column_count, rows = 0;
    while (rows < row_count && rows < SQL_INSERT_ROWS_MAX) {
        for (size_t i = 0; i < column_count; i++) {
            const struct value *cell = &cells[rows * column_count + i];
            bytes += cell->type == VALUE_TEXT ? 10 + cell->len : 13;
        }
        if (bytes > bytes_max)
            break;
        rows++;
    }
    *ret_first_bytes = bytes;
    return rows;
}

static bool insert_slice(struct sql *sql, const char *text, const enum value_type *types, MYSQL_BIND *binds,
                         const struct value *cells, size_t column_count, size_t rows, bool counted, struct err *err)
{
    MYSQL_STMT *stmt = sql_statement_get(sql, text, err);
    if (!stmt)
        return false;
    bind_columns(sql, binds, types, cells, column_count, rows);
    if (!execute_array(stmt, binds, rows))
        return sql_statement_fail(sql, stmt, err);
    uint64_t affected = mysql_stmt_affected_rows(stmt);
    if (counted && affected != rows)
        return err_set(err, ERR_INTERNAL, "MySQL at %s says that %llu of %zu rows were inserted; roll back", sql->where,
                       (unsigned long long)affected, rows);
    return true;
}

bool sql_insert_array(struct sql *sql, const char *text, bool counted, const struct value *cells, size_t column_count,
                      size_t row_count, struct err *err)
{
    bool ok = true;
    enum value_type *types = mem_alloc(column_count * sizeof *types);
    MYSQL_BIND *binds = mem_alloc(column_count * sizeof *binds);
    for (size_t i = 0; i < column_count; i++)
        types[i] = column_type(cells, column_count, row_count, i);
    for (size_t done = 0, rows = 0; ok && done < row_count; done += rows) {
        size_t bytes = 0;
        rows = slice_rows(&cells[done * column_count], column_count, row_count - done, sql->packet_bytes_max, &bytes);
        ok = rows > 0
                 ? insert_slice(sql, text, types, binds, &cells[done * column_count], column_count, rows, counted, err)
                 : sql_fits_packet(sql, bytes, err);
    }
    free(types);
    free(binds);
    return ok;
}

#else

bool sql_insert_array(struct sql *sql, const char *text, bool counted, const struct value *cells, size_t column_count,
                      size_t row_count, struct err *err)
{
    (void)text;
    (void)counted;
    (void)cells;
    (void)column_count;
    (void)row_count;
    return err_set(err, ERR_INTERNAL,
                   "This build's MySQL client library has no array binding, which MySQL at %s was thought to offer",
                   sql->where);
}

#endif
