/* Error numbers of servers and client libraries -> what a caller may do about them.
 *
 * The numbers come from the reference manuals: "MySQL Error Reference" and MariaDB's "Error Codes". Whatever is not in
 * the table is ERR_INTERNAL: an unknown failure must be looked at, not retried for ever.
 */
#include "core/sql_internal.h"
#include <stdlib.h>
#include <string.h>

#define ERROR_NO_TABLE 1146

struct error_row {
    int number;
    enum err_kind kind;
    bool lost;
};

/* Sorted by number. Not ERR_DATA, though a row meets them: what a change of the table mends (1364 no default value,
 * 1526 no partition for the value, 1216, 1217, 1451, 1452 foreign keys). Such a row can be stored one day. */
static const struct error_row rows[] = {
    {3, ERR_OUTAGE, false},       /* EE_WRITE: disk full under a temporary file */
    {5, ERR_OUTAGE, false},       /* EE_OUTOFMEMORY */
    {23, ERR_OUTAGE, false},      /* EE_OUT_OF_FILERESOURCES */
    {28, ERR_OUTAGE, false},      /* no space left on device */
    {1016, ERR_OUTAGE, false},    /* cannot open a table's file: no descriptor left, mostly */
    {1020, ERR_OUTAGE, false},    /* record has changed since last read */
    {1021, ERR_OUTAGE, false},    /* disk full */
    {1022, ERR_DUPLICATE, false}, /* duplicate key, named by the engine */
    {1030, ERR_OUTAGE, false},    /* the engine's own error, mostly the disk */
    {1037, ERR_OUTAGE, false},    /* out of memory */
    {1038, ERR_OUTAGE, false},    /* out of sort memory */
    {1040, ERR_OUTAGE, false},    /* too many connections */
    {1041, ERR_OUTAGE, false},    /* out of resources */
    {1042, ERR_OUTAGE, true},     /* cannot resolve host */
    {1043, ERR_OUTAGE, true},     /* bad handshake */
    {1044, ERR_USAGE, false},     /* access to database denied */
    {1045, ERR_USAGE, false},     /* access denied: user or password */
    {1047, ERR_OUTAGE, false},    /* node is not ready */
    {1048, ERR_DATA, false},      /* column cannot be null */
    {1049, ERR_MISSING, false},   /* no database */
    {1051, ERR_MISSING, false},   /* no table (DROP) */
    {1053, ERR_OUTAGE, true},     /* shutdown in progress */
    {1062, ERR_DUPLICATE, false}, /* duplicate entry */
    {1077, ERR_OUTAGE, true},     /* normal shutdown */
    {1079, ERR_OUTAGE, true},     /* shutdown complete */
    {1080, ERR_OUTAGE, true},     /* forced close of the thread */
    {1114, ERR_OUTAGE, false},    /* table is full */
    {1135, ERR_OUTAGE, false},    /* cannot create a thread */
    {1146, ERR_MISSING, false},   /* no table */
    {1152, ERR_OUTAGE, true},     /* aborted connection */
    {1158, ERR_OUTAGE, true},     /* network: read */
    {1159, ERR_OUTAGE, true},     /* network: read timeout */
    {1160, ERR_OUTAGE, true},     /* network: write */
    {1161, ERR_OUTAGE, true},     /* network: write timeout */
    {1180, ERR_OUTAGE, false},    /* error during COMMIT */
    {1184, ERR_OUTAGE, true},     /* aborted new connection */
    {1203, ERR_OUTAGE, false},    /* too many connections of this user */
    {1205, ERR_OUTAGE, false},    /* lock wait timeout: ends the statement only */
    {1206, ERR_OUTAGE, false},    /* lock table full */
    {1213, ERR_OUTAGE, false},    /* deadlock: ends the transaction */
    {1226, ERR_OUTAGE, false},    /* user's resource limit */
    {1264, ERR_DATA, false},      /* out of range */
    {1265, ERR_DATA, false},      /* data truncated */
    {1290, ERR_OUTAGE, false},    /* read only */
    {1292, ERR_DATA, false},      /* wrong value */
    {1317, ERR_OUTAGE, false},    /* query was interrupted */
    {1366, ERR_DATA, false},      /* wrong value for the column */
    {1367, ERR_DATA, false},      /* illegal value found while parsing */
    {1406, ERR_DATA, false},      /* data too long */
    {1411, ERR_DATA, false},      /* wrong value for the type */
    {1412, ERR_OUTAGE, false},    /* table definition has changed: once more */
    {1461, ERR_OUTAGE, false},    /* too many prepared statements on the server */
    {1586, ERR_DUPLICATE, false}, /* duplicate entry, key named */
    {1615, ERR_OUTAGE, false},    /* statement must be prepared again */
    {1637, ERR_OUTAGE, false},    /* too many transactions */
    {1689, ERR_OUTAGE, false},    /* lock wait aborted */
    {1690, ERR_DATA, false},      /* out of range in an expression */
    {1698, ERR_USAGE, false},     /* access denied, no password */
    {1792, ERR_OUTAGE, false},    /* read-only transaction */
    {1836, ERR_OUTAGE, false},    /* read-only mode */
    {1927, ERR_OUTAGE, true},     /* connection was killed */
    {1969, ERR_OUTAGE, false},    /* statement timeout (MariaDB) */
    {2001, ERR_OUTAGE, true},     /* no socket */
    {2002, ERR_OUTAGE, true},     /* cannot connect */
    {2003, ERR_OUTAGE, true},     /* cannot connect to the host */
    {2004, ERR_OUTAGE, true},     /* no TCP socket */
    {2005, ERR_OUTAGE, true},     /* unknown host: name services fail, too */
    {2006, ERR_OUTAGE, true},     /* server has gone away */
    {2008, ERR_OUTAGE, true},     /* no memory in the client library, in the middle of whatever it read */
    {2011, ERR_OUTAGE, true},     /* TCP error */
    {2012, ERR_OUTAGE, true},     /* handshake */
    {2013, ERR_OUTAGE, true},     /* connection lost, or timed out */
    {2014, ERR_INTERNAL, true},   /* commands out of sync: the connection is spoilt */
    {2026, ERR_OUTAGE, true},     /* TLS */
    {2027, ERR_OUTAGE, true},     /* malformed packet */
    {2055, ERR_OUTAGE, true},     /* connection lost, with the system's error */
    {3024, ERR_OUTAGE, false},    /* statement timeout (MySQL) */
    {3058, ERR_OUTAGE, false},    /* deadlock of user locks */
    {3572, ERR_OUTAGE, false},    /* NOWAIT found a lock */
    {3819, ERR_DATA, false},      /* CHECK constraint (MySQL) */
    {4025, ERR_DATA, false},      /* CHECK constraint (MariaDB) */
    {4031, ERR_OUTAGE, true},     /* closed by the server for idleness */
};

static int compare_rows(const void *key, const void *row)
{
    int number = *(const int *)key, other = ((const struct error_row *)row)->number;
    return (number > other) - (number < other);
}

static const struct error_row *find_row(int number)
{
    return bsearch(&number, rows, sizeof rows / sizeof rows[0], sizeof rows[0], compare_rows);
}

enum err_kind sql_error_kind(int number)
{
    const struct error_row *row = find_row(number);
    return row ? row->kind : ERR_INTERNAL;
}

bool sql_error_lost(int number)
{
    const struct error_row *row = find_row(number);
    return row && row->lost;
}

bool sql_fail(struct sql *sql, int number, const char *words, const char *statement, struct err *err)
{
    if (sql_error_lost(number))
        sql->alive = false;
    size_t len = statement ? strcspn(statement, "\n") : 0;
    err_set_code(err, sql_error_kind(number), number, "MySQL at %s failed at \"%.*s\": %s (error %d)", sql->where,
                 (int)(len > 120 ? 120 : len), statement ? statement : "", words && *words ? words : "no reason given",
                 number);
    if (err && number == ERROR_NO_TABLE && !sql_table_gone(sql, words)) {
        err->kind = ERR_OUTAGE;
        err_prefix(err, "the table may be there, but cannot be opened");
    }
    return false;
}

bool sql_fits_packet(const struct sql *sql, size_t bytes, struct err *err)
{
    if (sql->packet_bytes_max == 0 || bytes <= sql->packet_bytes_max) /* 0: the session is still being set up */
        return true;
    return err_set(err, ERR_DATA,
                   "MySQL at %s takes no row or statement of %zu bytes; the limit is %zu (max_allowed_packet)",
                   sql->where, bytes, sql->packet_bytes_max);
}
