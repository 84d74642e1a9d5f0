/* Redis for threads that may wait: one blocking connection, the same rules. After an outcome that is not known the
 * connection is dead, so that no late reply can be taken for the answer of the next command. */
#include "core/buf.h"
#include "core/redis.h"
#include "core/redis_reply.h"
#include "core/redis_url.h"
#include <errno.h>
#include <hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct redis_sync {
    redisContext *context;
    struct redis_url url;
    bool dead;
    char run_id[REDIS_ID_BYTES + 1];
    char replid[REDIS_ID_BYTES + 1];
};

static bool away(struct redis_sync *redis, struct err *err)
{
    const char *why = "the connection is dead after an earlier error";
    if (!redis->dead && redis->context != NULL && redis->context->err != 0)
        why = redis->context->err == REDIS_ERR_IO && errno == EAGAIN ? "no answer in time" : redis->context->errstr;
    redis->dead = true;
    return err_set(err, ERR_OUTAGE, "Redis at %s:%d: %s", redis->url.host, redis->url.port, why);
}

bool redis_sync_alive(const struct redis_sync *redis)
{
    return !redis->dead;
}

/* The wire form goes as it is; NULL as redis_sync_send() says. */
static struct redis_reply *sync_exchange(struct redis_sync *redis, const struct buf *wire, struct err *err)
{
    void *raw = NULL;
    if (redis->dead || redisAppendFormattedCommand(redis->context, wire->data, wire->len) != REDIS_OK ||
        redisGetReply(redis->context, &raw) != REDIS_OK || raw == NULL) {
        away(redis, err);
        return NULL;
    }
    struct redis_reply *reply = raw;
    if (redis_reply_type(reply) != REDIS_ERROR)
        return reply;
    redis->dead = redis_error_ends(reply);
    err_set(err, redis->dead ? ERR_OUTAGE : ERR_CONFLICT, "%s", redis_reply_text(reply, NULL));
    redis_reply_free(reply);
    return NULL;
}

static void wire_args(struct buf *wire, const struct redis_arg *args, size_t count)
{
    for (size_t i = 0; i < count; i++)
        redis_format_arg(wire, args[i].data, args[i].len);
}

struct redis_reply *redis_sync_send(struct redis_sync *redis, const struct redis_arg *args, size_t count,
                                    struct err *err)
{
    struct buf wire = {0};
    redis_format_count(&wire, count);
    wire_args(&wire, args, count);
    struct redis_reply *reply = sync_exchange(redis, &wire, err);
    buf_free(&wire);
    return reply;
}

static struct redis_reply *sync_eval(struct redis_sync *redis, const char *command, const char *script,
                                     const struct redis_arg *args, size_t count, size_t key_count, struct err *err)
{
    char keys[24];
    int keys_len = snprintf(keys, sizeof keys, "%zu", key_count);
    struct buf wire = {0};
    redis_format_count(&wire, count + 3);
    redis_format_arg(&wire, command, strlen(command));
    redis_format_arg(&wire, script, strlen(script));
    redis_format_arg(&wire, keys, (size_t)keys_len);
    wire_args(&wire, args, count);
    struct redis_reply *reply = sync_exchange(redis, &wire, err);
    buf_free(&wire);
    return reply;
}

struct redis_reply *redis_sync_eval(struct redis_sync *redis, const struct redis_script *script,
                                    const struct redis_arg *args, size_t count, size_t key_count, struct err *err)
{
    struct err first = {0};
    struct redis_reply *reply = sync_eval(redis, "EVALSHA", script->sha, args, count, key_count, &first);
    if (reply != NULL)
        return reply;
    if (first.kind == ERR_CONFLICT && strncmp(first.text, "NOSCRIPT", 8) == 0) /* nothing has run */
        return sync_eval(redis, "EVAL", script->text, args, count, key_count, err);
    if (err != NULL)
        *err = first;
    return NULL;
}

/* ---- connecting ---- */

static bool sync_words(struct redis_sync *redis, const char *const *words, size_t count, struct redis_reply **ret_reply,
                       struct err *err)
{
    struct redis_arg args[3];
    for (size_t i = 0; i < count; i++)
        args[i] = (struct redis_arg){words[i], strlen(words[i])};
    *ret_reply = redis_sync_send(redis, args, count, err);
    return *ret_reply != NULL;
}

static bool sync_greet(struct redis_sync *redis, struct err *err)
{
    const struct redis_url *url = &redis->url;
    struct redis_reply *reply = NULL;
    const char *const by_user[] = {"AUTH", url->user, url->password};
    const char *const by_password[] = {"AUTH", url->password};
    bool ok = true;
    if (url->user[0] != '\0')
        ok = sync_words(redis, by_user, 3, &reply, err);
    else if (url->password[0] != '\0')
        ok = sync_words(redis, by_password, 2, &reply, err);
    redis_reply_free(reply);
    if (!ok || url->db == 0)
        return ok;
    char db[16];
    snprintf(db, sizeof db, "%d", url->db);
    const char *const by_number[] = {"SELECT", db};
    ok = sync_words(redis, by_number, 2, &reply, err);
    redis_reply_free(reply);
    return ok;
}

static bool sync_info(struct redis_sync *redis, const char *section, const char *field, char ret_id[REDIS_ID_BYTES + 1],
                      struct err *err)
{
    struct redis_reply *reply;
    const char *const words[] = {"INFO", section};
    if (!sync_words(redis, words, 2, &reply, err))
        return false;
    bool found = redis_info_find(redis_reply_text(reply, NULL), field, ret_id);
    redis_reply_free(reply);
    return found ||
           err_set(err, ERR_INTERNAL, "INFO %s names no %s: not a Redis that can hold the stock", section, field);
}

static bool sync_connect(struct redis_sync *redis, int64_t timeout_ms, struct err *err)
{
    struct timeval timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    redis->context = redisConnectWithTimeout(redis->url.host, redis->url.port, timeout);
    if (redis->context == NULL || redis->context->err != 0 || redisSetTimeout(redis->context, timeout) != REDIS_OK)
        return away(redis, err);
    return sync_greet(redis, err) && sync_info(redis, "server", "run_id", redis->run_id, err) &&
           sync_info(redis, "replication", "master_replid", redis->replid, err);
}

bool redis_sync_same_server(struct redis_sync *redis, bool *ret_same, struct err *err)
{
    char replid[REDIS_ID_BYTES + 1];
    if (!sync_info(redis, "replication", "master_replid", replid, err))
        return false;
    *ret_same = strcmp(replid, redis->replid) == 0;
    return true;
}

bool redis_sync_open(const char *url, int64_t timeout_ms, struct redis_sync **ret_redis, struct err *err)
{
    struct redis_url parsed;
    if (!redis_url_parse(url, &parsed, err))
        return false;
    struct redis_sync *redis = mem_alloc(sizeof *redis);
    redis->url = parsed;
    if (!sync_connect(redis, timeout_ms, err)) {
        redis_sync_close(redis);
        return false;
    }
    *ret_redis = redis;
    return true;
}

void redis_sync_close(struct redis_sync *redis)
{
    if (redis == NULL)
        return;
    if (redis->context != NULL)
        redisFree(redis->context);
    free(redis);
}

const char *redis_sync_run_id(const struct redis_sync *redis)
{
    return redis->run_id;
}

const char *redis_sync_replid(const struct redis_sync *redis)
{
    return redis->replid;
}
