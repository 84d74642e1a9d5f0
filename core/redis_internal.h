/* What core/redis.c (commands, the face) and core/redis_conn.c (connecting, handshake, the end of a connection,
 * deadlines) share. Nobody else includes this. */
#ifndef WEIR_CORE_REDIS_INTERNAL_H
#define WEIR_CORE_REDIS_INTERNAL_H

#include "core/redis.h"
#include "core/redis_reply.h"
#include "core/redis_url.h"
#include <async.h>
#include <hiredis.h>

enum {
    RECONNECT_MS_MIN = 50,
    HEARTBEAT_MS = 1000, /* each connection is asked who it is, so that "up" and the ids are never old guesses */
    COMMANDS_KEPT_MAX = 1024,
    WIRE_KEPT_BYTES_MAX = 16 * 1024,
};

enum redis_state {
    STATE_DOWN,      /* no context */
    STATE_HANDSHAKE, /* connecting, or connected and asking who it is */
    STATE_UP,
    STATE_ENDING, /* the context is going; nothing more is sent */
};

struct command {
    struct command *next; /* sent after this one; or the next kept one */
    struct redis *redis;
    redis_fn fn;
    void *arg;
    int64_t sent_us;
    const struct redis_script *script; /* of EVALSHA, while NOSCRIPT may still come; else NULL */
    struct buf wire;
    size_t tail_at;   /* where in `wire` the arguments after the script's name begin */
    size_t arg_count; /* how many those are */
};

/* Invariant: commands from `oldest` on are those whose callbacks hiredis holds, in the same order; `pending` counts
 * them. */
struct redis {
    struct loop *loop;
    struct redis_options options;
    struct redis_url url;
    enum redis_state state;
    redisAsyncContext *context;
    struct loop_fd *watch;
    struct loop_timer *deadline; /* of the handshake, or of the oldest command */
    struct loop_timer *heartbeat;
    struct loop_timer *retry;
    struct loop_hook hook;
    bool dirty;
    bool writing; /* inside redisAsyncHandleWrite: what it asks for then is a write when the socket has room */
    int depth;    /* of calls into hiredis that may free the context */
    bool closing;
    struct command *oldest, *newest;
    size_t pending;
    struct command *kept;
    size_t kept_count;
    size_t handshake_left;
    size_t scripts_loaded;
    int64_t backoff_ms;
    unsigned jitter;
    char why[512];
    char run_id[REDIS_ID_BYTES + 1];
    char replid[REDIS_ID_BYTES + 1];
};

/* redis.c */
struct command *redis_command_take(struct redis *redis, redis_fn fn, void *arg);
void redis_command_give_back(struct redis *redis, struct command *command);
void redis_command_free(struct command *command);
/* False: hiredis takes no more commands; the command is the caller's still. */
bool redis_command_send(struct redis *redis, struct command *command, const struct buf *wire);

/* redis_conn.c */
void redis_begin(struct redis *redis); /* timers and hook; connects in the loop's next tick */
/* Around each call into hiredis that may free the context; after leave the struct may be gone. */
void redis_enter(struct redis *redis);
void redis_leave(struct redis *redis);
void redis_drop(struct redis *redis, const char *why);

#endif
