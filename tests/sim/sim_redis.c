#include "sim/sim_redis.h"

#include "sim/sim_check.h"
#include "sim/sim_fault.h"
#include "sim/sim_lua.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct redis_data {
    struct redis_hash key[SIM_COUPONS_MAX][STOCK_KEYS];
};

struct sim_redis {
    struct sim_lua *lua;
    bool up;
    uint32_t life;
    int ids; /* given out so far, for run ids and replids */
    char run_id[16], replid[16];
    int64_t clock_offset_us;
    bool set_back; /* the clock was stepped so */
    struct redis_data now, snapshot;
    bool has_snapshot;
};

/* ---- hashes ---- */

static int hash_find(const struct redis_hash *hash, const char *field)
{
    for (int i = 0; i < hash->count; i++)
        if (strcmp(hash->field[i].name, field) == 0)
            return i;
    return -1;
}

const char *hash_get(const struct redis_hash *hash, const char *field)
{
    int at = hash_find(hash, field);
    return at < 0 ? NULL : hash->field[at].value;
}

static void copy_text(char *to, size_t size, const char *text)
{
    size_t len = strlen(text);
    assert(len < size);
    memcpy(to, text, len + 1);
}

int hash_set(struct redis_hash *hash, const char *field, const char *value)
{
    int at = hash_find(hash, field), made = at < 0;
    if (made) {
        at = hash->count++;
        assert(at < HASH_FIELDS_MAX);
        copy_text(hash->field[at].name, HASH_FIELD_MAX, field);
    }
    copy_text(hash->field[at].value, HASH_VALUE_MAX, value);
    return made;
}

int hash_del(struct redis_hash *hash, const char *field)
{
    int at = hash_find(hash, field);
    if (at < 0)
        return 0;
    hash->field[at] = hash->field[--hash->count];
    return 1;
}

static void data_copy(struct redis_data *to, const struct redis_data *from)
{
    for (int c = 0; c < SIM_COUPONS_MAX; c++) {
        for (int k = 0; k < STOCK_KEYS; k++) {
            to->key[c][k].count = from->key[c][k].count;
            memcpy(to->key[c][k].field, from->key[c][k].field,
                   (size_t)from->key[c][k].count * sizeof *from->key[c][k].field);
        }
    }
}

static void data_clear(struct redis_data *data)
{
    for (int c = 0; c < SIM_COUPONS_MAX; c++)
        for (int k = 0; k < STOCK_KEYS; k++)
            data->key[c][k].count = 0;
}

/* ---- the server ---- */

struct sim_redis *redis_new(void)
{
    struct sim_redis *redis = calloc(1, sizeof *redis);
    if (redis == NULL)
        abort();
    redis->lua = lua_new();
    return redis;
}

void redis_free(struct sim_redis *redis)
{
    lua_free(redis->lua);
    free(redis);
}

static void new_id(struct sim_redis *redis, char id[16], char kind)
{
    snprintf(id, 16, "%c%d", kind, ++redis->ids);
}

static void on_save(struct world *world, void *what, int64_t arg)
{
    struct sim_redis *redis = what;
    (void)arg;
    if (!redis->up || world->healed)
        return;
    data_copy(&redis->snapshot, &redis->now);
    redis->has_snapshot = true;
    TRACE(world, "redis saves a snapshot");
}

void redis_reset(struct world *world)
{
    struct sim_redis *redis = world->redis;
    redis->up = true;
    redis->life = 1;
    redis->ids = 0;
    new_id(redis, redis->run_id, 'r');
    new_id(redis, redis->replid, 'm');
    redis->clock_offset_us = 0;
    redis->set_back = false;
    redis->has_snapshot = false;
    data_clear(&redis->now);
    for (int64_t i = chance_between(world, 0, 3); i > 0; i--)
        redis_save_within(world, world->setup.active_us);
}

void redis_save_within(struct world *world, int64_t within_us)
{
    world_at(world, chance_between(world, 0, within_us), NULL, on_save, world->redis, 0);
}

bool redis_is_up(const struct world *world)
{
    return world->redis->up;
}

uint32_t redis_life(const struct world *world)
{
    return world->redis->life;
}

const char *redis_run_id_now(const struct world *world)
{
    return world->redis->run_id;
}

const char *redis_replid_now(const struct world *world)
{
    return world->redis->replid;
}

static int64_t redis_time_us(const struct world *world)
{
    return SIM_WALL_US + world->now_us + world->redis->clock_offset_us;
}

int64_t redis_time_ms(const struct world *world)
{
    return redis_time_us(world) / SIM_MS;
}

bool redis_was_set_back(const struct world *world)
{
    return world->redis->set_back;
}

const struct redis_hash *redis_key(const struct world *world, uint64_t coupon, int key)
{
    return &world->redis->now.key[coupon - 1][key];
}

static bool field_is(const struct redis_hash *hash, const char *field, const char *value)
{
    const char *found = hash_get(hash, field);
    return found != NULL && strcmp(found, value) == 0;
}

bool redis_mark_is_valid(const struct world *world, uint64_t coupon)
{
    const struct redis_hash *key = world->redis->now.key[coupon - 1];
    const char *epoch = hash_get(&key[STOCK_MARK], "epoch");
    if (epoch == NULL || !(field_is(key, "state", "open") || field_is(key, "state", "closed")))
        return false;
    for (int i = STOCK_STOCK; i < STOCK_KEYS; i++)
        if (!field_is(&key[i], STOCK_SENTINEL, epoch))
            return false;
    return field_is(key, "run_id", world->redis->run_id) && field_is(key, "replid", world->redis->replid);
}

void redis_run_script(struct world *world, struct call *call)
{
    struct sim_redis *redis = world->redis;
    lua_run(redis->lua, &call->script, redis->now.key[call->script.coupon - 1], redis_time_us(world), &call->answer);
    if (world->trace && call->script.script != STOCK_LOOK)
        world_say(world, "  redis runs %s of %s on coupon %d: %d answers, %s %s %s",
                  stock_script_name(call->script.script), call->from->name, (int)call->script.coupon,
                  call->answer.count, call->answer.item[0].text,
                  call->answer.count > 1 ? call->answer.item[1].text : "",
                  call->answer.count > 3 ? call->answer.item[3].text : "");
    check_redis(world, call->script.coupon);
    if (call->script.script == STOCK_OPEN && call->answer.item[0].number == 1)
        check_opened(world, call->script.coupon);
}

/* ---- faults ---- */

static void on_back(struct world *world, void *what, int64_t arg)
{
    struct sim_redis *redis = what;
    (void)arg;
    redis->up = true;
    TRACE(world, "redis is back: run_id %s, replid %s, mark of coupon 1 is %s", redis->run_id, redis->replid,
          redis->now.key[0][STOCK_MARK].count > 0 ? "there" : "missing");
}

static void restart(struct world *world, enum fault fault)
{
    struct sim_redis *redis = world->redis;
    if (fault == FAULT_REDIS_OLD && redis->has_snapshot)
        data_copy(&redis->now, &redis->snapshot);
    else if (fault != FAULT_REDIS_KEPT)
        data_clear(&redis->now);
    redis->up = false;
    redis->life++;
    new_id(redis, redis->run_id, 'r');
    if (chance_permille(world, 500)) /* a server that finds one in its file takes it up again */
        new_id(redis, redis->replid, 'm');
    world_at(world, chance_between(world, SIM_MS, world_hold_us(world)), NULL, on_back, redis, 0);
}

static void lose_a_key(struct world *world)
{
    int64_t coupon = chance_between(world, 0, world->setup.coupons - 1);
    int64_t key = chance_between(world, 0, STOCK_KEYS - 1);
    TRACE(world, "key %d of coupon %d is lost", (int)key, (int)coupon + 1);
    world->redis->now.key[coupon][key].count = 0;
}

void redis_fault(struct world *world, enum fault fault)
{
    struct sim_redis *redis = world->redis;
    int64_t step_us = chance_between(world, world_hold_us(world) / 4, 4 * world_hold_us(world));
    switch (fault) {
    case FAULT_REDIS_FLUSH:
        data_clear(&redis->now);
        break;
    case FAULT_REDIS_KEY_LOST:
        lose_a_key(world);
        break;
    case FAULT_REDIS_REPLID:
        new_id(redis, redis->replid, 'm');
        break;
    case FAULT_REDIS_CLOCK_FORWARD:
        redis->clock_offset_us += step_us;
        break;
    case FAULT_REDIS_CLOCK_BACK:
        redis->clock_offset_us -= step_us;
        redis->set_back = true;
        break;
    default:
        restart(world, fault);
        break;
    }
}

static enum state mark_state_now(const struct redis_hash *mark)
{
    const char *state = hash_get(mark, "state");
    if (state == NULL)
        return STATE_MARK_MISSING;
    if (strcmp(state, "building") == 0)
        return STATE_MARK_BUILDING;
    return strcmp(state, "open") == 0 ? STATE_MARK_OPEN : STATE_MARK_CLOSED;
}

static void see_grabs(struct world *world, enum fault fault, const struct redis_hash *key)
{
    size_t pending = 0;
    for (int i = 0; i < key[STOCK_PENDING].count; i++) {
        struct stock_pending found;
        if (!stock_pending_parse(key[STOCK_PENDING].field[i].value, &found))
            continue;
        pending++;
        fault_met(world, fault, found.state == 'C' ? STATE_CANCELLING : found.shown ? STATE_SHOWN : STATE_PENDING);
    }
    size_t entries = 0;
    for (int i = 0; i < key[STOCK_CLAIMS].count; i++)
        if (strcmp(key[STOCK_CLAIMS].field[i].name, STOCK_SENTINEL) != 0)
            for (const char *at = key[STOCK_CLAIMS].field[i].value; *at != '\0'; at++)
                entries += *at == ':';
    if (entries > pending)
        fault_met(world, fault, STATE_SETTLED);
}

void redis_states(struct world *world, enum fault fault)
{
    for (int c = 0; c < world->setup.coupons; c++) {
        const struct redis_hash *key = world->redis->now.key[c];
        fault_met(world, fault, mark_state_now(&key[STOCK_MARK]));
        see_grabs(world, fault, key);
    }
}
