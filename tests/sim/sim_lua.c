#include "sim/sim_lua.h"

#include "sim/sim_redis.h"

#include <assert.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

struct sim_lua {
    lua_State *state;
    int script[STOCK_SCRIPTS]; /* references to the compiled scripts */
    int keys[SIM_COUPONS_MAX]; /* and to the tables KEYS of each coupon */
    struct stock_keys names[SIM_COUPONS_MAX];
    /* of the script that runs */
    struct redis_hash *hash;
    const struct stock_keys *name;
    int64_t now_us;
};

static struct sim_lua *self_of(lua_State *state)
{
    return lua_touserdata(state, lua_upvalueindex(1));
}

static struct redis_hash *key_arg(lua_State *state, int at)
{
    struct sim_lua *lua = self_of(state);
    const char *name = luaL_checkstring(state, at);
    for (int i = 0; i < STOCK_KEYS; i++)
        if (strcmp(name, lua->name->name[i]) == 0)
            return &lua->hash[i];
    luaL_error(state, "the key %s is not among KEYS", name);
    return NULL;
}

/* Redis hands over a number as text with 17 digits (redis/src/script_lua.c does the same by "%.17g"). */
static const char *text_arg(lua_State *state, int at, char number[32])
{
    if (lua_type(state, at) != LUA_TNUMBER)
        return luaL_checkstring(state, at);
    snprintf(number, 32, "%.17g", lua_tonumber(state, at));
    return number;
}

/* ---- the commands: each pushes its reply, as Redis turns it into Lua ---- */

static void push_field(lua_State *state, const struct redis_hash *hash, const char *field)
{
    const char *value = hash_get(hash, field);
    if (value != NULL)
        lua_pushstring(state, value);
    else
        lua_pushboolean(state, 0);
}

static int cmd_hget(lua_State *state, int args)
{
    luaL_argcheck(state, args == 3, args, "HGET key field");
    push_field(state, key_arg(state, 2), luaL_checkstring(state, 3));
    return 1;
}

static int cmd_hmget(lua_State *state, int args)
{
    const struct redis_hash *hash = key_arg(state, 2);
    lua_createtable(state, args - 2, 0);
    for (int i = 3; i <= args; i++) {
        push_field(state, hash, luaL_checkstring(state, i));
        lua_rawseti(state, -2, i - 2);
    }
    return 1;
}

static int cmd_hset(lua_State *state, int args)
{
    struct redis_hash *hash = key_arg(state, 2);
    char field[32], value[32];
    int made = 0;
    luaL_argcheck(state, args >= 4 && args % 2 == 0, args, "HSET key field value ...");
    for (int i = 3; i < args; i += 2)
        made += hash_set(hash, text_arg(state, i, field), text_arg(state, i + 1, value));
    lua_pushinteger(state, made);
    return 1;
}

static int cmd_hdel(lua_State *state, int args)
{
    struct redis_hash *hash = key_arg(state, 2);
    int gone = 0;
    for (int i = 3; i <= args; i++)
        gone += hash_del(hash, luaL_checkstring(state, i));
    lua_pushinteger(state, gone);
    return 1;
}

static int cmd_hincrby(lua_State *state, int args)
{
    struct redis_hash *hash = key_arg(state, 2);
    const char *field = luaL_checkstring(state, 3);
    char by[32], sum[32];
    luaL_argcheck(state, args == 4, args, "HINCRBY key field n");
    const char *old = hash_get(hash, field);
    long long now = (old != NULL ? atoll(old) : 0) + atoll(text_arg(state, 4, by));
    snprintf(sum, sizeof sum, "%lld", now);
    hash_set(hash, field, sum);
    lua_pushnumber(state, (lua_Number)now);
    return 1;
}

static int cmd_hlen(lua_State *state, int args)
{
    (void)args;
    lua_pushinteger(state, key_arg(state, 2)->count);
    return 1;
}

static int cmd_type(lua_State *state, int args)
{
    (void)args;
    lua_createtable(state, 0, 1);
    lua_pushstring(state, key_arg(state, 2)->count > 0 ? "hash" : "none");
    lua_setfield(state, -2, "ok");
    return 1;
}

static int cmd_unlink(lua_State *state, int args)
{
    int gone = 0;
    for (int i = 2; i <= args; i++) {
        struct redis_hash *hash = key_arg(state, i);
        gone += hash->count > 0;
        hash->count = 0;
    }
    lua_pushinteger(state, gone);
    return 1;
}

static int cmd_time(lua_State *state, int args)
{
    (void)args;
    int64_t now_us = self_of(state)->now_us;
    lua_createtable(state, 2, 0);
    lua_pushfstring(state, "%d", (int)(now_us / 1000000));
    lua_rawseti(state, -2, 1);
    lua_pushfstring(state, "%d", (int)(now_us % 1000000));
    lua_rawseti(state, -2, 2);
    return 1;
}

static int redis_call(lua_State *state)
{
    static const struct {
        const char *name;
        int (*run)(lua_State *, int);
    } commands[] = {
        {"HGET", cmd_hget},       {"HMGET", cmd_hmget}, {"HSET", cmd_hset},     {"HDEL", cmd_hdel}, {"TIME", cmd_time},
        {"HINCRBY", cmd_hincrby}, {"HLEN", cmd_hlen},   {"UNLINK", cmd_unlink}, {"TYPE", cmd_type},
    };
    const char *name = luaL_checkstring(state, 1);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(state, lua_gettop(state));
    return luaL_error(state, "the simulated Redis does not know %s", name);
}

/* ---- the interpreter ---- */

static void give_up(struct sim_lua *lua, const char *script)
{
    fprintf(stderr, "weir-sim: script %s: %s\n", script, lua_tostring(lua->state, -1));
    abort();
}

static void compile(struct sim_lua *lua, enum stock_script script)
{
    const char *text = stock_script_text(script), *name = stock_script_name(script);
    if (luaL_loadbuffer(lua->state, text, strlen(text), name) != 0)
        give_up(lua, name);
    lua->script[script] = luaL_ref(lua->state, LUA_REGISTRYINDEX);
}

static void make_keys(struct sim_lua *lua, int coupon)
{
    stock_keys_of((uint64_t)coupon + 1, &lua->names[coupon]);
    lua_createtable(lua->state, STOCK_KEYS, 0);
    for (int i = 0; i < STOCK_KEYS; i++) {
        lua_pushstring(lua->state, lua->names[coupon].name[i]);
        lua_rawseti(lua->state, -2, i + 1);
    }
    lua->keys[coupon] = luaL_ref(lua->state, LUA_REGISTRYINDEX);
}

struct sim_lua *lua_new(void)
{
    struct sim_lua *lua = calloc(1, sizeof *lua);
    if (lua == NULL || (lua->state = luaL_newstate()) == NULL)
        abort();
    luaL_openlibs(lua->state);
    lua_createtable(lua->state, 0, 1);
    lua_pushlightuserdata(lua->state, lua);
    lua_pushcclosure(lua->state, redis_call, 1);
    lua_setfield(lua->state, -2, "call");
    lua_setglobal(lua->state, "redis");
    for (int i = 0; i < STOCK_SCRIPTS; i++)
        compile(lua, (enum stock_script)i);
    for (int i = 0; i < SIM_COUPONS_MAX; i++)
        make_keys(lua, i);
    return lua;
}

void lua_free(struct sim_lua *lua)
{
    lua_close(lua->state);
    free(lua);
}

static void push_argv(struct sim_lua *lua, const struct script_call *script)
{
    lua_createtable(lua->state, script->args + 2, 0);
    lua_pushstring(lua->state, script->run_id);
    lua_rawseti(lua->state, -2, 1);
    lua_pushstring(lua->state, script->replid);
    lua_rawseti(lua->state, -2, 2);
    for (int i = 0; i < script->args; i++) {
        lua_pushstring(lua->state, script->text + script->begin[i]);
        lua_rawseti(lua->state, -2, i + 3);
    }
    lua_setglobal(lua->state, "ARGV");
}

/* A number, or text that may hold one. */
static void take_item(struct sim_lua *lua, struct script_answer *answer, int at)
{
    assert(at < CALL_ITEMS_MAX);
    size_t len;
    answer->item[at].number = (int64_t)lua_tonumber(lua->state, -1); /* Redis cuts a number to an integer, too */
    const char *text = lua_tolstring(lua->state, -1, &len);
    assert(text != NULL && len < CALL_ITEM_TEXT_MAX);
    memcpy(answer->item[at].text, text, len + 1);
}

static void take_answer(struct sim_lua *lua, struct script_answer *answer)
{
    answer->count = -1;
    if (!lua_istable(lua->state, -1)) {
        take_item(lua, answer, 0);
        return;
    }
    int count = (int)lua_objlen(lua->state, -1);
    for (int i = 0; i < count; i++) {
        lua_rawgeti(lua->state, -1, i + 1);
        take_item(lua, answer, i);
        lua_pop(lua->state, 1);
    }
    answer->count = count;
}

void lua_run(struct sim_lua *lua, const struct script_call *script, struct redis_hash *keys, int64_t now_us,
             struct script_answer *ret_answer)
{
    int coupon = (int)script->coupon - 1;
    lua->hash = keys;
    lua->name = &lua->names[coupon];
    lua->now_us = now_us;
    lua_rawgeti(lua->state, LUA_REGISTRYINDEX, lua->keys[coupon]);
    lua_setglobal(lua->state, "KEYS");
    push_argv(lua, script);
    lua_rawgeti(lua->state, LUA_REGISTRYINDEX, lua->script[script->script]);
    if (lua_pcall(lua->state, 0, 1, 0) != 0)
        give_up(lua, stock_script_name(script->script));
    take_answer(lua, ret_answer);
    lua_pop(lua->state, 1);
}
