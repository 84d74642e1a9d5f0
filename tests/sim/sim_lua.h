/* The stock's real scripts (stock_script_text) in a Lua interpreter, as Redis runs them: KEYS, ARGV, redis.call with
 * exactly the commands that the scripts use. An unknown command, a key that is not among KEYS, or an error of the
 * script ends the simulation: no run may pass by not doing what a server would. One interpreter serves every seed. */
#ifndef WEIR_SIM_LUA_H
#define WEIR_SIM_LUA_H

#include "sim/sim_call.h"

struct sim_lua;
struct redis_hash;

struct sim_lua *lua_new(void);
void lua_free(struct sim_lua *lua);
/* `keys`: the coupon's STOCK_KEYS hashes, changed in place. `now_us`: what TIME answers. */
void lua_run(struct sim_lua *lua, const struct script_call *script, struct redis_hash *keys, int64_t now_us,
             struct script_answer *ret_answer);

#endif
