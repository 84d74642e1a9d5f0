#include "schemas/stock_parts.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* schemas/lua, embedded by the build. */
extern const char stock_lua_mark[], stock_lua_reserve[], stock_lua_settle[], stock_lua_release[], stock_lua_cancel[],
    stock_lua_finish[], stock_lua_building[], stock_lua_claims[], stock_lua_open[], stock_lua_carry[], stock_lua_look[],
    stock_lua_audit[];

static const struct {
    const char *name;
    const char *text;
} scripts[STOCK_SCRIPTS] = {
    [STOCK_RESERVE] = {"reserve", stock_lua_reserve},  [STOCK_SETTLE] = {"settle", stock_lua_settle},
    [STOCK_RELEASE] = {"release", stock_lua_release},  [STOCK_CANCEL] = {"cancel", stock_lua_cancel},
    [STOCK_FINISH] = {"finish", stock_lua_finish},     [STOCK_BUILDING] = {"building", stock_lua_building},
    [STOCK_CLAIM_MANY] = {"claims", stock_lua_claims}, [STOCK_OPEN] = {"open", stock_lua_open},
    [STOCK_CARRY] = {"carry", stock_lua_carry},        [STOCK_LOOK] = {"look", stock_lua_look},
    [STOCK_AUDIT] = {"audit", stock_lua_audit},
};

void stock_keys_of(uint64_t coupon_id, struct stock_keys *ret_keys)
{
    static const char *const part[STOCK_KEYS] = {"mark", "stock", "claims", "pending"};
    for (int i = 0; i < STOCK_KEYS; i++)
        snprintf(ret_keys->name[i], STOCK_KEY_MAX, "weir:{%" PRIu64 "}:%s", coupon_id, part[i]);
}

const char *stock_script_name(enum stock_script script)
{
    assert(script < STOCK_SCRIPTS);
    return scripts[script].name;
}

/* Made once and kept for the process's life; called while one thread runs. */
const char *stock_script_text(enum stock_script script)
{
    static char *whole[STOCK_SCRIPTS];
    assert(script < STOCK_SCRIPTS);
    if (whole[script] != NULL)
        return whole[script];
    char *text = NULL;
    if (asprintf(&text, "%s%s", stock_lua_mark, scripts[script].text) < 0)
        abort();
    whole[script] = stock_planted_text(script, text);
    return whole[script];
}

int stock_pending_parse(const char *text, struct stock_pending *ret_pending)
{
    int try_at = 0;
    if ((text[0] != 'P' && text[0] != 'C') || (text[1] != '0' && text[1] != '1'))
        return 0;
    if (sscanf(text + 2, " %" SCNd64 " %" SCNu64 "%n", &ret_pending->hint_ms, &ret_pending->user_id, &try_at) != 2 ||
        text[2 + try_at] != ' ')
        return 0;
    ret_pending->state = text[0];
    ret_pending->shown = text[1] == '1';
    ret_pending->try_key = text + 2 + try_at + 1;
    return 1;
}

int stock_try_key_ok(const char *text, size_t len)
{
    if (len == 0 || len > 64)
        return 0;
    for (size_t i = 0; i < len; i++)
        if (text[i] < 0x21 || text[i] > 0x7e)
            return 0;
    return 1;
}
