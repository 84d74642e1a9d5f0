/* Rows out: typed cells, fetched one by one as the server sends them, so that a result of any size needs one row of
 * memory.
 *
 * Text is bound with room for TEXT_ROOM_BYTES; a longer cell makes its room grow. A DECIMAL without a fraction (SUM of
 * integers) becomes an integer when it fits; with a fraction it stays text, which is exact.
 */
#include "core/sql_internal.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_ROOM_BYTES 1024

struct slot {
    enum { SLOT_INTEGER, SLOT_DOUBLE, SLOT_TIME, SLOT_DECIMAL, SLOT_TEXT } kind;
    bool is_unsigned;
    uint64_t integer;
    double number;
    MYSQL_TIME time;
    char *text;
    size_t text_room;
    unsigned long len;
    sql_bool is_null;
    sql_bool is_cut;
};

struct row_reader {
    MYSQL_STMT *stmt;
    size_t count;
    struct slot *slots;
    MYSQL_BIND *binds;
    struct value *cells;
};

static void slot_init(struct slot *slot, const MYSQL_FIELD *field)
{
    slot->is_unsigned = (field->flags & UNSIGNED_FLAG) != 0;
    switch (field->type) {
    case MYSQL_TYPE_TINY:
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_LONGLONG:
    case MYSQL_TYPE_YEAR:
        slot->kind = SLOT_INTEGER;
        return;
    case MYSQL_TYPE_FLOAT:
    case MYSQL_TYPE_DOUBLE:
        slot->kind = SLOT_DOUBLE;
        return;
    case MYSQL_TYPE_DATETIME:
    case MYSQL_TYPE_TIMESTAMP:
        slot->kind = SLOT_TIME;
        return;
    default:
        slot->kind = field->type == MYSQL_TYPE_NEWDECIMAL && field->decimals == 0 ? SLOT_DECIMAL : SLOT_TEXT;
        slot->text_room = TEXT_ROOM_BYTES;
        slot->text = mem_alloc(slot->text_room);
    }
}

static void bind_slot(MYSQL_BIND *bind, struct slot *slot)
{
    *bind = (MYSQL_BIND){
        .length = &slot->len, .is_null = &slot->is_null, .error = &slot->is_cut, .is_unsigned = slot->is_unsigned};
    switch (slot->kind) {
    case SLOT_INTEGER:
        bind->buffer_type = MYSQL_TYPE_LONGLONG;
        bind->buffer = &slot->integer;
        bind->buffer_length = sizeof slot->integer;
        return;
    case SLOT_DOUBLE:
        bind->buffer_type = MYSQL_TYPE_DOUBLE;
        bind->buffer = &slot->number;
        bind->buffer_length = sizeof slot->number;
        return;
    case SLOT_TIME:
        bind->buffer_type = MYSQL_TYPE_DATETIME;
        bind->buffer = &slot->time;
        bind->buffer_length = sizeof slot->time;
        return;
    case SLOT_DECIMAL:
    case SLOT_TEXT:
        bind->buffer_type = MYSQL_TYPE_STRING;
        bind->buffer = slot->text;
        bind->buffer_length = slot->text_room - 1;
        return;
    }
}

static struct value decimal_value(const struct slot *slot)
{
    errno = 0;
    if (slot->len == 0 || slot->len > 20)
        return value_text(slot->text, slot->len);
    if (slot->text[0] != '-') {
        uint64_t n = strtoull(slot->text, NULL, 10);
        if (errno == 0)
            return n <= INT64_MAX ? value_i64((int64_t)n) : value_u64(n);
    } else {
        int64_t n = strtoll(slot->text, NULL, 10);
        if (errno == 0)
            return value_i64(n);
    }
    return value_text(slot->text, slot->len);
}

static struct value slot_value(struct slot *slot)
{
    if (slot->is_null)
        return value_null();
    switch (slot->kind) {
    case SLOT_INTEGER:
        return slot->is_unsigned ? value_u64(slot->integer) : value_i64((int64_t)slot->integer);
    case SLOT_DOUBLE:
        return value_f64(slot->number);
    case SLOT_TIME:
        return slot->time.month == 0 ? value_null() : value_time_ms(sql_time_join(&slot->time));
    case SLOT_DECIMAL:
        slot->text[slot->len] = '\0';
        return decimal_value(slot);
    case SLOT_TEXT:
        slot->text[slot->len] = '\0';
        return value_text(slot->text, slot->len);
    }
    return value_null();
}

/* Gives each text that was cut its full room, and fetches it again from the row at hand. */
static bool fetch_long_texts(struct row_reader *reader)
{
    bool grown = false;
    for (size_t i = 0; i < reader->count; i++) {
        struct slot *slot = &reader->slots[i];
        if (!slot->text || slot->is_null || slot->len < slot->text_room)
            continue;
        slot->text_room = slot->len + 1;
        slot->text = mem_grow(slot->text, slot->text_room);
        bind_slot(&reader->binds[i], slot);
        if (mysql_stmt_fetch_column(reader->stmt, &reader->binds[i], (unsigned)i, 0) != 0)
            return false;
        grown = true;
    }
    return !grown || mysql_stmt_bind_result(reader->stmt, reader->binds) == 0;
}

/* True while there are rows; false at the end or, with *ret_ok false, at a failure. */
static bool fetch_row(struct row_reader *reader, bool *ret_ok)
{
    int status = mysql_stmt_fetch(reader->stmt);
    *ret_ok = status != 1;
    if (status != 0 && status != MYSQL_DATA_TRUNCATED)
        return false;
    *ret_ok = fetch_long_texts(reader);
    if (!*ret_ok)
        return false;
    for (size_t i = 0; i < reader->count; i++)
        reader->cells[i] = slot_value(&reader->slots[i]);
    return true;
}

static bool reader_open(struct row_reader *reader, MYSQL_STMT *stmt)
{
    MYSQL_RES *result = mysql_stmt_result_metadata(stmt);
    if (!result)
        return false;
    const MYSQL_FIELD *fields = mysql_fetch_fields(result);
    *reader = (struct row_reader){.stmt = stmt, .count = mysql_num_fields(result)};
    reader->slots = mem_alloc(reader->count * sizeof *reader->slots);
    reader->binds = mem_alloc(reader->count * sizeof *reader->binds);
    reader->cells = mem_alloc(reader->count * sizeof *reader->cells);
    for (size_t i = 0; i < reader->count; i++) {
        slot_init(&reader->slots[i], &fields[i]);
        bind_slot(&reader->binds[i], &reader->slots[i]);
    }
    mysql_free_result(result);
    return mysql_stmt_bind_result(stmt, reader->binds) == 0;
}

static void reader_close(struct row_reader *reader)
{
    for (size_t i = 0; i < reader->count; i++)
        free(reader->slots[i].text);
    free(reader->slots);
    free(reader->binds);
    free(reader->cells);
}

bool sql_select(struct sql *sql, const char *text, const struct value *values, size_t count, sql_row_fn fn, void *arg,
                struct err *err)
{
    struct row_reader reader = {0};
    MYSQL_STMT *stmt = sql_statement_execute(sql, text, values, count, err);
    if (!stmt)
        return false;
    if (mysql_stmt_field_count(stmt) == 0)
        return err_set(err, ERR_INTERNAL, "The statement \"%.120s\" gives no rows, but rows were asked for", text);
    bool ok = reader_open(&reader, stmt);
    while (ok && fetch_row(&reader, &ok) && fn(reader.cells, reader.count, arg))
        ;
    if (ok)
        ok = mysql_stmt_free_result(stmt) == 0; /* reads and drops what is left */
    reader_close(&reader);
    return ok || sql_statement_fail(sql, stmt, err);
}

static bool keep_first(const struct value *cells, size_t count, void *arg)
{
    struct value *kept = arg;
    *kept = count > 0 ? cells[0] : value_null();
    if (kept->type == VALUE_NULL)
        *kept = value_i64(0);
    return false;
}

bool sql_select_i64(struct sql *sql, const char *text, const struct value *values, size_t count, int64_t *ret_number,
                    struct err *err)
{
    struct value number = value_null();
    if (!sql_select(sql, text, values, count, keep_first, &number, err))
        return false;
    if (number.type == VALUE_NULL)
        return err_set(err, ERR_MISSING, "MySQL at %s has no row for \"%.120s\"", sql->where, text);
    if (number.type != VALUE_I64 && !(number.type == VALUE_U64 && number.u64 <= INT64_MAX))
        return err_set(err, ERR_DATA, "MySQL at %s answered \"%.120s\" with something that is no 64-bit integer",
                       sql->where, text);
    *ret_number = number.i64;
    return true;
}
