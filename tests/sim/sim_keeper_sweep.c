/* The simulated keeper's sweeps: protocol/sweep.h, step by step, a sweep a grab. */
#include "sim/sim_fault.h"
#include "sim/sim_keeper_parts.h"
#include "sim/sim_redis.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- which are due ---- */

/* out[0]: how many; their ids behind it. */
static void run_scan(struct world *world, struct call *call)
{
    const struct redis_hash *pending = redis_key(world, (uint64_t)call->arg, STOCK_PENDING);
    int64_t now_ms = redis_time_ms(world);
    for (int i = 0; i < pending->count && call->out[0] + 1 < CALL_NUMBERS_MAX; i++) {
        struct stock_pending found;
        if (!stock_pending_parse(pending->field[i].value, &found) ||
            !sweep_due(found.state == 'C', found.hint_ms, now_ms, call->in[0]))
            continue;
        call->out[++call->out[0]] = (int64_t)strtoull(pending->field[i].name, NULL, 10);
    }
}

void keeper_scan(struct world *world, struct sim_keeper *keeper, call_fn next)
{
    struct call *call = call_begin(world, SERVER_REDIS, &keeper->process, STATE_LOOKING, keeper);
    call->arg = keeper->at_coupon + 1;
    call->in[0] = keeper->mark_hold_ms;
    call_send(world, call, run_scan, next);
}

static bool is_swept(const struct sim_keeper *keeper, uint64_t grab_id)
{
    for (int i = 0; i < SWEEPS_MAX; i++)
        if (keeper->sweep[i].used && keeper->sweep[i].grab_id == grab_id)
            return true;
    return false;
}

bool keeper_sweeps(const struct world *world, int index, uint64_t grab_id)
{
    return is_swept(world->keeper[index], grab_id);
}

static void take_due(struct sim_keeper *keeper, uint64_t coupon, uint64_t grab_id)
{
    for (int i = 0; i < SWEEPS_MAX && !is_swept(keeper, grab_id); i++)
        if (!keeper->sweep[i].used)
            keeper->sweep[i] = (struct sweep){
                .used = true, .at = SWEEP_CANCEL, .coupon = coupon, .epoch = keeper->mark_epoch, .grab_id = grab_id};
}

void keeper_take_scan(struct sim_keeper *keeper, const struct call *call)
{
    for (int64_t i = 1; call->answered && i <= call->out[0]; i++)
        take_due(keeper, (uint64_t)call->arg, (uint64_t)call->out[i]);
}

/* ---- the steps ---- */

static void sweep_run(struct world *world, struct sim_keeper *keeper);

static struct sweep *sweep_now(struct sim_keeper *keeper)
{
    return &keeper->sweep[keeper->at_sweep];
}

static void outcome_is(struct world *world, struct sim_keeper *keeper, enum step_outcome outcome)
{
    struct sweep *sweep = sweep_now(keeper);
    sweep->at = sweep_next(sweep->at, outcome);
    if (sweep->at == SWEEP_DONE)
        sweep->used = false;
    if (outcome != STEP_DONE || !sweep->used)
        keeper->at_sweep++;
    sweep_run(world, keeper);
}

static void on_cancelled(struct world *world, struct call *call)
{
    struct sim_keeper *keeper = call->owner;
    struct sweep *sweep = sweep_now(keeper);
    if (!call->answered) {
        outcome_is(world, keeper, STEP_NO_ANSWER);
        return;
    }
    bool taken = call->answer.item[1].text[0] != '\0';
    sweep->user = (uint64_t)call->answer.item[1].number;
    sweep->wait_until_us = world_boot_us(world, &keeper->process) + sweep_wait_ms(call->answer.item[0].number) * SIM_MS;
    outcome_is(world, keeper, taken ? STEP_DONE : STEP_LOST);
}

static void on_finished(struct world *world, struct call *call)
{
    outcome_is(world, call->owner, call->answered ? STEP_DONE : STEP_NO_ANSWER);
}

static void send_script(struct world *world, struct sim_keeper *keeper, enum stock_script script, call_fn done)
{
    const struct sweep *sweep = sweep_now(keeper);
    struct call *call = keeper_script(world, keeper, keeper->state, script, sweep->coupon);
    if (call == NULL) {
        outcome_is(world, keeper, STEP_NO_ANSWER);
        return;
    }
    script_number(call, sweep->epoch);
    script_number(call, sweep->grab_id);
    if (script == STOCK_FINISH)
        script_arg(call, sweep->ok ? "ok" : "void");
    call_send(world, call, redis_run_script, done);
}

static void on_reported(struct world *world, void *owner, int64_t arg, enum append_report report)
{
    (void)arg;
    outcome_is(world, owner, report == APPEND_PERSISTED ? STEP_DONE : STEP_NO_ANSWER);
}

static void append_cancel(struct world *world, struct sim_keeper *keeper)
{
    const struct sweep *sweep = sweep_now(keeper);
    struct log_record record = {.kind = RECORD_CANCEL,
                                .grab_id = sweep->grab_id,
                                .user = sweep->user,
                                .coupon = sweep->coupon,
                                .epoch = sweep->epoch};
    log_append(world, &keeper->process, keeper->state, log_partition(sweep->user), &record, on_reported, keeper, 0);
}

static void on_row(struct world *world, struct call *call)
{
    struct sim_keeper *keeper = call->owner;
    bool found = call->answered && call->out[0] != 0;
    sweep_now(keeper)->ok = found && call->out[0] == 2;
    outcome_is(world, keeper, found ? STEP_DONE : STEP_NO_ANSWER);
}

static void look_for_row(struct world *world, struct sim_keeper *keeper)
{
    const struct sweep *sweep = sweep_now(keeper);
    struct call *call = call_begin(world, SERVER_SHARD, &keeper->process, keeper->state, keeper);
    call->shard = keeper->layout;
    call->in[0] = log_partition(sweep->user);
    call->in[1] = (int64_t)sweep->grab_id;
    call_send(world, call, shard_read_row, on_row);
}

static void sweep_step(struct world *world, struct sim_keeper *keeper)
{
    struct sweep *sweep = sweep_now(keeper);
    keeper->state = (enum state)(STATE_SWEEP_CANCEL + sweep->at);
    switch (sweep->at) {
    case SWEEP_CANCEL:
        send_script(world, keeper, STOCK_CANCEL, on_cancelled);
        break;
    case SWEEP_WAIT:
        outcome_is(world, keeper,
                   world_boot_us(world, &keeper->process) >= sweep->wait_until_us ? STEP_DONE : STEP_NO_ANSWER);
        break;
    case SWEEP_APPEND:
        append_cancel(world, keeper);
        break;
    case SWEEP_FOLD:
        look_for_row(world, keeper);
        break;
    case SWEEP_FINISH:
        send_script(world, keeper, STOCK_FINISH, on_finished);
        break;
    case SWEEP_DONE:
        break;
    }
}

static void sweep_run(struct world *world, struct sim_keeper *keeper)
{
    while (keeper->at_sweep < SWEEPS_MAX && !sweep_now(keeper)->used)
        keeper->at_sweep++;
    if (keeper->at_sweep < SWEEPS_MAX)
        sweep_step(world, keeper);
    else
        keeper_lost_look(world, keeper);
}

void keeper_sweep(struct world *world, struct sim_keeper *keeper)
{
    keeper->at_sweep = 0;
    sweep_run(world, keeper);
}
