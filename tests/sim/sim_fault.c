#include "sim/sim_fault.h"

#include "sim/sim_call.h"
#include "sim/sim_database.h"
#include "sim/sim_ingest.h"
#include "sim/sim_keeper.h"
#include "sim/sim_redis.h"
#include "sim/sim_worker.h"

#include <assert.h>
#include <string.h>

enum { CALLS_OF_A_RUN = 160 }; /* about; a fault of a server is armed at one of them */

/* ---- the setup ---- */

static int64_t pick(struct world *world, const int *values, int count)
{
    return values[chance_between(world, 0, count - 1)];
}

static uint64_t draw_enabled(struct world *world)
{
    if (chance_permille(world, 200))
        return UINT64_MAX;
    int each = (int)chance_between(world, 100, 600);
    uint64_t enabled = 0;
    for (int fault = 0; fault < FAULTS; fault++)
        if (chance_permille(world, each))
            enabled |= UINT64_C(1) << fault;
    return enabled;
}

void fault_draw_setup(struct world *world)
{
    struct setup *setup = &world->setup;
    *setup = (struct setup){.coupons = chance_permille(world, 300) ? 2 : 1,
                            .users = (int)chance_between(world, 1, SIM_USERS_MAX),
                            .requests = (int)chance_between(world, 2, 9),
                            .keepers = (int)chance_between(world, 1, SIM_KEEPERS_MAX),
                            .nodes = (int)chance_between(world, 1, 3),
                            .hold_ms = chance_between(world, 1000, 3000),
                            .leader = chance_permille(world, 500),
                            .world_faults = (int)chance_between(world, 0, 4),
                            .enabled = draw_enabled(world)};
    for (int i = 0; i < setup->coupons; i++) {
        setup->total[i] = (uint64_t)chance_between(world, 1, 3);
        setup->limit[i] = chance_permille(world, 600) ? 1 : (uint32_t)chance_between(world, 2, 3);
    }
    setup->slow_permille = (int)pick(world, (const int[]){0, 0, 15, 60}, 4);
    setup->call_permille = (int)pick(world, (const int[]){0, 20, 60, 150, 300}, 5);
    setup->process_permille = (int)pick(world, (const int[]){0, 5, 25, 60, 120}, 5);
    setup->active_us = chance_between(world, 2, 5) * setup->hold_ms * SIM_MS;
    setup->round_us = chance_between(world, 50, 400) * SIM_MS;
    setup->wall_grain_ms = pick(world, (const int[]){1, 8, 64}, 3);
}

static bool enabled(const struct world *world, enum fault fault)
{
    return !world->healed && (world->setup.enabled >> fault & 1) != 0;
}

/* ---- what a fault meets ---- */

void fault_met(struct world *world, enum fault fault, enum state state)
{
    if (state != STATE_NONE)
        world->cover[fault][state]++;
}

static void met_by_process(struct world *world, enum fault fault, const struct process *process)
{
    for (int i = 0; i < SIM_INGESTS; i++)
        if (process == NULL || process->owner == world->ingest[i])
            ingest_states(world, i, fault);
    for (int i = 0; i < world->setup.keepers; i++)
        if (process == NULL || process->owner == world->keeper[i])
            keeper_states(world, i, fault);
    for (int i = 0; i < SIM_WORKERS; i++)
        if (process == NULL || process->owner == world->worker[i])
            worker_states(world, i, fault);
}

/* ---- one message ---- */

enum call_fate fault_draw_call(struct world *world, const struct call *call,
                               enum fault (*fault_of)(const struct call *, enum call_fate))
{
    if (world->healed || !chance_permille(world, world->setup.call_permille))
        return CALL_GOES_WELL;
    enum call_fate fate = (enum call_fate)chance_between(world, CALL_REQUEST_LOST, CALL_LATE);
    enum fault fault = fault_of(call, fate);
    if (!enabled(world, fault))
        return CALL_GOES_WELL;
    fault_met(world, fault, call->state);
    TRACE(world, "%s: %s, while %s", call->from->name, fault_name(fault), state_name(call->state));
    return fate;
}

enum append_fate fault_draw_append(struct world *world, enum state state)
{
    static const enum fault fault[APPEND_FATES] = {[APPEND_REFUSED] = FAULT_LOG_REFUSED,
                                                   [APPEND_POSSIBLY_NEVER] = FAULT_LOG_POSSIBLY_NEVER,
                                                   [APPEND_POSSIBLY_LANDED] = FAULT_LOG_POSSIBLY_LANDED,
                                                   [APPEND_POSSIBLY_LATER] = FAULT_LOG_POSSIBLY_LATER,
                                                   [APPEND_REPORT_LATE] = FAULT_LOG_REPORT_LATE};
    if (world->healed || !chance_permille(world, 2 * world->setup.call_permille))
        return APPEND_GOES_WELL;
    enum append_fate fate = (enum append_fate)chance_between(world, APPEND_REFUSED, APPEND_REPORT_LATE);
    if (!enabled(world, fault[fate]))
        return APPEND_GOES_WELL;
    fault_met(world, fault[fate], state);
    TRACE(world, "append: %s, while %s", fault_name(fault[fate]), state_name(state));
    return fate;
}

/* ---- one process ---- */

static void step_wall_clock(struct world *world, struct process *process)
{
    int64_t hold_us = world_hold_us(world);
    process->wall_offset_us += chance_between(world, -3 * hold_us, 3 * hold_us);
    TRACE(world, "%s: its wall clock is stepped to %+lld ms", process->name,
          (long long)(process->wall_offset_us / SIM_MS));
}

/* Only ids are made by a wall clock; only a worker has a partition that can be moved. */
static bool fault_is_of(struct world *world, const struct process *process, int64_t fault)
{
    bool found = fault == FAULT_CRASH || fault == FAULT_STOP;
    for (int i = 0; i < SIM_INGESTS; i++)
        found |= fault == FAULT_WALL_CLOCK && process->owner == world->ingest[i];
    for (int i = 0; i < SIM_WORKERS; i++)
        found |= fault == FAULT_MOVE && process->owner == world->worker[i];
    return found;
}

static void on_process_fault(struct world *world, void *what, int64_t fault)
{
    struct process *process = what;
    if (!enabled(world, (enum fault)fault) || process_asleep(world, process) || !fault_is_of(world, process, fault))
        return;
    met_by_process(world, (enum fault)fault, process);
    int64_t hold_us = world_hold_us(world);
    if (fault == FAULT_CRASH)
        process_crash(world, process, chance_between(world, SIM_MS, hold_us));
    else if (fault == FAULT_STOP)
        process_stop(world, process, chance_between(world, hold_us / 8, 4 * hold_us));
    else if (fault == FAULT_WALL_CLOCK)
        step_wall_clock(world, process);
    else
        workers_move(world, process);
}

void fault_draw_process(struct world *world, struct process *process, int64_t within_us)
{
    if (world->healed || !chance_permille(world, world->setup.process_permille))
        return;
    int64_t fault = chance_between(world, FAULT_CRASH, FAULT_MOVE);
    world_at(world, chance_between(world, 0, within_us), process, on_process_fault, process, fault);
}

/* ---- a server ---- */

static void on_world_fault(struct world *world, void *what, int64_t fault)
{
    (void)what;
    if (!enabled(world, (enum fault)fault))
        return;
    if (!redis_is_up(world) && fault <= FAULT_REDIS_REPLID)
        return;
    TRACE(world, "fault: %s", fault_name((enum fault)fault));
    redis_states(world, (enum fault)fault);
    met_by_process(world, (enum fault)fault, NULL);
    if (fault == FAULT_SHARD_FAILOVER)
        database_fail_over(world, (int)chance_between(world, 0, SIM_LAYOUTS - 1));
    else
        redis_fault(world, (enum fault)fault);
}

static int64_t draw_world_fault(struct world *world)
{
    return chance_between(world, FAULT_PROCESS_LAST + 1, FAULTS - 1);
}

void fault_draw_caller(struct world *world, const struct call *call, int64_t within_us)
{
    if (call->state != STATE_NONE) /* the query service remembers nothing that could be lost */
        fault_draw_process(world, call->from, within_us);
    world->calls_sent++;
    for (int i = 0; i < world->armed_count; i++)
        if (world->armed[i] == world->calls_sent)
            world_at(world, chance_between(world, 0, within_us), NULL, on_world_fault, NULL, draw_world_fault(world));
}

void fault_reset(struct world *world)
{
    world->calls_sent = world->armed_count = 0;
    for (int i = 0; i < world->setup.world_faults; i++) {
        if (chance_permille(world, 700))
            world->armed[world->armed_count++] = (int)chance_between(world, 1, CALLS_OF_A_RUN);
        else
            world_at(world, chance_between(world, 0, world->setup.active_us), NULL, on_world_fault, NULL,
                     draw_world_fault(world));
    }
}

/* ---- the end of faults ---- */

static void wake(struct world *world, struct process *process)
{
    if (process_asleep(world, process))
        TRACE(world, "%s goes on", process->name);
    process->asleep_until_us = 0;
}

void fault_heal(struct world *world)
{
    for (int i = 0; i < SIM_INGESTS; i++)
        wake(world, ingest_process(world, i));
    for (int i = 0; i < world->setup.keepers; i++)
        wake(world, keeper_process(world, i));
    for (int i = 0; i < SIM_WORKERS; i++)
        wake(world, worker_process(world, i));
}
