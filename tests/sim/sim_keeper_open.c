/* The simulated keeper's first open of a coupon: protocol/rebuild.h, step by step. */
#include "sim/sim_keeper_parts.h"
#include "sim/sim_redis.h"

static void open_step(struct world *world, struct sim_keeper *keeper);

static void open_outcome(struct world *world, struct sim_keeper *keeper, enum step_outcome outcome)
{
    keeper->open_at = open_next(keeper->open_at, outcome);
    if (keeper->open_at != OPEN_DONE && keeper->open_at != OPEN_STOP)
        open_step(world, keeper);
    else if (outcome == STEP_NO_ANSWER)
        keeper_rest(world, keeper);
    else
        keeper_look_next(world, keeper);
}

static void on_open_epoch(struct world *world, struct call *call)
{
    struct sim_keeper *keeper = call->owner;
    if (call->answered && keeper->open_at == OPEN_READ)
        keeper->open_epoch = (uint64_t)call->out[0];
    bool same = call->answered && keeper->open_epoch == (uint64_t)call->out[0];
    open_outcome(world, keeper, !call->answered ? STEP_NO_ANSWER : same ? STEP_DONE : STEP_LOST);
}

static void run_claim(struct world *world, struct call *call)
{
    struct coupon_row *row = &database_catalog(world)->coupon[call->arg];
    call->out[0] = row->opened == 0;
    if (row->opened == 0)
        row->opened = (uint64_t)call->in[0];
}

static void on_open_claimed(struct world *world, struct call *call)
{
    enum step_outcome outcome = call->out[0] != 0 ? STEP_DONE : STEP_LOST;
    open_outcome(world, call->owner, call->answered ? outcome : STEP_NO_ANSWER);
}

static void on_open_script(struct world *world, struct call *call)
{
    open_outcome(world, call->owner, keeper_held(call));
}

static void on_open_row(struct world *world, struct call *call)
{
    struct sim_keeper *keeper = call->owner;
    uint64_t coupon = (uint64_t)keeper->at_coupon + 1;
    if (call->answered)
        keeper_take_coupons(keeper, call);
    if (!call->answered || !keeper_send_open(world, keeper, keeper->state, coupon, keeper->open_epoch,
                                             keeper->coupon[coupon - 1].total, on_open_script))
        open_outcome(world, keeper, STEP_NO_ANSWER);
}

static void open_claim(struct world *world, struct sim_keeper *keeper)
{
    struct call *call = call_begin(world, SERVER_CATALOG, &keeper->process, keeper->state, keeper);
    call->arg = keeper->at_coupon;
    call->in[0] = (int64_t)keeper->open_epoch;
    call_send(world, call, run_claim, on_open_claimed);
}

static void open_building(struct world *world, struct sim_keeper *keeper)
{
    struct call *call = keeper_script(world, keeper, keeper->state, STOCK_BUILDING, (uint64_t)keeper->at_coupon + 1);
    if (call == NULL) {
        open_outcome(world, keeper, STEP_NO_ANSWER);
        return;
    }
    script_number(call, keeper->open_epoch);
    call_send(world, call, redis_run_script, on_open_script);
}

static void open_step(struct world *world, struct sim_keeper *keeper)
{
    keeper->state = (enum state)(STATE_OPEN_READ + keeper->open_at);
    switch (keeper->open_at) {
    case OPEN_READ:
    case OPEN_LOOK:
        keeper_read_epoch(world, keeper, keeper->state, on_open_epoch);
        break;
    case OPEN_CLAIM:
        open_claim(world, keeper);
        break;
    case OPEN_BUILDING:
        open_building(world, keeper);
        break;
    case OPEN_WRITE:
        keeper_read_coupons(world, keeper, keeper->state, on_open_row);
        break;
    case OPEN_DONE:
    case OPEN_STOP:
        break;
    }
}

void keeper_first_open(struct world *world, struct sim_keeper *keeper)
{
    keeper->open_at = OPEN_READ;
    open_step(world, keeper);
}
