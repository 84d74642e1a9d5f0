/* Redis, the commands' side: what is in flight, what comes back, and the face that callers see. redis_conn.c is the
 * connection's side.
 *
 *     redis_send -> wire form -> hiredis' buffer ... one write a tick ... -> on_reply, in the same order
 *                -> the caller's fn
 *
 * Not here: TLS, RESP3, Cluster redirects (a MOVED ends the connection), subscriptions.
 */
#include "core/clock.h"
#include "core/redis_internal.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- commands in flight ---- */

struct command *redis_command_take(struct redis *redis, redis_fn fn, void *arg)
{
    struct command *command = redis->kept;
    if (command != NULL) {
        redis->kept = command->next;
        redis->kept_count--;
    } else {
        command = mem_alloc(sizeof *command);
    }
    struct buf wire = command->wire;
    buf_reset(&wire);
    *command = (struct command){.redis = redis, .fn = fn, .arg = arg, .wire = wire};
    return command;
}

void redis_command_free(struct command *command)
{
    buf_free(&command->wire);
    free(command);
}

void redis_command_give_back(struct redis *redis, struct command *command)
{
    if (redis->kept_count == COMMANDS_KEPT_MAX) {
        redis_command_free(command);
        return;
    }
    if (command->wire.cap > WIRE_KEPT_BYTES_MAX)
        buf_free(&command->wire);
    command->next = redis->kept;
    redis->kept = command;
    redis->kept_count++;
}

static void command_push(struct redis *redis, struct command *command)
{
    command->next = NULL;
    command->sent_us = loop_now_us(redis->loop);
    if (redis->oldest == NULL) {
        redis->oldest = command;
        if (redis->state == STATE_UP)
            loop_timer_set(redis->deadline, (uint32_t)redis->options.command_timeout_ms);
    } else {
        redis->newest->next = command;
    }
    redis->newest = command;
    redis->pending++;
}

static void command_pop(struct redis *redis, const struct command *command)
{
    assert(redis->oldest == command && "replies come in the order of their commands");
    redis->oldest = command->next;
    redis->pending--;
}

static void on_reply(redisAsyncContext *context, void *reply, void *privdata);

bool redis_command_send(struct redis *redis, struct command *command, const struct buf *wire)
{
    if (redisAsyncFormattedCommand(redis->context, on_reply, command, wire->data, wire->len) != REDIS_OK)
        return false;
    command_push(redis, command);
    return true;
}

/* ---- replies ---- */

/* NOSCRIPT says that nothing has run, so the same command may go again, with the script's text. */
static bool eval_again(struct redis *redis, struct command *command)
{
    const struct redis_script *script = command->script;
    command->script = NULL;
    struct buf wire = {0};
    redis_format_count(&wire, command->arg_count + 2);
    redis_format_arg(&wire, "EVAL", 4);
    redis_format_arg(&wire, script->text, strlen(script->text));
    buf_append(&wire, command->wire.data + command->tail_at, command->wire.len - command->tail_at);
    bool sent = redis_command_send(redis, command, &wire);
    buf_free(&wire);
    return sent;
}

static void on_reply(redisAsyncContext *context, void *raw_reply, void *privdata)
{
    (void)context;
    struct command *command = privdata;
    struct redis *redis = command->redis;
    const struct redis_reply *reply = raw_reply;
    command_pop(redis, command);
    if (reply == NULL)
        redis->state = STATE_ENDING; /* hiredis answers so only when the context goes */
    else if (command->script != NULL && redis_error_is(reply, "NOSCRIPT") && eval_again(redis, command))
        return;
    command->fn(reply, command->arg);
    if (reply != NULL && redis_error_ends(reply))
        redis_drop(redis, redis_reply_text(reply, NULL));
    redis_command_give_back(redis, command);
}

/* ---- the face ---- */

bool redis_open(struct loop *loop, const struct redis_options *options, struct redis **ret_redis, struct err *err)
{
    struct redis_url url;
    if (!redis_url_parse(options->url, &url, err))
        return false;
    struct redis *redis = mem_alloc(sizeof *redis);
    *redis = (struct redis){.loop = loop, .options = *options, .url = url, .backoff_ms = RECONNECT_MS_MIN};
    redis->options.url = mem_copy_str(options->url);
    redis->jitter = (unsigned)clock_boottime_us();
    redis_begin(redis);
    *ret_redis = redis;
    return true;
}

void redis_close(struct redis *redis)
{
    if (redis == NULL)
        return;
    redis->closing = true;
    redis_enter(redis);
    redis_drop(redis, "closed");
    redis_leave(redis); /* releases, at the latest when the outermost call into hiredis comes back */
}

bool redis_up(const struct redis *redis)
{
    return redis->state == STATE_UP;
}

size_t redis_pending(const struct redis *redis)
{
    return redis->pending;
}

const char *redis_run_id(const struct redis *redis)
{
    return redis->state == STATE_UP ? redis->run_id : "";
}

const char *redis_replid(const struct redis *redis)
{
    return redis->state == STATE_UP ? redis->replid : "";
}

static bool can_send(const struct redis *redis)
{
    return redis->state == STATE_UP && redis->pending < redis->options.pending_max;
}

static bool send_or_give_back(struct redis *redis, struct command *command)
{
    if (redis_command_send(redis, command, &command->wire))
        return true;
    redis_command_give_back(redis, command);
    return false;
}

bool redis_send(struct redis *redis, const struct redis_arg *args, size_t count, redis_fn fn, void *arg)
{
    if (!can_send(redis))
        return false;
    struct command *command = redis_command_take(redis, fn, arg);
    redis_format_count(&command->wire, count);
    for (size_t i = 0; i < count; i++)
        redis_format_arg(&command->wire, args[i].data, args[i].len);
    return send_or_give_back(redis, command);
}

bool redis_eval(struct redis *redis, const struct redis_script *script, const struct redis_arg *args, size_t count,
                size_t key_count, redis_fn fn, void *arg)
{
    if (!can_send(redis))
        return false;
    struct command *command = redis_command_take(redis, fn, arg);
    command->script = script;
    command->arg_count = count + 1;
    redis_format_count(&command->wire, count + 3);
    redis_format_arg(&command->wire, "EVALSHA", 7);
    redis_format_arg(&command->wire, script->sha, 40);
    command->tail_at = command->wire.len;
    char keys[24];
    int len = snprintf(keys, sizeof keys, "%zu", key_count);
    redis_format_arg(&command->wire, keys, (size_t)len);
    for (size_t i = 0; i < count; i++)
        redis_format_arg(&command->wire, args[i].data, args[i].len);
    return send_or_give_back(redis, command);
}
