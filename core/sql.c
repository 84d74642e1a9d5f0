/* The connection: open, session, run, transaction.
 *
 * The library's auto-reconnect stays off (its default in every version): a connection that came back by itself would
 * have lost its transaction and its session without a word. Waits of the server are made shorter than the socket's, so
 * that a held lock reads as 1205 and not as a lost connection.
 */
#include "core/sql_internal.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ERROR_NOT_PREPARABLE 1295
#define PACKET_SLACK_BYTES   (64 * 1024)
#define IDLE_TRANSACTION_MS  (30 * 1000)
#define IDLE_SESSION_MS_MIN  (10 * 1000) /* three times the pace at which a connection speaks that has nothing to do */

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void library_start(void)
{
    mysql_library_init(0, NULL, NULL);
}

static unsigned seconds_of(int64_t ms)
{
    return ms <= 1000 ? 1 : (unsigned)((ms + 999) / 1000);
}

static void set_options(MYSQL *mysql, const struct sql_options *options)
{
    unsigned connect_s = seconds_of(options->connect_timeout_ms), query_s = seconds_of(options->query_timeout_ms);
    unsigned protocol = MYSQL_PROTOCOL_TCP, local_infile = 0;
    mysql_options(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
    mysql_options(mysql, MYSQL_OPT_READ_TIMEOUT, &query_s);
    mysql_options(mysql, MYSQL_OPT_WRITE_TIMEOUT, &query_s);
    mysql_options(mysql, MYSQL_OPT_PROTOCOL, &protocol); /* "localhost" is no socket file here */
    mysql_options(mysql, MYSQL_OPT_LOCAL_INFILE, &local_infile);
    mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
}

static bool server_has_bulk(MYSQL *mysql)
{
#ifdef MARIADB_CLIENT_STMT_BULK_OPERATIONS
    unsigned long capabilities = 0; /* the upper 32 bits of MariaDB's own flags */
    if (mariadb_get_infov(mysql, MARIADB_CONNECTION_EXTENDED_SERVER_CAPABILITIES, &capabilities) != 0)
        return false;
    return (capabilities & (unsigned long)(MARIADB_CLIENT_STMT_BULK_OPERATIONS >> 32)) != 0;
#else
    (void)mysql;
    return false;
#endif
}

static bool is_mariadb(MYSQL *mysql)
{
    const char *version = mysql_get_server_info(mysql);
    return version && strstr(version, "MariaDB") != NULL;
}

/* MySQL has no idle_transaction_timeout: there a session that falls silent is ended as a whole, and only where its
 * owner asked, for others may be silent as long as they like. No server of MySQL's own has run this branch in a test
 * yet. */
static bool set_idle(struct sql *sql, int64_t idle_ms, struct err *err)
{
    char text[100];
    if (is_mariadb(sql->mysql))
        snprintf(text, sizeof text, "SET SESSION idle_transaction_timeout = %u",
                 seconds_of(idle_ms > 0 ? idle_ms : IDLE_TRANSACTION_MS));
    else if (idle_ms > 0)
        snprintf(text, sizeof text, "SET SESSION wait_timeout = %u",
                 seconds_of(idle_ms > IDLE_SESSION_MS_MIN ? idle_ms : IDLE_SESSION_MS_MIN));
    else
        return true;
    return sql_run_text(sql, text, err);
}

static bool set_session(struct sql *sql, const struct sql_options *options, struct err *err)
{
    char text[500];
    unsigned lock_s = seconds_of(options->query_timeout_ms / 2);
    snprintf(text, sizeof text,
             "SET SESSION autocommit = 1, time_zone = '+00:00', innodb_lock_wait_timeout = %u, lock_wait_timeout = %u, "
             "sql_mode = "
             "'STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_"
             "SUBSTITUTION'",
             lock_s, lock_s);
    if (!sql_run_text(sql, text, err) ||
        !sql_run_text(sql, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", err))
        return false;
    if (!set_idle(sql, options->idle_transaction_ms, err))
        return false;
    int64_t packet_bytes = 0;
    if (!sql_select_i64(sql, "SELECT @@max_allowed_packet", NULL, 0, &packet_bytes, err))
        return false;
    size_t usable =
        packet_bytes > 2 * PACKET_SLACK_BYTES ? (size_t)packet_bytes - PACKET_SLACK_BYTES : (size_t)packet_bytes / 2;
    sql->packet_bytes_max = usable < SQL_INSERT_BYTES_MAX ? usable : SQL_INSERT_BYTES_MAX;
    return true;
}

static bool connect_server(struct sql *sql, const struct sql_url *url, const struct sql_options *options,
                           struct err *err)
{
    sql->mysql = mysql_init(NULL);
    if (!sql->mysql)
        return err_set(err, ERR_INTERNAL, "The MySQL client library could not make a connection object");
    set_options(sql->mysql, options);
    if (!mysql_real_connect(sql->mysql, url->host, url->user, url->password, url->database, url->port, NULL,
                            CLIENT_FOUND_ROWS)) {
        int number = (int)mysql_errno(sql->mysql);
        return err_set_code(err, sql_error_kind(number), number,
                            "MySQL at %s does not take a connection of user %s: %s (error %d)", sql->where, url->user,
                            mysql_error(sql->mysql), number);
    }
    sql->alive = true;
    sql->bulk = server_has_bulk(sql->mysql);
    return set_session(sql, options, err);
}

bool sql_open(const struct sql_options *options, struct sql **ret_sql, struct err *err)
{
    struct sql_url url;
    pthread_once(&library_once, library_start);
    if (!sql_url_parse(options->url, &url, err))
        return false;
    struct sql *sql = mem_alloc(sizeof *sql);
    snprintf(sql->where, sizeof sql->where, strchr(url.host, ':') ? "[%s]:%u/%s" : "%s:%u/%s", url.host, url.port,
             url.database);
    if (!connect_server(sql, &url, options, err)) {
        sql_close(sql);
        return false;
    }
    *ret_sql = sql;
    return true;
}

void sql_close(struct sql *sql)
{
    if (!sql)
        return;
    sql_statements_close(sql);
    if (sql->mysql)
        mysql_close(sql->mysql);
    buf_free(&sql->text);
    free(sql->arena);
    free(sql);
}

void sql_abandon(struct sql *sql)
{
    (void)shutdown(mysql_get_socket(sql->mysql), SHUT_RDWR);
    sql->alive = false;
}

bool sql_alive(const struct sql *sql)
{
    return sql && sql->alive;
}

const char *sql_where(const struct sql *sql)
{
    return sql->where;
}

size_t sql_packet_bytes(const struct sql *sql)
{
    return sql->packet_bytes_max;
}

bool sql_run_text(struct sql *sql, const char *text, struct err *err)
{
    if (mysql_real_query(sql->mysql, text, strlen(text)) != 0)
        return sql_fail(sql, (int)mysql_errno(sql->mysql), mysql_error(sql->mysql), text, err);
    MYSQL_RES *result = mysql_store_result(sql->mysql);
    if (result)
        mysql_free_result(result);
    if (mysql_errno(sql->mysql) != 0)
        return sql_fail(sql, (int)mysql_errno(sql->mysql), mysql_error(sql->mysql), text, err);
    return true;
}

bool sql_run(struct sql *sql, const char *text, const struct value *values, size_t count, uint64_t *ret_affected,
             struct err *err)
{
    struct err failure = {0};
    MYSQL_STMT *stmt = sql_statement_execute(sql, text, values, count, &failure);
    if (!stmt && failure.code == ERROR_NOT_PREPARABLE && count == 0) {
        if (!sql_run_text(sql, text, err))
            return false;
        if (ret_affected)
            *ret_affected = mysql_affected_rows(sql->mysql);
        return true;
    }
    if (!stmt) {
        if (err)
            *err = failure;
        return false;
    }
    uint64_t affected = mysql_stmt_affected_rows(stmt);
    if (mysql_stmt_field_count(stmt) > 0 && mysql_stmt_free_result(stmt) != 0) /* rows that nobody asked for */
        return sql_statement_fail(sql, stmt, err);
    if (ret_affected)
        *ret_affected = affected;
    return true;
}

bool sql_begin(struct sql *sql, struct err *err)
{
    return sql_run_text(sql, "START TRANSACTION", err);
}

bool sql_commit(struct sql *sql, struct err *err)
{
    return sql_run_text(sql, "COMMIT", err);
}

void sql_rollback(struct sql *sql)
{
    if (sql->alive && !sql_run_text(sql, "ROLLBACK", NULL))
        sql->alive = false; /* a transaction that cannot be ended must not be reused */
}
