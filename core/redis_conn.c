/* Redis, the connection's side: hiredis speaks the protocol, this file owns deadlines, reconnects and the handshake.
 *
 *     connect -> AUTH, SELECT, INFO server, INFO replication, SCRIPT LOAD ... -> up -> commands
 *     any trouble -> all in flight answered NULL -> back-off -> connect
 *
 * hiredis asks for a write at each command; that only marks the connection dirty, and the loop's hook writes once a
 * tick. A context is freed in one place, through redisAsyncFree(), which hiredis puts off while one of its callbacks
 * runs; `on_context_end` is called for every end of one, whoever caused it. A host name is looked up while the loop
 * waits: give addresses where that matters.
 */
#include "core/redis_internal.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the end of a connection ---- */

static void redis_release(struct redis *redis)
{
    assert(redis->context == NULL && redis->oldest == NULL);
    loop_hook_remove(redis->loop, &redis->hook);
    loop_timer_free(redis->deadline);
    loop_timer_free(redis->heartbeat);
    loop_timer_free(redis->retry);
    while (redis->kept != NULL) {
        struct command *next = redis->kept->next;
        redis_command_free(redis->kept);
        redis->kept = next;
    }
    free((char *)(uintptr_t)redis->options.url);
    free(redis);
}

void redis_enter(struct redis *redis)
{
    redis->depth++;
}

void redis_leave(struct redis *redis)
{
    if (--redis->depth == 0 && redis->closing && redis->context == NULL)
        redis_release(redis);
}

void redis_drop(struct redis *redis, const char *why)
{
    if (redis->context == NULL || redis->state == STATE_ENDING)
        return;
    snprintf(redis->why, sizeof redis->why, "%s", why);
    redis->state = STATE_ENDING;
    redis_enter(redis);
    redisAsyncFree(redis->context); /* at once, or when the callback that runs has come back */
    redis_leave(redis);
}

static void retry_later(struct redis *redis)
{
    redis->jitter = redis->jitter * 1103515245u + 12345u;
    int64_t delay_ms = redis->backoff_ms / 2 + (redis->jitter >> 16) % (redis->backoff_ms / 2 + 1);
    redis->backoff_ms *= 2;
    if (redis->backoff_ms > redis->options.reconnect_ms_max)
        redis->backoff_ms = redis->options.reconnect_ms_max;
    loop_timer_set(redis->retry, (uint32_t)delay_ms);
}

static void redis_went_down(struct redis *redis)
{
    redis->state = STATE_DOWN;
    redis->run_id[0] = redis->replid[0] = '\0';
    loop_timer_cancel(redis->deadline);
    loop_timer_cancel(redis->heartbeat);
    if (redis->closing)
        return;
    retry_later(redis);
    if (redis->options.on_state != NULL)
        redis->options.on_state(redis, false, redis->why, redis->options.arg);
}

/* hiredis is done with the context and frees it next; all callbacks have been called. */
static void on_context_end(void *privdata)
{
    struct redis *redis = privdata;
    if (redis->why[0] == '\0')
        snprintf(redis->why, sizeof redis->why, "%s:%d: %s", redis->url.host, redis->url.port,
                 redis->context->c.err != 0 ? redis->context->c.errstr : "the connection ended");
    loop_fd_free(redis->watch);
    redis->watch = NULL;
    redis->context = NULL;
    redis->dirty = false;
    redis_went_down(redis);
}

/* ---- handshake ---- */

static void redis_came_up(struct redis *redis)
{
    if (redis->run_id[0] == '\0' || redis->replid[0] == '\0') {
        redis_drop(redis, "INFO names no run_id or master_replid: not a Redis that can hold the stock");
        return;
    }
    redis->state = STATE_UP;
    redis->backoff_ms = RECONNECT_MS_MIN;
    loop_timer_set(redis->heartbeat, HEARTBEAT_MS);
    if (redis->options.on_state != NULL)
        redis->options.on_state(redis, true, "", redis->options.arg);
}

static void handshake_step(struct redis *redis, const struct redis_reply *reply, const char *what)
{
    if (reply == NULL || redis->state != STATE_HANDSHAKE)
        return;
    if (redis_reply_type(reply) == REDIS_ERROR) {
        char why[sizeof redis->why];
        snprintf(why, sizeof why, "%s:%d refused %s: %s", redis->url.host, redis->url.port, what,
                 redis_reply_text(reply, NULL));
        redis_drop(redis, why);
        return;
    }
    if (--redis->handshake_left == 0)
        redis_came_up(redis);
}

static void on_greeting(const struct redis_reply *reply, void *arg)
{
    handshake_step(arg, reply, "AUTH or SELECT");
}

static void on_info(const struct redis_reply *reply, void *arg)
{
    struct redis *redis = arg;
    if (reply != NULL) {
        const char *info = redis_reply_text(reply, NULL);
        redis_info_find(info, "run_id", redis->run_id);
        redis_info_find(info, "master_replid", redis->replid);
    }
    handshake_step(redis, reply, "INFO");
}

static void on_script(const struct redis_reply *reply, void *arg)
{
    struct redis *redis = arg;
    if (reply != NULL && redis_reply_type(reply) == REDIS_TEXT) {
        const struct redis_script *script = redis->options.scripts[redis->scripts_loaded++];
        if (strcmp(redis_reply_text(reply, NULL), script->sha) != 0) {
            redis_drop(redis, "SCRIPT LOAD answers another script's name: these are not the answers to what was asked");
            return;
        }
    }
    handshake_step(redis, reply, "SCRIPT LOAD");
}

static void ask(struct redis *redis, redis_fn fn, const char *const *words, size_t count)
{
    struct command *command = redis_command_take(redis, fn, redis);
    redis_format_count(&command->wire, count);
    for (size_t i = 0; i < count; i++)
        redis_format_arg(&command->wire, words[i], strlen(words[i]));
    if (redis->state == STATE_HANDSHAKE)
        redis->handshake_left++;
    if (!redis_command_send(redis, command, &command->wire))
        redis_command_give_back(redis, command);
}
#define ASK(redis, fn, ...)                                                                                            \
    ask(redis, fn, (const char *const[]){__VA_ARGS__},                                                                 \
        sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static void on_connect(const redisAsyncContext *context, int status)
{
    struct redis *redis = context->data;
    if (status != REDIS_OK)
        return; /* on_context_end follows */
    const struct redis_url *url = &redis->url;
    if (url->user[0] != '\0')
        ASK(redis, on_greeting, "AUTH", url->user, url->password);
    else if (url->password[0] != '\0')
        ASK(redis, on_greeting, "AUTH", url->password);
    char db[16];
    snprintf(db, sizeof db, "%d", url->db);
    if (url->db != 0)
        ASK(redis, on_greeting, "SELECT", db);
    ASK(redis, on_info, "INFO", "server");
    ASK(redis, on_info, "INFO", "replication");
    for (size_t i = 0; i < redis->options.script_count; i++)
        ASK(redis, on_script, "SCRIPT", "LOAD", redis->options.scripts[i]->text);
}

/* ---- the loop's side of hiredis ---- */

static void on_readable(void *arg)
{
    struct redis *redis = arg;
    redis_enter(redis);
    redisAsyncHandleRead(redis->context);
    redis_leave(redis);
}

static void on_writable(void *arg)
{
    struct redis *redis = arg;
    if (redis->context == NULL)
        return;
    redis_enter(redis);
    redis->writing = true;
    redisAsyncHandleWrite(redis->context);
    redis->writing = false;
    redis_leave(redis);
}

static void on_tick(void *arg)
{
    struct redis *redis = arg;
    if (!redis->dirty)
        return;
    redis->dirty = false;
    on_writable(redis);
}

static void want_read(void *privdata)
{
    loop_fd_read(((struct redis *)privdata)->watch, true);
}

static void want_no_read(void *privdata)
{
    loop_fd_read(((struct redis *)privdata)->watch, false);
}

static void want_write(void *privdata)
{
    struct redis *redis = privdata;
    bool connected = (redis->context->c.flags & REDIS_CONNECTED) != 0;
    if (!connected || redis->writing)
        loop_fd_write_once(redis->watch, on_writable);
    else
        redis->dirty = true;
}

static void connect_failed(struct redis *redis, const char *why)
{
    snprintf(redis->why, sizeof redis->why, "%s:%d: %s", redis->url.host, redis->url.port, why);
    if (redis->context != NULL)
        redisAsyncFree(redis->context); /* knows nothing of the loop yet: calls nothing */
    redis->context = NULL;
    redis_went_down(redis);
}

static void redis_connect(struct redis *redis)
{
    redis->why[0] = '\0';
    redis->handshake_left = redis->scripts_loaded = 0;
    redisAsyncContext *context = redisAsyncConnect(redis->url.host, redis->url.port);
    redis->context = context;
    if (context == NULL || context->err != 0) {
        connect_failed(redis, context == NULL ? "out of memory" : context->errstr);
        return;
    }
    redis->watch = loop_fd_new(redis->loop, context->c.fd, on_readable, redis);
    if (redis->watch == NULL) {
        connect_failed(redis, "no file descriptor is left: raise the limit of open files");
        return;
    }
    redis->state = STATE_HANDSHAKE;
    context->data = redis;
    context->ev.data = redis;
    context->ev.addRead = want_read;
    context->ev.delRead = want_no_read;
    context->ev.addWrite = want_write;
    context->ev.cleanup = on_context_end;
    redisAsyncSetConnectCallback(context, on_connect);
    loop_timer_set(redis->deadline, (uint32_t)redis->options.connect_timeout_ms);
}

/* ---- deadlines ---- */

/* The replid of a server can move while the connection lives (a replica attached, the backlog ended): who it is, is
 * asked again and again. */
static void on_who(const struct redis_reply *reply, void *arg)
{
    struct redis *redis = arg;
    if (reply != NULL && redis->state == STATE_UP)
        redis_info_find(redis_reply_text(reply, NULL), "master_replid", redis->replid);
}

static void on_heartbeat(void *arg)
{
    struct redis *redis = arg;
    if (redis->state != STATE_UP)
        return;
    ASK(redis, on_who, "INFO", "replication");
    loop_timer_set(redis->heartbeat, HEARTBEAT_MS);
}

static void on_deadline(void *arg)
{
    struct redis *redis = arg;
    char why[120];
    if (redis->state == STATE_HANDSHAKE) {
        snprintf(why, sizeof why, "no connection within %lld ms", (long long)redis->options.connect_timeout_ms);
        redis_drop(redis, why);
        return;
    }
    if (redis->oldest == NULL)
        return; /* the next command sets it */
    int64_t left_us = redis->oldest->sent_us + redis->options.command_timeout_ms * 1000 - loop_now_us(redis->loop);
    if (left_us > 0) {
        loop_timer_set(redis->deadline, (uint32_t)((left_us + 999) / 1000));
        return;
    }
    snprintf(why, sizeof why, "no answer to a command within %lld ms", (long long)redis->options.command_timeout_ms);
    redis_drop(redis, why);
}

static void on_retry(void *arg)
{
    redis_connect(arg);
}

void redis_begin(struct redis *redis)
{
    redis->deadline = loop_timer_new(redis->loop, on_deadline, redis);
    redis->heartbeat = loop_timer_new(redis->loop, on_heartbeat, redis);
    redis->retry = loop_timer_new(redis->loop, on_retry, redis);
    redis->hook = (struct loop_hook){.fn = on_tick, .arg = redis};
    loop_hook_add(redis->loop, &redis->hook);
    loop_timer_set(redis->retry, 0); /* in the first tick: the caller has its pointer by then */
}
