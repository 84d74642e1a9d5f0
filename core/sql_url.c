/* mysql://user:password@host:port/database, percent-decoded (RFC 3986). Nothing else is taken: no query part, no
 * default database, since a wrong guess here would write rows to a wrong place. Messages never repeat the URL, which
 * carries the password.
 */
#include "core/http_text.h" /* percent-escapes are the same everywhere */
#include "core/sql_internal.h"
#include <stdlib.h>
#include <string.h>

#define SQL_PORT_DEFAULT 3306

static const char scheme[] = "mysql://";

/* Decodes into `ret_text`; false when it is empty, too long, or a percent sign is not followed by two hex digits other
 * than 00. */
static bool decode_part(const char *text, size_t len, char *ret_text, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '%') {
            int value = http_escape_value(text + i, len - i);
            if (value <= 0)
                return false;
            c = (char)value;
            i += 2;
        }
        if (used + 1 >= size)
            return false;
        ret_text[used++] = c;
    }
    ret_text[used] = '\0';
    return used > 0;
}

static bool parse_port(const char *text, size_t len, unsigned *ret_port)
{
    unsigned port = 0;
    if (len == 0 || len > 5)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    *ret_port = port;
    return port >= 1 && port <= 65535;
}

static bool parse_user(const char *text, size_t len, struct sql_url *url, struct err *err)
{
    const char *colon = memchr(text, ':', len);
    size_t user_len = colon ? (size_t)(colon - text) : len;
    if (!decode_part(text, user_len, url->user, sizeof url->user))
        return err_set(err, ERR_USAGE,
                       "The user in the MySQL URL is empty, too long or badly percent-encoded; write "
                       "mysql://user:password@host:port/database");
    if (!colon || user_len + 1 == len)
        return true;
    if (!decode_part(colon + 1, len - user_len - 1, url->password, sizeof url->password))
        return err_set(err, ERR_USAGE,
                       "The password in the MySQL URL is too long or badly percent-encoded; write @, :, / and %% in it "
                       "as %%40, %%3A, %%2F and %%25");
    return true;
}

static bool parse_host(const char *text, size_t len, struct sql_url *url, struct err *err)
{
    const char *host = text, *end = text + len, *colon;
    size_t host_len;
    if (len > 0 && text[0] == '[') { /* IPv6 in brackets */
        const char *close = memchr(text, ']', len);
        host = text + 1;
        host_len = close ? (size_t)(close - host) : 0;
        colon = close && close + 1 < end ? close + 1 : NULL;
    } else {
        colon = memchr(text, ':', len);
        host_len = colon ? (size_t)(colon - text) : len;
    }
    if (!decode_part(host, host_len, url->host, sizeof url->host))
        return err_set(err, ERR_USAGE,
                       "The host in the MySQL URL is empty, too long or badly written; write "
                       "mysql://user:password@host:port/database");
    url->port = SQL_PORT_DEFAULT;
    if (colon && (*colon != ':' || !parse_port(colon + 1, (size_t)(end - colon - 1), &url->port)))
        return err_set(err, ERR_USAGE, "The port in the MySQL URL must be 1 to 65535");
    return true;
}

bool sql_url_parse(const char *url, struct sql_url *ret_url, struct err *err)
{
    struct sql_url parsed = {.port = SQL_PORT_DEFAULT};
    if (!url || strncmp(url, scheme, sizeof scheme - 1) != 0)
        return err_set(err, ERR_USAGE,
                       "A MySQL URL begins with mysql:// and reads mysql://user:password@host:port/database");
    const char *rest = url + sizeof scheme - 1;
    const char *slash = strchr(rest, '/');
    if (!slash || !slash[1])
        return err_set(err, ERR_USAGE,
                       "The MySQL URL names no database; write mysql://user:password@host:port/database");
    const char *at = memrchr(rest, '@', (size_t)(slash - rest));
    if (!at)
        return err_set(err, ERR_USAGE, "The MySQL URL names no user; write mysql://user:password@host:port/database");
    if (strpbrk(slash + 1, "/?#"))
        return err_set(err, ERR_USAGE, "The MySQL URL must end after the database: options are settings of their own");
    if (!decode_part(slash + 1, strlen(slash + 1), parsed.database, sizeof parsed.database))
        return err_set(err, ERR_USAGE, "The database in the MySQL URL is too long or badly percent-encoded");
    if (!parse_user(rest, (size_t)(at - rest), &parsed, err) ||
        !parse_host(at + 1, (size_t)(slash - at - 1), &parsed, err))
        return false;
    *ret_url = parsed;
    return true;
}

bool sql_check_url(const char *url, struct err *err)
{
    struct sql_url ignored;
    return sql_url_parse(url, &ignored, err);
}

const char *sql_check_setting(const char *url)
{
    struct err err;
    return sql_check_url(url, &err) ? NULL : "must be mysql://user:password@host:port/database";
}
