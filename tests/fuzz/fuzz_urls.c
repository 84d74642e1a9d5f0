/* URLs of Redis and MySQL. The input is a text, a NUL, and another; a mark is put between them, and that is the URL.
 *
 * Must hold: a URL that is taken, written again with everything escaped, is taken with the same parts; where the mark
 * lies in what may be a password (between the first colon behind the scheme and the last @), neither an error nor the
 * form that is shown holds it. */
#include "core/config.h"
#include "core/redis_url.h"
#include "core/sql_internal.h"
#include "tests/fuzz/fuzz.h"

#define MARK "Zq7~"

static void append_part(struct buf *url, const char *before, const char *part)
{
    buf_append_str(url, before);
    for (; *part != '\0'; part++)
        buf_printf(url, "%%%02X", (unsigned char)*part);
}

/* An IPv6 address stands in brackets, so that its colons are not a port's. */
static void append_place(struct buf *url, const char *host, int port, const char *at)
{
    append_part(url, at, host);
    buf_printf(url, ":%d/", port);
}

static void check_redis(const char *text, struct err *err)
{
    struct redis_url parsed, again;
    struct buf url = {0};
    if (!redis_url_parse(text, &parsed, err))
        return;
    append_part(&url, "redis://", parsed.user);
    append_part(&url, ":", parsed.password);
    append_place(&url, parsed.host, parsed.port, "@");
    buf_append_i64(&url, parsed.db);
    assert(redis_url_parse(url.data, &again, err));
    assert(strcmp(parsed.host, again.host) == 0 && strcmp(parsed.user, again.user) == 0 &&
           strcmp(parsed.password, again.password) == 0 && parsed.port == again.port && parsed.db == again.db);
    buf_free(&url);
}

static void check_sql(const char *text, struct err *err)
{
    struct sql_url parsed, again;
    struct buf url = {0};
    if (!sql_url_parse(text, &parsed, err))
        return;
    append_part(&url, "mysql://", parsed.user);
    append_part(&url, ":", parsed.password);
    append_place(&url, parsed.host, (int)parsed.port, "@");
    append_part(&url, "", parsed.database);
    assert(sql_url_parse(url.data, &again, err));
    assert(strcmp(parsed.host, again.host) == 0 && strcmp(parsed.user, again.user) == 0 &&
           strcmp(parsed.password, again.password) == 0 && strcmp(parsed.database, again.database) == 0 &&
           parsed.port == again.port);
    buf_free(&url);
}

static bool mark_is_secret(const char *url, size_t mark_at)
{
    const char *scheme = strstr(url, "://"), *at = strrchr(url, '@');
    const char *colon = scheme != NULL ? strchr(scheme + 3, ':') : NULL;
    return colon != NULL && at != NULL && url + mark_at > colon && url + mark_at + strlen(MARK) <= at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input(data, size);
    struct buf url = {0}, shown = {0};
    struct err redis = {0}, sql = {0};
    size_t mark_at;
    char *before = fuzz_text(&input, &mark_at), *behind = fuzz_text(&input, NULL);
    buf_printf(&url, "%s" MARK "%s", before, behind);
    check_redis(url.data, &redis);
    check_sql(url.data, &sql);
    config_append_url(&shown, url.data);
    if (mark_is_secret(url.data, mark_at) && strstr(before, MARK) == NULL && strstr(behind, MARK) == NULL)
        assert(!strstr(redis.text, MARK) && !strstr(sql.text, MARK) && !strstr(shown.data, MARK));
    free(before);
    free(behind);
    buf_free(&url);
    buf_free(&shown);
    return 0;
}
