/* What core/redis.c and core/redis_sync.c share: what INFO says, and which error replies end a connection. */
#ifndef WEIR_CORE_REDIS_REPLY_H
#define WEIR_CORE_REDIS_REPLY_H

#include "core/buf.h"
#include "core/redis.h"

enum { REDIS_ID_BYTES = 40 };

/* Copies the value of `field` ("run_id") out of an INFO text; false when it is not there or is not 40 characters
 * long. */
bool redis_info_find(const char *info, const char *field, char ret_id[REDIS_ID_BYTES + 1]);
/* READONLY, LOADING, MOVED, MASTERDOWN: this server is not, or not now, the one to talk to. */
bool redis_error_ends(const struct redis_reply *reply);
bool redis_error_is(const struct redis_reply *reply, const char *code);

/* Appends the wire form (RESP2) of a command's head, and of its arguments. */
void redis_format_count(struct buf *out, size_t count);
void redis_format_arg(struct buf *out, const char *data, size_t len);

#endif
