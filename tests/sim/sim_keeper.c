#include "sim/sim_keeper_parts.h"

#include "sim/sim_fault.h"
#include "sim/sim_redis.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct sim_keeper *keeper_new(void)
{
    struct sim_keeper *keeper = calloc(1, sizeof *keeper);
    if (keeper == NULL)
        abort();
    return keeper;
}

struct process *keeper_process(struct world *world, int index)
{
    return &world->keeper[index]->process;
}

void keeper_states(struct world *world, int index, enum fault fault)
{
    const struct sim_keeper *keeper = world->keeper[index];
    if (!keeper->process.up)
        return;
    fault_met(world, fault, keeper->state);
    for (int i = 0; i < SWEEPS_MAX; i++)
        if (keeper->sweep[i].used)
            fault_met(world, fault, (enum state)(STATE_SWEEP_CANCEL + keeper->sweep[i].at));
}

int keeper_layout(const struct world *world, int index)
{
    return world->keeper[index]->layout;
}

/* ---- calls ---- */

struct call *keeper_script(struct world *world, struct sim_keeper *keeper, enum state state, enum stock_script script,
                           uint64_t coupon)
{
    if (!keeper->connected || !redis_is_up(world) || keeper->server_life != redis_life(world)) {
        keeper->connected = false;
        return NULL;
    }
    struct call *call = call_begin(world, SERVER_REDIS, &keeper->process, state, keeper);
    script_begin(call, script, coupon, keeper->run_id, keeper->replid);
    return call;
}

enum step_outcome keeper_held(const struct call *call)
{
    if (!call->answered)
        return STEP_NO_ANSWER;
    return call->answer.item[0].number == 1 ? STEP_DONE : STEP_LOST;
}

static void run_read_coupons(struct world *world, struct call *call)
{
    for (int i = 0; i < SIM_COUPONS_MAX; i++) {
        const struct coupon_row *row = &database_catalog(world)->coupon[i];
        call->out[i * 4] = (int64_t)row->total;
        call->out[i * 4 + 1] = (int64_t)row->opened;
        call->out[i * 4 + 2] = (int64_t)row->version;
        call->out[i * 4 + 3] = row->gate_open;
    }
}

void keeper_read_coupons(struct world *world, struct sim_keeper *keeper, enum state state, call_fn done)
{
    struct call *call = call_begin(world, SERVER_CATALOG, &keeper->process, state, keeper);
    call_send(world, call, run_read_coupons, done);
}

/* Limit and hold are never changed. */
void keeper_take_coupons(struct sim_keeper *keeper, const struct call *call)
{
    for (int i = 0; i < SIM_COUPONS_MAX; i++) {
        struct coupon_row *row = &keeper->coupon[i];
        row->total = (uint64_t)call->out[i * 4];
        row->opened = (uint64_t)call->out[i * 4 + 1];
        row->version = (uint64_t)call->out[i * 4 + 2];
        row->gate_open = call->out[i * 4 + 3] != 0;
    }
}

static void run_read_epoch(struct world *world, struct call *call)
{
    call->out[0] = (int64_t)database_catalog(world)->epoch;
}

void keeper_read_epoch(struct world *world, struct sim_keeper *keeper, enum state state, call_fn done)
{
    struct call *call = call_begin(world, SERVER_CATALOG, &keeper->process, state, keeper);
    call_send(world, call, run_read_epoch, done);
}

bool keeper_send_open(struct world *world, struct sim_keeper *keeper, enum state state, uint64_t coupon, uint64_t epoch,
                      uint64_t left, call_fn done)
{
    const struct coupon_row *row = &keeper->coupon[coupon - 1];
    struct call *call = keeper_script(world, keeper, state, STOCK_OPEN, coupon);
    if (call == NULL)
        return false;
    script_number(call, epoch);
    script_arg(call, row->gate_open ? "open" : "closed");
    script_number(call, left);
    script_number(call, row->total);
    script_number(call, world->setup.limit[coupon - 1]);
    script_number(call, 0); /* opens_ms, ends_ms: at all times */
    script_number(call, 0);
    script_number(call, (uint64_t)world->setup.hold_ms);
    script_number(call, 1); /* room */
    script_number(call, row->version);
    call_send(world, call, redis_run_script, done);
    return true;
}

/* ---- one coupon of a round ---- */

static void on_scanned(struct world *world, struct call *call)
{
    struct sim_keeper *keeper = call->owner;
    keeper_take_scan(keeper, call);
    keeper_look_next(world, keeper);
}

static void serve_pending(struct world *world, struct sim_keeper *keeper, bool pending)
{
    if (pending)
        keeper_scan(world, keeper, on_scanned);
    else
        keeper_look_next(world, keeper);
}

static void on_carried(struct world *world, struct call *call)
{
    struct sim_keeper *keeper = call->owner;
    if (call->answered)
        serve_pending(world, keeper, call->arg != 0);
    else
        keeper_rest(world, keeper);
}

static void carry(struct world *world, struct sim_keeper *keeper, bool pending)
{
    const struct coupon_row *row = &keeper->coupon[keeper->at_coupon];
    keeper->state = STATE_CARRYING;
    struct call *call = keeper_script(world, keeper, STATE_CARRYING, STOCK_CARRY, (uint64_t)keeper->at_coupon + 1);
    if (call == NULL) {
        keeper_rest(world, keeper);
        return;
    }
    call->arg = pending;
    script_arg(call, row->gate_open ? "open" : "closed");
    script_number(call, row->total);
    script_number(call, world->setup.limit[keeper->at_coupon]);
    script_number(call, 0);
    script_number(call, 0);
    script_number(call, (uint64_t)world->setup.hold_ms);
    script_number(call, row->version);
    call_send(world, call, redis_run_script, on_carried);
}

/* The answer of look.lua: state, epoch, same server, whole, version, left, pending, hold. */
static void on_looked(struct world *world, struct call *call)
{
    struct sim_keeper *keeper = call->owner;
    if (!call->answered) {
        keeper_rest(world, keeper);
        return;
    }
    const struct coupon_row *row = &keeper->coupon[keeper->at_coupon];
    const struct script_answer *look = &call->answer;
    struct mark_view mark = {.state = mark_state_of(look->item[0].text),
                             .epoch = (uint64_t)look->item[1].number,
                             .same_server = look->item[2].number == 1,
                             .whole = look->item[3].number == 1};
    bool pending = look->item[6].number > 0;
    keeper->mark_epoch = mark.epoch;
    keeper->mark_hold_ms = look->item[7].number;
    keeper->epoch_seen = mark.epoch > keeper->epoch_seen ? mark.epoch : keeper->epoch_seen;
    keeper->hold_seen_ms = keeper->mark_hold_ms > keeper->hold_seen_ms ? keeper->mark_hold_ms : keeper->hold_seen_ms;
    switch (coupon_need(row->opened, row->gate_open, &mark, keeper->epoch)) {
    case COUPON_NEEDS_FIRST_OPEN:
        keeper_first_open(world, keeper);
        break;
    case COUPON_NEEDS_REBUILD:
        keeper->owes_rebuild |= !keeper->lost[keeper->at_coupon];
        keeper_look_next(world, keeper);
        break;
    case COUPON_NEEDS_NOTHING:
        if (row->version > (uint64_t)look->item[4].number)
            carry(world, keeper, pending);
        else
            serve_pending(world, keeper, pending);
        break;
    }
}

static void look(struct world *world, struct sim_keeper *keeper)
{
    keeper->state = STATE_LOOKING;
    struct call *call = keeper_script(world, keeper, STATE_LOOKING, STOCK_LOOK, (uint64_t)keeper->at_coupon + 1);
    if (call == NULL)
        keeper_rest(world, keeper);
    else
        call_send(world, call, redis_run_script, on_looked);
}

void keeper_look_next(struct world *world, struct sim_keeper *keeper)
{
    while (++keeper->at_coupon < world->setup.coupons) {
        const struct coupon_row *row = &keeper->coupon[keeper->at_coupon];
        if (row->opened != 0 || row->gate_open) {
            look(world, keeper);
            return;
        }
    }
    if (!keeper->owes_rebuild)
        rebuild_all_open(&keeper->turn);
    if (keeper->owes_rebuild && keeper_has_turn(world, keeper))
        keeper_rebuild(world, keeper);
    else
        keeper_sweep(world, keeper);
}

/* ---- the round ---- */

static void run_who(struct world *world, struct call *call)
{
    snprintf(call->script.run_id, sizeof call->script.run_id, "%s", redis_run_id_now(world));
    snprintf(call->script.replid, sizeof call->script.replid, "%s", redis_replid_now(world));
}

static void on_who(struct world *world, struct call *call)
{
    struct sim_keeper *keeper = call->owner;
    keeper->connected = call->answered;
    if (!call->answered) {
        keeper_rest(world, keeper);
        return;
    }
    keeper->server_life = call->server_life;
    memcpy(keeper->run_id, call->script.run_id, sizeof keeper->run_id);
    memcpy(keeper->replid, call->script.replid, sizeof keeper->replid);
    keeper->at_coupon = -1;
    keeper->owes_rebuild = false;
    keeper_look_next(world, keeper);
}

static void on_coupons(struct world *world, struct call *call)
{
    struct sim_keeper *keeper = call->owner;
    if (!call->answered) {
        keeper_rest(world, keeper);
        return;
    }
    keeper_take_coupons(keeper, call);
    struct call *who = call_begin(world, SERVER_REDIS, &keeper->process, STATE_LOOKING, keeper);
    call_send(world, who, run_who, on_who);
}

/* Who leads is a lease, taken over when it has run out; a keeper that was stopped does not know that it did. In some
 * runs there is none, and all lead all the time. */
static void run_meta(struct world *world, struct call *call)
{
    struct catalog *catalog = database_catalog(world);
    bool free = catalog->leader < 0 || catalog->leader == call->arg || catalog->leader_until_us < world->now_us;
    if (free) {
        catalog->leader = (int)call->arg;
        catalog->leader_until_us = world->now_us + 2 * world_hold_us(world);
    }
    call->out[0] = free || !world->setup.leader;
    call->out[1] = (int64_t)catalog->epoch;
}

bool keeper_leads(struct world *world, const struct sim_keeper *keeper)
{
    return !world->setup.leader || database_catalog(world)->leader == keeper->index;
}

static void on_meta(struct world *world, struct call *call)
{
    struct sim_keeper *keeper = call->owner;
    if (!call->answered || call->out[0] == 0) {
        keeper_rest(world, keeper);
        return;
    }
    keeper->epoch = (uint64_t)call->out[1];
    keeper_read_coupons(world, keeper, STATE_LOOKING, on_coupons);
}

static void on_round(struct world *world, void *what, int64_t arg)
{
    struct sim_keeper *keeper = what;
    (void)arg;
    keeper->state = STATE_LOOKING;
    struct call *call = call_begin(world, SERVER_CATALOG, &keeper->process, STATE_LOOKING, keeper);
    call->arg = keeper->index;
    call_send(world, call, run_meta, on_meta);
}

void keeper_rest(struct world *world, struct sim_keeper *keeper)
{
    int64_t round_us = world->setup.round_us;
    keeper->state = STATE_NONE;
    world_at(world, chance_between(world, round_us / 2, 2 * round_us), &keeper->process, on_round, keeper, 0);
}

static void begin(struct world *world, struct process *process)
{
    struct sim_keeper *keeper = process->owner;
    keeper->connected = false;
    keeper->epoch = keeper->epoch_seen = 0;
    rebuild_all_open(&keeper->turn);
    keeper->hold_seen_ms = 0;
    for (int i = 0; i < SWEEPS_MAX; i++)
        keeper->sweep[i].used = false;
    for (int i = 0; i < SIM_COUPONS_MAX; i++)
        keeper->lost[i] = false;
    keeper->state = STATE_NONE;
    world_at(world, chance_between(world, 0, 20 * SIM_MS), process, on_round, keeper, 0);
}

void keeper_reset(struct world *world, int index)
{
    struct sim_keeper *keeper = world->keeper[index];
    keeper->index = index;
    /* Where rows may be lost all read the same ones: what one leaves closed is not another's to open. */
    keeper->layout = (world->setup.enabled >> FAULT_ROWS_LOST & 1) != 0 && index > 0
                         ? world->keeper[0]->layout
                         : (int)chance_between(world, 0, SIM_LAYOUTS - 1);
    keeper->rebuilds = 0;
    process_reset(world, &keeper->process, "keeper", index, keeper, begin);
    begin(world, &keeper->process);
}
