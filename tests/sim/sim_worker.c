#include "sim/sim_worker_parts.h"

#include "sim/sim_database.h"
#include "sim/sim_fault.h"

#include <stdlib.h>

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

static struct call *lane_call(struct world *world, struct lane *lane)
{
    struct call *call = call_begin(world, SERVER_SHARD, &lane->worker->process, lane->state, lane);
    call->shard = lane->worker->layout;
    call->arg = lane->turn;
    return call;
}

static bool is_over(const struct lane *lane, const struct call *call)
{
    return call->arg != lane->turn;
}

static void later(struct world *world, struct lane *lane, event_fn fn)
{
    world_at(world, chance_between(world, PAUSE_US_MIN, PAUSE_US_MAX), &lane->worker->process, fn, lane, lane->turn);
}

/* ---- taking over, going on, letting go ---- */

void lane_go_on(struct lane *lane, int64_t next, uint64_t epoch)
{
    lane->state = STATE_TAKING;
    lane->next = next;
    lane->epoch = epoch;
    lane->count = 0;
}

static void leave(struct lane *lane)
{
    lane->state = STATE_NONE;
    lane->count = 0;
    lane->turn++;
}

/* Another owner is in progress. It is owned again only when it is assigned again: a member that is stuck so leaves the
 * group and comes back. */
static void let_go(struct world *world, struct lane *lane)
{
    TRACE(world, "%s lets partition %d go", lane->worker->process.name, lane->partition);
    leave(lane);
    if (world->group[lane->worker->layout][lane->partition] == lane->worker->index)
        world_at(world, world_hold_us(world), &lane->worker->process, on_own, lane, lane->turn);
}

void lane_lost(struct world *world, struct lane *lane, const struct part_found *found)
{
    if (found->owner == lane->owner)
        lane_go_on(lane, found->next, found->epoch);
    else
        let_go(world, lane);
}

static void on_owned(struct world *world, struct call *call)
{
    struct lane *lane = call->owner;
    if (is_over(lane, call))
        return;
    if (call->answered && call->out[0] != 0)
        lane_go_on(lane, call->out[1], (uint64_t)call->out[2]);
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
    struct call *call = lane_call(world, lane);
    call->in[0] = lane->partition;
    call->in[1] = (int64_t)lane->owner;
    call_send(world, call, shard_own, on_owned);
}

/* ---- nothing to store: progress is looked at now and then, for a failover may have taken it back ---- */

static void on_look(struct world *world, void *what, int64_t turn);

static void on_looked(struct world *world, struct call *call)
{
    struct lane *lane = call->owner;
    if (is_over(lane, call))
        return;
    if (call->answered && call->out[0] != 0)
        lane_lost(world, lane, &call->found[lane->partition]); /* or where it was */
    else
        later(world, lane, on_look);
}

static void on_look(struct world *world, void *what, int64_t turn)
{
    struct lane *lane = what;
    if (turn != lane->turn)
        return;
    struct call *call = lane_call(world, lane);
    call->part[lane->partition].count = 1;
    call_send(world, call, shard_ask_progress, on_looked);
}

void lane_look(struct world *world, struct lane *lane)
{
    if (world->now_us - lane->looked_us <= world_hold_us(world) / 2)
        return;
    lane->looked_us = world->now_us;
    lane->state = STATE_ASKING_PROGRESS;
    later(world, lane, on_look);
}

/* ---- the group ---- */

static void assign(struct world *world, struct lane *lane)
{
    leave(lane);
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
    leave(lane);
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
        leave(lane);
        if (world->group[worker->layout][p] == worker->index)
            assign(world, lane);
    }
    worker_take_later(world, worker);
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
