/* Prepared statements: a small cache by text, least recently used out first, and the binding of values.
 *
 * A statement that failed leaves the cache at once: whatever state it is in, the next use prepares it anew.
 */
#include "core/sql_internal.h"
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define ERROR_NEED_REPREPARE 1615

static void statement_drop(struct sql_statement *statement)
{
    if (!statement->text)
        return;
    mysql_stmt_close(statement->stmt);
    free(statement->text);
    *statement = (struct sql_statement){0};
}

void sql_statements_close(struct sql *sql)
{
    for (size_t i = 0; i < SQL_STATEMENTS_MAX; i++)
        statement_drop(&sql->statements[i]);
}

static struct sql_statement *find_stmt(struct sql *sql, const MYSQL_STMT *stmt)
{
    for (size_t i = 0; i < SQL_STATEMENTS_MAX; i++)
        if (sql->statements[i].text && sql->statements[i].stmt == stmt)
            return &sql->statements[i];
    return NULL;
}

static struct sql_statement *find_text(struct sql *sql, const char *text, uint64_t hash)
{
    for (size_t i = 0; i < SQL_STATEMENTS_MAX; i++) {
        struct sql_statement *statement = &sql->statements[i];
        if (statement->text && statement->hash == hash && strcmp(statement->text, text) == 0)
            return statement;
    }
    return NULL;
}

static struct sql_statement *free_place(struct sql *sql)
{
    struct sql_statement *oldest = &sql->statements[0];
    for (size_t i = 0; i < SQL_STATEMENTS_MAX; i++) {
        if (!sql->statements[i].text)
            return &sql->statements[i];
        if (sql->statements[i].used_at < oldest->used_at)
            oldest = &sql->statements[i];
    }
    statement_drop(oldest);
    return oldest;
}

static MYSQL_STMT *statement_prepare(struct sql *sql, const char *text, struct err *err)
{
    MYSQL_STMT *stmt = mysql_stmt_init(sql->mysql);
    if (!stmt) {
        sql_fail(sql, (int)mysql_errno(sql->mysql), mysql_error(sql->mysql), text, err);
        return NULL;
    }
    if (mysql_stmt_prepare(stmt, text, strlen(text)) != 0) {
        sql_fail(sql, (int)mysql_stmt_errno(stmt), mysql_stmt_error(stmt), text, err);
        mysql_stmt_close(stmt);
        return NULL;
    }
    return stmt;
}

MYSQL_STMT *sql_statement_get(struct sql *sql, const char *text, struct err *err)
{
    uint64_t hash = XXH64(text, strlen(text), 0);
    struct sql_statement *statement = find_text(sql, text, hash);
    if (!statement) {
        MYSQL_STMT *stmt = statement_prepare(sql, text, err);
        if (!stmt)
            return NULL;
        statement = free_place(sql);
        *statement = (struct sql_statement){.text = mem_copy_str(text), .hash = hash, .stmt = stmt};
    }
    statement->used_at = ++sql->ticks;
    return statement->stmt;
}

bool sql_statement_fail(struct sql *sql, MYSQL_STMT *stmt, struct err *err)
{
    struct sql_statement *statement = find_stmt(sql, stmt);
    const char *text = statement ? statement->text : NULL;
    if (mysql_stmt_errno(stmt) != 0)
        sql_fail(sql, (int)mysql_stmt_errno(stmt), mysql_stmt_error(stmt), text, err);
    else /* a connection or statement that ends between two rows (Connector/C 3.3, mthd_stmt_unbuffered_fetch) */
        sql_fail(sql, (int)mysql_errno(sql->mysql), mysql_error(sql->mysql), text, err);
    if (statement)
        statement_drop(statement);
    return false;
}

static void bind_value(MYSQL_BIND *bind, const struct value *value, MYSQL_TIME *time)
{
    switch (value->type) {
    case VALUE_NULL:
        bind->buffer_type = MYSQL_TYPE_NULL;
        return;
    case VALUE_I64:
    case VALUE_U64:
        bind->buffer_type = MYSQL_TYPE_LONGLONG;
        bind->is_unsigned = value->type == VALUE_U64;
        bind->buffer = (void *)&value->u64;
        return;
    case VALUE_F64:
        bind->buffer_type = MYSQL_TYPE_DOUBLE;
        bind->buffer = (void *)&value->f64;
        return;
    case VALUE_TEXT:
        bind->buffer_type = MYSQL_TYPE_STRING;
        bind->buffer = (void *)(value->len ? value->text : "");
        bind->buffer_length = value->len;
        bind->length = &bind->buffer_length;
        return;
    case VALUE_TIME_MS:
        sql_time_split(value->i64, time);
        bind->buffer_type = MYSQL_TYPE_DATETIME;
        bind->buffer = time;
        return;
    }
}

/* The library copies the binds but not what they point at: both live until after the execute. */
static bool bind_and_execute(MYSQL_STMT *stmt, const struct value *values, size_t count)
{
    MYSQL_BIND *binds = mem_alloc((count + 1) * sizeof *binds);
    MYSQL_TIME *times = mem_alloc((count + 1) * sizeof *times);
    for (size_t i = 0; i < count; i++)
        bind_value(&binds[i], &values[i], &times[i]);
    bool ok = (count == 0 || mysql_stmt_bind_param(stmt, binds) == 0) && mysql_stmt_execute(stmt) == 0;
    free(binds);
    free(times);
    return ok;
}

static size_t text_bytes(const struct value *values, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += values[i].type == VALUE_TEXT ? values[i].len + 10 : 13;
    return bytes;
}

MYSQL_STMT *sql_statement_execute(struct sql *sql, const char *text, const struct value *values, size_t count,
                                  struct err *err)
{
    if (!sql_fits_packet(sql, text_bytes(values, count), err))
        return NULL;
    for (int attempt = 0;; attempt++) {
        MYSQL_STMT *stmt = sql_statement_get(sql, text, err);
        if (!stmt)
            return NULL;
        if (mysql_stmt_param_count(stmt) != count) {
            err_set(err, ERR_INTERNAL, "The statement \"%.120s\" has %lu parameters, but %zu values were given", text,
                    mysql_stmt_param_count(stmt), count);
            return NULL;
        }
        if (bind_and_execute(stmt, values, count))
            return stmt;
        struct err passing = {0}; /* of an attempt that is made again: not the caller's matter */
        bool again = attempt == 0 && mysql_stmt_errno(stmt) == ERROR_NEED_REPREPARE;
        sql_statement_fail(sql, stmt, again ? &passing : err);
        if (!again)
            return NULL;
    }
}
