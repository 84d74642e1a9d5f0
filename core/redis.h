/* Redis, asynchronous, on one loop (hiredis): pipelined, one write a tick, deadlines of ours, reconnects by itself.
 *
 * A connection is "up" only after it has learnt the server's run_id and master_replid (INFO) and loaded its scripts on
 * this very connection. A callback with reply NULL means *unknown*: the command may have run, or may still. READONLY,
 * LOADING, MOVED, MASTERDOWN replies drop the connection, after they were handed to the callback as errors. Commands of
 * one connection are answered in order; when the oldest passes `command_timeout_ms`, the connection is dropped and all
 * in flight are answered NULL.
 */
#ifndef WEIR_CORE_REDIS_H
#define WEIR_CORE_REDIS_H

#include "core/err.h"
#include "core/loop.h"
#include <stddef.h>
#include <stdint.h>

struct redis;
struct redis_reply; /* dies when the callback returns (async), or by redis_reply_free (sync) */

enum redis_reply_type { REDIS_TEXT, REDIS_LIST, REDIS_INTEGER, REDIS_NIL, REDIS_STATUS, REDIS_ERROR };

enum redis_reply_type redis_reply_type(const struct redis_reply *reply);
int64_t redis_reply_int(const struct redis_reply *reply); /* of REDIS_INTEGER; or a decimal text; else 0 */
const char *redis_reply_text(const struct redis_reply *reply, size_t *ret_len); /* text, status, error; "" else */
size_t redis_reply_count(const struct redis_reply *reply);                      /* of a list; 0 else */
const struct redis_reply *redis_reply_at(const struct redis_reply *reply,
                                         size_t index); /* a nil reply beyond the end */

/* A script, known to Redis by its SHA-1. Static; `sha` is filled by redis_script_init (once, before threads). */
struct redis_script {
    const char *name;
    const char *text;
    char sha[41];
};
void redis_script_init(struct redis_script *script);

/* One argument. */
struct redis_arg {
    const char *data;
    size_t len;
};

struct redis_options {
    const char *url; /* redis://[:password@]host:port/db */
    int64_t connect_timeout_ms;
    int64_t command_timeout_ms;
    int64_t reconnect_ms_max;            /* back-off grows to this */
    size_t pending_max;                  /* commands in flight and queued */
    struct redis_script *const *scripts; /* loaded at each connect; borrowed */
    size_t script_count;
    void (*on_state)(struct redis *redis, bool up, const char *why, void *arg); /* may be NULL */
    void *arg;
};

typedef void (*redis_fn)(const struct redis_reply *reply, void *arg);

/* For a setting's row (core/config.h): NULL, or the end of a sentence. */
const char *redis_check_setting(const char *url);
/* Starts to connect; errors only for a wrong URL. */
WEIR_MUST_USE bool redis_open(struct loop *loop, const struct redis_options *options, struct redis **ret_redis,
                              struct err *err);
void redis_close(struct redis *redis); /* answers NULL to all in flight; NULL is fine */
bool redis_up(const struct redis *redis);
size_t redis_pending(const struct redis *redis);
const char *
redis_run_id(const struct redis *redis); /* of this connection; "" when down; the replid is asked again each second */
const char *redis_replid(const struct redis *redis);

/* False: not sent, and never will be (down, or pending_max reached); `fn` is not called. Arguments are copied. */
WEIR_MUST_USE bool redis_send(struct redis *redis, const struct redis_arg *args, size_t count, redis_fn fn, void *arg);
/* EVALSHA; on NOSCRIPT (which says that nothing ran) EVAL follows by itself. The first `key_count` args are keys. */
WEIR_MUST_USE bool redis_eval(struct redis *redis, const struct redis_script *script, const struct redis_arg *args,
                              size_t count, size_t key_count, redis_fn fn, void *arg);

/* The same, blocking, for background threads and command-line tools: one connection, one thread. */
struct redis_sync;
WEIR_MUST_USE bool redis_sync_open(const char *url, int64_t timeout_ms, struct redis_sync **ret_redis,
                                   struct err *err); /* learns run id and replid */
void redis_sync_close(struct redis_sync *redis);
bool redis_sync_alive(const struct redis_sync *redis); /* false after a call without an answer: close it */
const char *redis_sync_run_id(const struct redis_sync *redis);
const char *redis_sync_replid(const struct redis_sync *redis);
/* Asks the server whether it still is the one that this connection learnt: its replid can move while the connection
 * lives (a replica attached, the backlog ended). */
WEIR_MUST_USE bool redis_sync_same_server(struct redis_sync *redis, bool *ret_same, struct err *err);
/* NULL: unknown (err says why); the connection is then dead: close it. An error reply is also NULL, with err->kind
 * ERR_CONFLICT and its text, and the connection lives (READONLY, LOADING, MOVED: ERR_OUTAGE, dead). */
WEIR_MUST_USE struct redis_reply *redis_sync_send(struct redis_sync *redis, const struct redis_arg *args, size_t count,
                                                  struct err *err);
WEIR_MUST_USE struct redis_reply *redis_sync_eval(struct redis_sync *redis, const struct redis_script *script,
                                                  const struct redis_arg *args, size_t count, size_t key_count,
                                                  struct err *err);
void redis_reply_free(struct redis_reply *reply); /* of sync replies; NULL is fine */

#endif
