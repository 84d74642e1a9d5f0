#include "sim/sim_call.h"

#include "sim/sim_database.h"
#include "sim/sim_fault.h"
#include "sim/sim_redis.h"
#include "sim/sim_unknown.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { CALLS_MAX = 384 };

struct sim_calls {
    struct call call[CALLS_MAX];
    int next; /* where to look for a free one */
};

struct sim_calls *calls_new(void)
{
    struct sim_calls *calls = calloc(1, sizeof *calls);
    if (calls == NULL)
        abort();
    return calls;
}

void calls_reset(struct world *world)
{
    for (int i = 0; i < CALLS_MAX; i++)
        world->calls->call[i].used = false;
    world->calls->next = 0;
}

struct call *call_begin(struct world *world, enum server server, struct process *from, enum state state, void *owner)
{
    struct sim_calls *calls = world->calls;
    int tries = 0;
    while (calls->call[calls->next].used) {
        calls->next = (calls->next + 1) % CALLS_MAX;
        assert(++tries <= CALLS_MAX);
    }
    struct call *call = &calls->call[calls->next];
    calls->next = (calls->next + 1) % CALLS_MAX;
    memset(call, 0, offsetof(struct call, script));
    call->used = true;
    call->server = server;
    call->state = state;
    call->from = from;
    call->from_life = from->life;
    call->owner = owner;
    call->script.args = 0;
    call->script.len = 0;
    return call;
}

static uint32_t server_life(const struct world *world, const struct call *call)
{
    if (call->server == SERVER_REDIS)
        return redis_life(world);
    return call->server == SERVER_SHARD ? database_shard_life(world, call->shard) : 0;
}

static bool server_up(const struct world *world, const struct call *call)
{
    if (call->server == SERVER_CATALOG)
        return !database_catalog_is_away(world);
    return call->server != SERVER_REDIS || redis_is_up(world);
}

static void call_let_go(struct call *call)
{
    assert(call->held > 0);
    if (--call->held == 0)
        call->used = false;
}

static void on_run(struct world *world, void *what, int64_t arg)
{
    struct call *call = what;
    (void)arg;
    if (server_up(world, call) && call->server_life == server_life(world, call)) {
        call->run(world, call);
        call->ran = true;
    }
    call_let_go(call);
}

/* `answered` is false where the way back was lost, too. A catalog that goes takes its answers with it. */
static void call_done(struct world *world, struct call *call, bool way_back)
{
    call->answered = way_back && call->ran && (call->server != SERVER_CATALOG || server_up(world, call));
    call->waited = false;
    call->done(world, call);
}

static void on_done(struct world *world, void *what, int64_t way_back)
{
    struct call *call = what;
    bool alive = call->from->up && call->from->life == call->from_life;
    if (alive && process_asleep(world, call->from)) {
        world_at(world, process_nap_us(world, call->from), NULL, on_done, call, way_back);
        return;
    }
    if (alive && call->waited)
        call_done(world, call, way_back);
    call_let_go(call);
}

static enum fault fault_of(const struct call *call, enum call_fate fate)
{
    static const enum fault fault[SERVERS][CALL_FATES] = {
        [SERVER_REDIS] = {[CALL_REQUEST_LOST] = FAULT_REDIS_REQUEST_LOST,
                          [CALL_ANSWER_LOST] = FAULT_REDIS_ANSWER_LOST,
                          [CALL_LATE] = FAULT_REDIS_LATE},
        [SERVER_CATALOG] = {[CALL_REQUEST_LOST] = FAULT_CATALOG_REQUEST_LOST,
                            [CALL_ANSWER_LOST] = FAULT_CATALOG_ANSWER_LOST,
                            [CALL_LATE] = FAULT_CATALOG_ANSWER_LOST},
        [SERVER_SHARD] = {[CALL_REQUEST_LOST] = FAULT_SHARD_REQUEST_LOST,
                          [CALL_ANSWER_LOST] = FAULT_SHARD_ANSWER_LOST,
                          [CALL_LATE] = FAULT_SHARD_LATE},
    };
    return fault[call->server][fate];
}

/* The deadline of a call: what comes later is not waited for. */
static int64_t deadline_us(const struct world *world)
{
    return world_hold_us(world) / 2;
}

void call_send(struct world *world, struct call *call, call_fn run, call_fn done)
{
    call->run = run;
    call->done = done;
    call->waited = true;
    call->server_life = server_life(world, call);
    int64_t there_us = chance_delay_us(world), back_us = chance_delay_us(world), limit_us = deadline_us(world);
    enum call_fate fate = fault_draw_call(world, call, fault_of);
    if (fate == CALL_LATE)
        there_us = limit_us + chance_between(world, 1, 4 * world_hold_us(world));
    bool way_back = fate == CALL_GOES_WELL && there_us + back_us <= limit_us;
    int64_t done_us = way_back ? there_us + back_us : limit_us;
    if (fate != CALL_REQUEST_LOST) {
        call->held++;
        world_at(world, there_us, NULL, on_run, call, 0);
    }
    unknown_held(world, call->from, there_us > done_us ? there_us : done_us);
    call->held++;
    world_at(world, done_us, NULL, on_done, call, way_back);
    fault_draw_caller(world, call, done_us);
}

void call_give_up_all_of(struct world *world, const struct process *process)
{
    for (int i = 0; i < CALLS_MAX; i++)
        if (world->calls->call[i].used && world->calls->call[i].from == process)
            world->calls->call[i].waited = false;
}

void calls_each(struct world *world, void (*fn)(struct world *, const struct call *))
{
    for (int i = 0; i < CALLS_MAX; i++)
        if (world->calls->call[i].used && world->calls->call[i].waited)
            fn(world, &world->calls->call[i]);
}

/* ---- arguments of a script ---- */

void script_begin(struct call *call, enum stock_script script, uint64_t coupon, const char *run_id, const char *replid)
{
    call->script.script = script;
    call->script.coupon = coupon;
    snprintf(call->script.run_id, sizeof call->script.run_id, "%s", run_id);
    snprintf(call->script.replid, sizeof call->script.replid, "%s", replid);
}

void script_arg(struct call *call, const char *text)
{
    struct script_call *script = &call->script;
    size_t bytes = strlen(text) + 1;
    assert(script->args < CALL_ARGS_MAX && script->len + bytes <= CALL_TEXT_MAX);
    script->begin[script->args++] = script->len;
    memcpy(script->text + script->len, text, bytes);
    script->len = (uint16_t)(script->len + bytes);
}

void script_number(struct call *call, uint64_t number)
{
    char text[21];
    snprintf(text, sizeof text, "%" PRIu64, number);
    script_arg(call, text);
}
