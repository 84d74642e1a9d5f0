#include "sim/sim_worker.h"

#include "protocol/progress.h"
#include "sim/sim_call.h"
#include "sim/sim_database.h"
#include "sim/sim_fault.h"
#include "sim/sim_log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* One partition, as its worker sees it. */
struct lane {
    struct sim_worker *worker;
    int partition;
    enum state state; /* STATE_NONE: not assigned, or let go */
    uint64_t owner;   /* its token */
    int64_t next;
    uint64_t epoch;    /* the highest BARRIER so far */
    int64_t count;     /* records in hand */
    int64_t looked_us; /* when progress was last looked at */
    bool lookup;       /* the slow way */
    uint32_t turn;     /* rises when the lane begins anew: what was under way before is nobody's */
};

struct sim_worker {
    struct process process;
    int index, layout;
    struct lane lane[SIM_PARTITIONS];
};

struct sim_worker *worker_new(void)
{
    struct sim_worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL)
        abort();
    return worker;
}

struct process *worker_process(struct world *world, int index)
{
    return &world->worker[index]->process;
}

void worker_states(struct world *world, int index, enum fault fault)
{
    const struct sim_worker *worker = world->worker[index];
    for (int p = 0; worker->process.up && p < SIM_PARTITIONS; p++)
        fault_met(world, fault, worker->lane[p].state);
}

/* ---- calls ---- */

static void on_own(struct world *world, void *what, int64_t turn);
static void on_take(struct world *world, void *what, int64_t turn);
static void on_ask(struct world *world, void *what, int64_t turn);

static struct call *lane_call(struct world *world, struct lane *lane)
{
    struct call *call = call_begin(world, SERVER_SHARD, &lane->worker->process, lane->state, lane);
    call->shard = lane->worker->layout;
    call->arg = lane->turn;
    call->in[0] = lane->partition;
    call->in[1] = (int64_t)lane->owner;
    return call;
}

static void later(struct world *world, struct lane *lane, event_fn fn)
{
    world_at(world, chance_between(world, 2 * SIM_MS, 60 * SIM_MS), &lane->worker->process, fn, lane, lane->turn);
}

static bool is_over(const struct lane *lane, const struct call *call)
{
    return call->arg != lane->turn;
}

/* ---- taking over, going on, letting go ---- */

static void go_on(struct world *world, struct lane *lane, int64_t next, uint64_t epoch)
{
    lane->state = STATE_TAKING;
    lane->next = next;
    lane->epoch = epoch;
    lane->lookup = false;
    later(world, lane, on_take);
}

/* Another owner is in progress. It is owned again only when it is assigned again: a member that is stuck so leaves the
 * group and comes back. */
static void let_go(struct world *world, struct lane *lane)
{
    TRACE(world, "%s lets partition %d go", lane->worker->process.name, lane->partition);
    lane->state = STATE_NONE;
    lane->turn++;
    if (world->group[lane->worker->layout][lane->partition] == lane->worker->index)
        world_at(world, world_hold_us(world), &lane->worker->process, on_own, lane, lane->turn);
}

static void progress_is(struct world *world, struct lane *lane, const struct call *call)
{
    switch (
        progress_settle((uint64_t)call->out[2] == lane->owner, call->out[1], lane->next, lane->next + lane->count)) {
    case PROGRESS_BEFORE:
    case PROGRESS_AFTER:
    case PROGRESS_ELSEWHERE:
        go_on(world, lane, call->out[1], (uint64_t)call->out[3]);
        break;
    case PROGRESS_OTHERS:
        let_go(world, lane);
        break;
    }
}

static void on_owned(struct world *world, struct call *call)
{
    struct lane *lane = call->owner;
    if (is_over(lane, call))
        return;
    if (call->answered && call->out[0] != 0)
        go_on(world, lane, call->out[1], (uint64_t)call->out[2]);
    else
        later(world, lane, on_own);
}

static void on_own(struct world *world, void *what, int64_t turn)
{
    struct lane *lane = what;
    if (turn != lane->turn)
        return;
    lane->state = STATE_OWNING;
    lane->owner = ++world->tokens;
    call_send(world, lane_call(world, lane), shard_own, on_owned);
}

/* ---- a batch ---- */

static void on_asked(struct world *world, struct call *call)
{
    struct lane *lane = call->owner;
    if (is_over(lane, call))
        return;
    if (call->answered && call->out[0] != 0)
        progress_is(world, lane, call);
    else
        later(world, lane, on_ask);
}

static void on_ask(struct world *world, void *what, int64_t turn)
{
    struct lane *lane = what;
    if (turn == lane->turn)
        call_send(world, lane_call(world, lane), shard_ask_progress, on_asked);
}

static void on_committed(struct world *world, struct call *call)
{
    struct lane *lane = call->owner;
    if (is_over(lane, call))
        return;
    if (call->answered && call->out[0] != 0) {
        go_on(world, lane, lane->next + lane->count, (uint64_t)call->out[1]);
        return;
    }
    shard_forget(world, lane->worker->layout, lane->partition, lane->owner);
    lane->state = STATE_ASKING_PROGRESS;
    later(world, lane, on_ask);
}

static void commit(struct world *world, struct lane *lane, int64_t transaction)
{
    lane->state = STATE_COMMITTING;
    struct call *call = lane_call(world, lane);
    call->in[1] = transaction;
    call_send(world, call, shard_commit, on_committed);
}

/* Without an answer nothing can have been committed: the connection goes, and with it the transaction. */
static void on_begun(struct world *world, struct call *call)
{
    struct lane *lane = call->owner;
    if (is_over(lane, call))
        return;
    if (!call->answered)
        shard_forget(world, lane->worker->layout, lane->partition, lane->owner);
    switch (call->answered ? (enum shard_begun)call->out[0] : BEGUN_LOCKED) {
    case BEGUN_LOCKED:
        go_on(world, lane, lane->next, lane->epoch);
        break;
    case BEGUN_LOST:
        progress_is(world, lane, call);
        break;
    case BEGUN_REFUSED:
        lane->lookup = true;
        later(world, lane, on_take);
        break;
    case BEGUN_STAGED:
        commit(world, lane, call->out[1]);
        break;
    }
}

/* Nothing to store: progress is looked at now and then, for a failover may have taken it back. */
static void idle(struct world *world, struct lane *lane)
{
    bool look = world->now_us - lane->looked_us > world_hold_us(world) / 2;
    if (look) {
        lane->looked_us = world->now_us;
        lane->state = STATE_ASKING_PROGRESS;
        lane->count = 1;
    }
    world_at(world, chance_between(world, 10 * SIM_MS, 120 * SIM_MS), &lane->worker->process, look ? on_ask : on_take,
             lane, lane->turn);
}

static void on_take(struct world *world, void *what, int64_t turn)
{
    struct lane *lane = what;
    if (turn != lane->turn)
        return;
    lane->state = STATE_TAKING;
    int64_t ready = log_end(world, lane->partition) - lane->next;
    if (ready <= 0) {
        idle(world, lane);
        return;
    }
    if (!lane->lookup)
        lane->count = chance_between(world, 1, ready < BATCH_RECORDS_MAX ? ready : BATCH_RECORDS_MAX);
    lane->state = STATE_STORING;
    struct call *call = lane_call(world, lane);
    call->in[2] = lane->next;
    call->in[3] = lane->count;
    call->in[4] = lane->lookup;
    call->in[5] = (int64_t)lane->epoch;
    call_send(world, call, shard_begin, on_begun);
}

/* ---- the group ---- */

static void assign(struct world *world, struct lane *lane)
{
    lane->turn++;
    lane->state = STATE_OWNING;
    world_at(world, chance_between(world, 0, 20 * SIM_MS), &lane->worker->process, on_own, lane, lane->turn);
}

/* The first one hears of it much later. */
static void on_revoked(struct world *world, void *what, int64_t arg)
{
    struct lane *lane = what;
    (void)arg;
    if (world->group[lane->worker->layout][lane->partition] == lane->worker->index)
        return;
    lane->turn++;
    lane->state = STATE_NONE;
}

void workers_move(struct world *world, const struct process *process)
{
    const struct sim_worker *from = process->owner;
    struct sim_worker *to = world->worker[from->index ^ 1];
    int partition = (int)chance_between(world, 0, SIM_PARTITIONS - 1);
    if (world->group[from->layout][partition] != from->index || !to->process.up)
        return;
    TRACE(world, "partition %d of layout %d moves from %s to %s", partition, from->layout, process->name,
          to->process.name);
    world->group[from->layout][partition] = to->index;
    assign(world, &to->lane[partition]);
    world_at(world, chance_between(world, SIM_MS, 4 * world_hold_us(world)), &world->worker[from->index]->process,
             on_revoked, &world->worker[from->index]->lane[partition], 0);
}

static void begin(struct world *world, struct process *process)
{
    struct sim_worker *worker = process->owner;
    for (int p = 0; p < SIM_PARTITIONS; p++) {
        struct lane *lane = &worker->lane[p];
        lane->turn++;
        lane->state = STATE_NONE;
        if (world->group[worker->layout][p] == worker->index)
            assign(world, lane);
    }
}

void worker_reset(struct world *world, int index)
{
    struct sim_worker *worker = world->worker[index];
    *worker = (struct sim_worker){.index = index, .layout = index / 2};
    for (int p = 0; p < SIM_PARTITIONS; p++) {
        worker->lane[p] = (struct lane){.worker = worker, .partition = p};
        if (index % 2 == 0)
            world->group[worker->layout][p] = index;
    }
    process_reset(world, &worker->process, "worker", index, worker, begin);
    begin(world, &worker->process);
}
