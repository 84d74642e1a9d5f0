/* MySQL and MariaDB: one blocking connection for one thread. (The prefix is `sql_`, because the client library owns
 * `mysql_`.)
 *
 * Every call has the deadline of the connection's timeouts. Errors say server, what was tried and the server's own
 * words; `err->code` is the server's error number and `err->kind` is
 *
 *   ERR_OUTAGE     connection lost or refused, lock wait timeout (1205), deadlock (1213), read only (1290, 1792, 1836),
 *                  disk full (1021, 1114, 3), too many connections (1040, 1203), killed (1317, 1927)
 *   ERR_DUPLICATE  1062
 *   ERR_MISSING    1146 (no table, and the server's list has none), 1049 (no database)
 *   ERR_DATA       a value that the column does not take (1264, 1366, 1406, 1048, 1292, 3819, 4025 and others), or a
 *                  row that can never pass max_allowed_packet; the latter is seen before sending and has code 0
 *   ERR_USAGE      wrong URL, user or password (1044, 1045, 1698)
 *   ERR_INTERNAL   all else
 *
 * Auto-reconnect is off: after ERR_OUTAGE with a lost connection sql_alive() is false: close and open again.
 * Session: autocommit, READ COMMITTED, strict sql_mode, time_zone '+00:00', utf8mb4; lock waits end after half of
 * query_timeout_ms, so that a held lock reads as 1205 and not as a lost connection. Both are whole seconds, so of a
 * query_timeout_ms of 1000 or less either may come first.
 */
#ifndef WEIR_CORE_SQL_H
#define WEIR_CORE_SQL_H

#include "core/err.h"
#include "core/value.h"
#include <stddef.h>
#include <stdint.h>

struct sql;

struct sql_options {
    const char *url; /* mysql://user:password@host:port/database (percent-decoded) */
    int64_t connect_timeout_ms;
    int64_t query_timeout_ms; /* read and write timeout of the socket */
    /* A client that falls silent inside a transaction holds its row locks no longer than this; 0: 30 s. MySQL can only
     * end the silent connection, in a transaction or not: there after 10 s at least, and with 0 not at all. */
    int64_t idle_transaction_ms;
};

WEIR_MUST_USE bool sql_open(const struct sql_options *options, struct sql **ret_sql, struct err *err);
void sql_close(struct sql *sql); /* NULL is fine; an open transaction is gone */
bool sql_alive(const struct sql *sql);
/* Gives the connection up at once, with what the server still sends on it: for a callback of sql_select that stops a large
 * result. The select fails or not; what is of use after it is sql_close. */
void sql_abandon(struct sql *sql);
const char *sql_where(const struct sql *sql); /* "host:port/database", for messages */
/* Bytes that one statement, or one row of sql_insert, may have on this connection. */
size_t sql_packet_bytes(const struct sql *sql);
/* Checks a URL without connecting. */
WEIR_MUST_USE bool sql_check_url(const char *url, struct err *err);

/* For a setting's row (core/config.h): NULL, or the end of a sentence. */
const char *sql_check_setting(const char *url);

/* One statement; `?` are filled from `values`. Prepared statements of the same text are kept and used again (bounded
 * cache). `ret_affected` may be NULL: rows found for UPDATE (CLIENT_FOUND_ROWS), so a compare-and-set reads right. */
WEIR_MUST_USE bool sql_run(struct sql *sql, const char *text, const struct value *values, size_t count,
                           uint64_t *ret_affected, struct err *err);
/* Text without parameters and not prepared: DDL, SET. */
WEIR_MUST_USE bool sql_run_text(struct sql *sql, const char *text, struct err *err);

/* A row handed to a callback: cells are borrowed until it returns. Numbers come as VALUE_I64/VALUE_U64/VALUE_F64,
 * a DECIMAL without a fraction (SUM of integers) as VALUE_I64/VALUE_U64 when it fits, with a fraction as text (exact),
 * DATETIME and TIMESTAMP as VALUE_TIME_MS (UTC), all else as text. The callback answers false to stop early (the rest
 * is read and thrown away, so LIMIT a large result, or sql_abandon it; the call still succeeds). Rows come as the
 * server sends them: the callback must not use this connection otherwise. */
typedef bool (*sql_row_fn)(const struct value *cells, size_t count, void *arg);
WEIR_MUST_USE bool sql_select(struct sql *sql, const char *text, const struct value *values, size_t count,
                              sql_row_fn fn, void *arg, struct err *err);
/* Exactly one integer cell; ERR_MISSING when there is no row, NULL counts as 0. */
WEIR_MUST_USE bool sql_select_i64(struct sql *sql, const char *text, const struct value *values, size_t count,
                                  int64_t *ret_number, struct err *err);

WEIR_MUST_USE bool sql_begin(struct sql *sql, struct err *err);
/* False with !sql_alive(): the outcome is not known; read the progress row FOR UPDATE on a new connection to settle
 * it. */
WEIR_MUST_USE bool sql_commit(struct sql *sql, struct err *err);
void sql_rollback(struct sql *sql); /* best effort; a lost connection has rolled back anyway */

/* Strict INSERT of many rows, one statement each slice: array binding where the server offers it (MariaDB), else
 * multi-row INSERT below max_allowed_packet. `cells` is row-major, row_count * column_count. Any error leaves the
 * transaction to be rolled back by the caller. `suffix` is "" or " ON DUPLICATE KEY UPDATE n = n + VALUES(n)" (totals
 * and dead letters only). */
WEIR_MUST_USE bool sql_insert(struct sql *sql, const char *table, const char *const *columns, size_t column_count,
                              const struct value *cells, size_t row_count, const char *suffix, struct err *err);
enum sql_insert_mode { SQL_INSERT_AUTO, SQL_INSERT_ARRAY, SQL_INSERT_TEXT };
void sql_insert_mode(struct sql *sql,
                     enum sql_insert_mode mode); /* AUTO asks the server; the others are for tests and bench */

#endif
