/* The stock in Redis: keys, scripts, and what their answers mean. The scripts are schemas/lua (one file each, mark.lua
 * before each); README, "Design" has the protocol.
 *
 *     weir:{7}:mark     hash: state, epoch, run_id, replid, total, limit, opens_ms, ends_ms, hold_ms, room_id, version
 *     weir:{7}:stock    hash: epoch, left
 *     weir:{7}:claims   hash: epoch, user -> "grab:try grab:try"
 *     weir:{7}:pending  hash: epoch, grab -> "P0 hint_ms user try"
 */
#ifndef WEIR_SCHEMAS_STOCK_H
#define WEIR_SCHEMAS_STOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STOCK_KEYS = 4, STOCK_KEY_MAX = 48 };
struct stock_keys { /* in the order of KEYS[1..4] */
    char name[STOCK_KEYS][STOCK_KEY_MAX];
};
enum { STOCK_MARK, STOCK_STOCK, STOCK_CLAIMS, STOCK_PENDING };
void stock_keys_of(uint64_t coupon_id, struct stock_keys *ret_keys);

enum stock_script {
    STOCK_RESERVE,
    STOCK_SETTLE,
    STOCK_RELEASE,
    STOCK_CANCEL,
    STOCK_FINISH,
    STOCK_BUILDING,
    STOCK_CLAIM_MANY,
    STOCK_OPEN,
    STOCK_CARRY,
    STOCK_LOOK,
    STOCK_AUDIT,
    STOCK_SCRIPTS
};
/* Name ("reserve") and whole text (mark.lua and its own). Static. */
const char *stock_script_name(enum stock_script script);
const char *stock_script_text(enum stock_script script);

/* Does this error reply to a script say that the coupon's keys are not what Weir wrote? Another one (no memory, no right,
 * busy) says nothing of them. */
bool stock_error_is_of_keys(const char *text);

/* Sentinel field that is no grab and no user. */
#define STOCK_SENTINEL "epoch"

/* A pending grab's value in Redis; `try_key` is borrowed from `text`. */
struct stock_pending {
    char state; /* 'P' or 'C' */
    int shown;
    int64_t hint_ms; /* Redis's wall clock */
    uint64_t user_id;
    const char *try_key;
};
int stock_pending_parse(const char *text, struct stock_pending *ret_pending); /* 0 when it is not one */

/* A try key: 1..64 bytes of visible ASCII (0x21..0x7e). */
int stock_try_key_ok(const char *text, size_t len);

#endif
