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

/* A key of another type, or a value that the script can not count with. Redis 7 begins with the code (WRONGTYPE) or has
 * Lua's words behind ERR; older ones have both behind "ERR Error running script". */
bool stock_error_is_of_keys(const char *text)
{
    static const char *const words[] = {"WRONGTYPE", "attempt to ", "bad argument", "not an integer", "would overflow"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(text, words[i]) != NULL)
            return true;
    return false;
}

/* Digits of a number of 63 bits, and one blank; NULL when that is not what is there. */
static const char *number_take(const char *text, uint64_t *ret_number)
{
    uint64_t number = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (number > (INT64_MAX - (uint64_t)(*at - '0')) / 10)
            return NULL;
        number = number * 10 + (uint64_t)(*at - '0');
    }
    *ret_number = number;
    return at > text && *at == ' ' ? at + 1 : NULL;
}

int stock_pending_parse(const char *text, struct stock_pending *ret_pending)
{
    uint64_t hint_ms, user_id;
    if ((text[0] != 'P' && text[0] != 'C') || (text[1] != '0' && text[1] != '1') || text[2] != ' ')
        return 0;
    const char *user = number_take(text + 3, &hint_ms);
    const char *try_key = user != NULL ? number_take(user, &user_id) : NULL;
    if (try_key == NULL || user_id == 0 || (*try_key != '\0' && !stock_try_key_ok(try_key, strlen(try_key))))
        return 0;
    *ret_pending = (struct stock_pending){
        .state = text[0], .shown = text[1] == '1', .hint_ms = (int64_t)hint_ms, .user_id = user_id, .try_key = try_key};
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
