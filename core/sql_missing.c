/* Whether a table that the server calls missing is really gone.
 *
 * MariaDB answers 1146 also of a table whose files it cannot open because no file descriptor is left (10.11; its
 * information_schema.tables is then empty, without a word). Whoever takes such a table for a dropped one leaves out its
 * rows. So the server is asked for its list: SHOW TABLES reads the folder, and fails where it cannot.
 */
#include "core/sql_internal.h"
#include <string.h>
#include <strings.h>

enum { NAME_BYTES_MAX = 64 * 4 }; /* 64 characters of up to four bytes: "Identifier Length Limits" */

/* "Table 'database.name' doesn't exist" -> name; a database may have dots in its name, our tables have none. */
static bool name_of(const char *words, char ret_name[NAME_BYTES_MAX + 1])
{
    const char *first = words ? strchr(words, '.') : NULL;
    const char *end = first ? first + strcspn(first, "'") : NULL;
    const char *dot = first ? memrchr(first, '.', (size_t)(end - first)) : NULL;
    size_t len = dot ? (size_t)(end - dot) - 1 : 0;
    if (len == 0 || len > NAME_BYTES_MAX)
        return false;
    memcpy(ret_name, dot + 1, len);
    ret_name[len] = '\0';
    return true;
}

bool sql_table_gone(struct sql *sql, const char *words)
{
    char name[NAME_BYTES_MAX + 1];
    if (!name_of(words, name) || !sql->mysql)
        return true;
    MYSQL_RES *list =
        mysql_list_tables(sql->mysql, name); /* LIKE: an underscore is any character, so there may be others */
    if (!list) {
        sql->alive = sql->alive && !sql_error_lost((int)mysql_errno(sql->mysql));
        return false;
    }
    bool listed = false;
    for (MYSQL_ROW row; !listed && (row = mysql_fetch_row(list));)
        listed = row[0] && strcasecmp(row[0], name) == 0;
    mysql_free_result(list);
    return !listed;
}
