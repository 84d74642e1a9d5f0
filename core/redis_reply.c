/* Replies, scripts and the wire form of commands: the parts of Redis that need no connection. */
#include "core/redis_reply.h"
#include "core/sha1.h"
#include <errno.h>
#include <hiredis.h>
#include <stdlib.h>
#include <string.h>

static const redisReply *raw(const struct redis_reply *reply)
{
    return (const redisReply *)(const void *)reply;
}

enum redis_reply_type redis_reply_type(const struct redis_reply *reply)
{
    switch (raw(reply)->type) {
    case REDIS_REPLY_STRING:
        return REDIS_TEXT;
    case REDIS_REPLY_ARRAY:
        return REDIS_LIST;
    case REDIS_REPLY_INTEGER:
        return REDIS_INTEGER;
    case REDIS_REPLY_STATUS:
        return REDIS_STATUS;
    case REDIS_REPLY_ERROR:
        return REDIS_ERROR;
    default:
        return REDIS_NIL;
    }
}

int64_t redis_reply_int(const struct redis_reply *reply)
{
    if (raw(reply)->type == REDIS_REPLY_INTEGER)
        return raw(reply)->integer;
    size_t len;
    const char *text = redis_reply_text(reply, &len);
    if (raw(reply)->type != REDIS_REPLY_STRING || len == 0 || text[0] == ' ')
        return 0;
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10); /* hiredis ends each text with a NUL */
    return errno == 0 && end == text + len ? number : 0;
}

const char *redis_reply_text(const struct redis_reply *reply, size_t *ret_len)
{
    int type = raw(reply)->type;
    bool text = type == REDIS_REPLY_STRING || type == REDIS_REPLY_STATUS || type == REDIS_REPLY_ERROR;
    if (ret_len != NULL)
        *ret_len = text ? raw(reply)->len : 0;
    return text ? raw(reply)->str : "";
}

size_t redis_reply_count(const struct redis_reply *reply)
{
    return raw(reply)->type == REDIS_REPLY_ARRAY ? raw(reply)->elements : 0;
}

const struct redis_reply *redis_reply_at(const struct redis_reply *reply, size_t index)
{
    static const redisReply nil = {.type = REDIS_REPLY_NIL};
    const redisReply *item = index < redis_reply_count(reply) ? raw(reply)->element[index] : &nil;
    return (const struct redis_reply *)(const void *)item;
}

void redis_reply_free(struct redis_reply *reply)
{
    if (reply != NULL)
        freeReplyObject(reply);
}

bool redis_error_is(const struct redis_reply *reply, const char *code)
{
    size_t len = strlen(code);
    return raw(reply)->type == REDIS_REPLY_ERROR && raw(reply)->len >= len && memcmp(raw(reply)->str, code, len) == 0;
}

bool redis_error_ends(const struct redis_reply *reply)
{
    return redis_error_is(reply, "READONLY") || redis_error_is(reply, "LOADING") || redis_error_is(reply, "MOVED") ||
           redis_error_is(reply, "MASTERDOWN");
}

void redis_script_init(struct redis_script *script)
{
    sha1_hex(script->text, strlen(script->text), script->sha);
}

bool redis_info_find(const char *info, const char *field, char ret_id[REDIS_ID_BYTES + 1])
{
    size_t len = strlen(field);
    for (const char *line = info; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, field, len) != 0 || line[len] != ':')
            continue;
        const char *value = line + len + 1;
        if (strcspn(value, "\r\n") != REDIS_ID_BYTES)
            return false;
        memcpy(ret_id, value, REDIS_ID_BYTES);
        ret_id[REDIS_ID_BYTES] = '\0';
        return true;
    }
    return false;
}

void redis_format_count(struct buf *out, size_t count)
{
    buf_append_char(out, '*');
    buf_append_u64(out, count);
    buf_append(out, "\r\n", 2);
}

void redis_format_arg(struct buf *out, const char *data, size_t len)
{
    buf_append_char(out, '$');
    buf_append_u64(out, len);
    buf_append(out, "\r\n", 2);
    buf_append(out, data, len);
    buf_append(out, "\r\n", 2);
}
