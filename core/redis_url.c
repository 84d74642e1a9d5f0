/* The URL of a Redis. No TLS (the client library of this version has none), no unix socket. */
#include "core/redis_url.h"
#include "core/http_text.h" /* percent-escapes are the same everywhere */
#include "core/redis.h"
#include <stdlib.h>
#include <string.h>

static bool wrong(struct err *err, const char *why)
{
    return err_set(err, ERR_USAGE, "the Redis URL %s; it must look like redis://:password@host:6379/0", why);
}

/* Decodes [begin, end) into `out`; false when it does not fit, an escape is broken or stands for NUL. */
static bool part_copy(const char *begin, const char *end, char *out, size_t size)
{
    size_t used = 0;
    for (const char *at = begin; at < end; at++) {
        int byte = (unsigned char)*at;
        if (byte == '%') {
            byte = http_escape_value(at, (size_t)(end - at));
            at += byte > 0 ? 2 : 0;
        }
        if (byte <= 0 || used + 1 >= size)
            return false;
        out[used++] = (char)byte;
    }
    out[used] = '\0';
    return true;
}

static bool number_parse(const char *begin, const char *end, int max, int *ret_number)
{
    int number = 0;
    for (const char *at = begin; at < end; at++) {
        if (*at < '0' || *at > '9' || number > max)
            return false;
        number = number * 10 + (*at - '0');
    }
    if (begin == end || number > max)
        return false;
    *ret_number = number;
    return true;
}

static bool userinfo_parse(const char *begin, const char *end, struct redis_url *url, struct err *err)
{
    const char *colon = memchr(begin, ':', (size_t)(end - begin));
    const char *user_end = colon == NULL ? end : colon;
    if (!part_copy(begin, user_end, url->user, sizeof url->user))
        return wrong(err, "has a user that is too long or badly escaped");
    if (colon != NULL && !part_copy(colon + 1, end, url->password, sizeof url->password))
        return wrong(err, "has a password that is too long or badly escaped");
    return true;
}

static bool host_parse(const char *begin, const char *end, struct redis_url *url, struct err *err)
{
    const char *host_end = end;
    if (begin < end && *begin == '[') { /* an IPv6 address */
        host_end = memchr(begin, ']', (size_t)(end - begin));
        if (host_end == NULL || !part_copy(begin + 1, host_end, url->host, sizeof url->host))
            return wrong(err, "has a broken IPv6 address");
        host_end++;
    } else {
        const char *colon = memchr(begin, ':', (size_t)(end - begin));
        host_end = colon == NULL ? end : colon;
        if (!part_copy(begin, host_end, url->host, sizeof url->host))
            return wrong(err, "has a host that is too long");
    }
    if (url->host[0] == '\0')
        return wrong(err, "has no host");
    if (host_end < end && (*host_end != ':' || !number_parse(host_end + 1, end, 65535, &url->port)))
        return wrong(err, "has a port that is not a number from 1 to 65535");
    return true;
}

bool redis_url_parse(const char *text, struct redis_url *ret_url, struct err *err)
{
    static const char scheme[] = "redis://";
    struct redis_url url = {.port = REDIS_PORT};
    if (strncmp(text, scheme, sizeof scheme - 1) != 0)
        return wrong(err, "does not begin with redis://");
    const char *begin = text + sizeof scheme - 1;
    const char *end = begin + strcspn(begin, "/?#");
    const char *at = memrchr(begin, '@', (size_t)(end - begin));
    if (at != NULL && !userinfo_parse(begin, at, &url, err))
        return false;
    if (!host_parse(at == NULL ? begin : at + 1, end, &url, err))
        return false;
    if (*end == '/' && end[1] != '\0' && !number_parse(end + 1, end + strlen(end), 9999, &url.db))
        return wrong(err, "has a database that is not a number");
    if (*end != '\0' && *end != '/')
        return wrong(err, "has options, and none are known");
    *ret_url = url;
    return true;
}

const char *redis_check_setting(const char *url)
{
    struct redis_url parsed;
    struct err err;
    return redis_url_parse(url, &parsed, &err) ? NULL : "must be redis://[user:password@]host:port[/db]";
}
