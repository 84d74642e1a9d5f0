/* What the sql_*.c files share and nobody else sees: the connection, its statement cache, and the ways in and out of
 * the client library.
 *
 *     sql_run, sql_select, sql_insert -> sql_statement_execute -> sql_statement_get (cache) -> the client library
 */
#ifndef WEIR_CORE_SQL_INTERNAL_H
#define WEIR_CORE_SQL_INTERNAL_H

#include "core/buf.h"
#include "core/sql.h"
#include <mysql.h>

#define SQL_STATEMENTS_MAX  64    /* prepared statements of one connection */
#define SQL_INSERT_ROWS_MAX 20000 /* rows of one slice */
#define SQL_INSERT_BYTES_MAX                                                                                           \
    (8 * 1024 * 1024) /* bytes of one slice, if the server's max_allowed_packet is no smaller */

/* Oracle's library has had bool here since 8.0, MariaDB's kept my_bool. */
#ifdef MARIADB_BASE_VERSION
typedef my_bool sql_bool;
#else
typedef bool sql_bool;
#endif

struct sql_statement {
    char *text; /* NULL: a free place */
    uint64_t hash;
    uint64_t used_at; /* of sql->ticks: the least recently used one gives way */
    MYSQL_STMT *stmt;
};

struct sql {
    MYSQL *mysql;
    char where[420];
    bool alive;
    bool bulk; /* array binding: library and server both have it */
    enum sql_insert_mode insert_mode;
    size_t packet_bytes_max;
    uint64_t ticks;
    struct sql_statement statements[SQL_STATEMENTS_MAX];
    struct buf text; /* of the statement that sql_insert builds */
    void *arena;     /* column arrays of sql_insert, kept between calls */
    size_t arena_bytes;
};

struct sql_url {
    char host[256];
    char user[128];
    char password[256];
    char database[128];
    unsigned port;
};

/* ERR_USAGE names what is wrong and never shows the password. */
WEIR_MUST_USE bool sql_url_parse(const char *url, struct sql_url *ret_url, struct err *err);

enum err_kind sql_error_kind(int number);
bool sql_error_lost(int number); /* the connection is of no more use */
/* False: a table that the server said is missing, in these words, is in its list, or it cannot tell; sql_missing.c. */
bool sql_table_gone(struct sql *sql, const char *words);
/* Fills err from the library's number and words, and notes a lost connection; false. */
bool sql_fail(struct sql *sql, int number, const char *words, const char *statement, struct err *err);
/* False with ERR_DATA when `bytes` of one row or statement can never pass the server's packet. It is looked at before
 * sending, since servers answer such a packet by cutting the connection, which would read as an outage. */
WEIR_MUST_USE bool sql_fits_packet(const struct sql *sql, size_t bytes, struct err *err);

/* Executes with `values` bound; the result, if any, is still to be fetched. NULL: err. After an error of its own the
 * caller calls sql_statement_fail. */
MYSQL_STMT *sql_statement_execute(struct sql *sql, const char *text, const struct value *values, size_t count,
                                  struct err *err);
/* A prepared statement from the cache or new into it. */
MYSQL_STMT *sql_statement_get(struct sql *sql, const char *text, struct err *err);
/* Fills err from `stmt` and drops it from the cache, so that no half-read result stays behind; false. */
bool sql_statement_fail(struct sql *sql, MYSQL_STMT *stmt, struct err *err);
void sql_statements_close(struct sql *sql);

void sql_time_split(int64_t realtime_ms, MYSQL_TIME *ret_time);
int64_t sql_time_join(const MYSQL_TIME *time); /* realtime ms; below the ms is cut */

/* `text` is the statement with one row of parameters; `counted`: as many rows must be affected as were given. */
WEIR_MUST_USE bool sql_insert_array(struct sql *sql, const char *text, bool counted, const struct value *cells,
                                    size_t column_count, size_t row_count, struct err *err);
/* Each column holds one type of value (beside NULL), every number is finite, and there is at least one column. */
bool sql_insert_array_fits(const struct value *cells, size_t column_count, size_t row_count);

#endif
