#include "sim/sim_fault.h"

#include "sim/sim_call.h"
#include "sim/sim_database.h"
#include "sim/sim_ingest.h"
#include "sim/sim_keeper.h"
#include "sim/sim_lost.h"
#include "sim/sim_redis.h"
#include "sim/sim_worker.h"

#include <assert.h>
#include <string.h>

enum { CALLS_OF_A_RUN = 160 }; /* about; a fault of a server is armed at one of them */
/* Of a server's faults, where rows may be lost; and of those, how many have Redis flushed soon: nobody reads all rows
 * before a rebuild does. */
enum { LOST_PERMILLE = 600, LOST_AND_FLUSHED_PERMILLE = 700 };

static int permille_at(const struct world *world, enum state state, int permille)
{
    return state == world->setup.aim && permille < AIMED_PERMILLE ? AIMED_PERMILLE : permille;
}

static bool enabled(const struct world *world, enum fault fault)
{
    return !world->healed && (world->setup.enabled >> fault & 1) != 0;
}

/* One of [first, last] that this seed may use; -1: there is none. */
static int draw_of(struct world *world, int first, int last)
{
    int found[FAULTS], count = 0;
    for (int fault = first; fault <= last; fault++)
        if (enabled(world, (enum fault)fault))
            found[count++] = fault;
    return count == 0 ? -1 : found[chance_between(world, 0, count - 1)];
}

static int draw_world_fault(struct world *world)
{
    if (enabled(world, FAULT_ROWS_LOST) && chance_permille(world, LOST_PERMILLE))
        return FAULT_ROWS_LOST;
    return draw_of(world, FAULT_PROCESS_LAST + 1, FAULTS - 1);
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
    enum call_fate may[CALL_FATES];
    int count = 0;
    if (world->healed || !chance_permille(world, permille_at(world, call->state, world->setup.call_permille)))
        return CALL_GOES_WELL;
    for (int fate = CALL_REQUEST_LOST; fate <= CALL_LATE; fate++)
        if (enabled(world, fault_of(call, (enum call_fate)fate)))
            may[count++] = (enum call_fate)fate;
    if (count == 0)
        return CALL_GOES_WELL;
    enum call_fate fate = may[chance_between(world, 0, count - 1)];
    enum fault fault = fault_of(call, fate);
    fault_met(world, fault, call->state);
    TRACE(world, "%s: %s, while %s", call->from->name, fault_name(fault), state_name(call->state));
    return fate;
}

enum append_fate fault_draw_append(struct world *world, enum state state)
{
    static const enum append_fate fates[FAULTS] = {[FAULT_LOG_REFUSED] = APPEND_REFUSED,
                                                   [FAULT_LOG_POSSIBLY_NEVER] = APPEND_POSSIBLY_NEVER,
                                                   [FAULT_LOG_POSSIBLY_LANDED] = APPEND_POSSIBLY_LANDED,
                                                   [FAULT_LOG_POSSIBLY_LATER] = APPEND_POSSIBLY_LATER,
                                                   [FAULT_LOG_REPORT_LATE] = APPEND_REPORT_LATE};
    if (world->healed || !chance_permille(world, permille_at(world, state, world->setup.append_permille)))
        return APPEND_GOES_WELL;
    int fault = draw_of(world, FAULT_LOG_REFUSED, FAULT_LOG_REPORT_LATE);
    if (fault < 0)
        return APPEND_GOES_WELL;
    fault_met(world, (enum fault)fault, state);
    TRACE(world, "append: %s, while %s", fault_name((enum fault)fault), state_name(state));
    return fates[fault];
}

/* ---- a server ---- */

static void on_world_fault(struct world *world, void *what, int64_t fault);

static void flush_soon(struct world *world)
{
    if (chance_permille(world, LOST_AND_FLUSHED_PERMILLE))
        world_at(world, chance_between(world, 0, 2 * world_hold_us(world)), NULL, on_world_fault, NULL,
                 FAULT_REDIS_FLUSH);
}

static int some_layout(struct world *world)
{
    return (int)chance_between(world, 0, SIM_LAYOUTS - 1);
}

static void on_world_fault(struct world *world, void *what, int64_t fault)
{
    (void)what;
    if (fault < 0 || !enabled(world, (enum fault)fault))
        return;
    if (!redis_is_up(world) && fault <= FAULT_REDIS_REPLID)
        return;
    if (fault == FAULT_ROWS_LOST && !lost_rows_take(world)) { /* none yet */
        world_at(world, chance_between(world, 1, world_hold_us(world)), NULL, on_world_fault, NULL, fault);
        return;
    }
    TRACE(world, "fault: %s", fault_name((enum fault)fault));
    redis_states(world, (enum fault)fault);
    met_by_process(world, (enum fault)fault, NULL);
    if (fault == FAULT_SHARD_FAILOVER)
        database_fail_over(world, some_layout(world));
    else if (fault == FAULT_PARTITION_BACK)
        database_put_back(world, some_layout(world), (int)chance_between(world, 0, SIM_PARTITIONS - 1));
    else if (fault == FAULT_CATALOG_AWAY)
        database_catalog_goes(world);
    else if (fault == FAULT_ROWS_LOST)
        flush_soon(world);
    else
        redis_fault(world, (enum fault)fault);
}

static void draw_within(struct world *world, int64_t within_us)
{
    world_at(world, chance_between(world, 0, within_us), NULL, on_world_fault, NULL, draw_world_fault(world));
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

void fault_draw_process(struct world *world, struct process *process, enum state state, int64_t within_us)
{
    bool aimed = state != STATE_NONE && (state == world->setup.aim || state == world->setup.aim_too);
    if (!world->healed && aimed && chance_permille(world, AIMED_PERMILLE))
        draw_within(world, within_us);
    if (world->healed || !chance_permille(world, permille_at(world, state, world->setup.process_permille)))
        return;
    int fault = draw_of(world, FAULT_CRASH, FAULT_MOVE);
    if (fault >= 0)
        world_at(world, chance_between(world, 0, within_us), process, on_process_fault, process, fault);
}

/* ---- their occasions ---- */

static bool is_armed(struct armed *armed)
{
    bool now = false;
    armed->passed++;
    for (int i = 0; i < armed->count; i++)
        now |= armed->at[i] == armed->passed;
    return now;
}

void fault_draw_caller(struct world *world, const struct call *call, int64_t within_us)
{
    if (call->state != STATE_NONE) /* the query service remembers nothing that could be lost */
        fault_draw_process(world, call->from, call->state, within_us);
    if (is_armed(&world->calls_armed))
        draw_within(world, within_us);
}

int64_t fault_draw_grab(struct world *world)
{
    if (world->setup.aim == STATE_CONFIRMING)
        redis_save_within(world, world_hold_us(world) / 4);
    if (!is_armed(&world->grabs_armed))
        return 0;
    int64_t stall_us = chance_permille(world, 700) ? chance_between(world, 0, 5 * world_hold_us(world) / 4) : 0;
    redis_save_within(world, stall_us + SIM_MS);
    draw_within(world, stall_us + 2 * SIM_MS);
    return stall_us;
}

static void arm(struct armed *armed, int64_t at)
{
    armed->at[armed->count++] = (int)at;
}

void fault_reset(struct world *world)
{
    world->calls_armed = world->grabs_armed = (struct armed){0};
    for (int i = 0; i < world->setup.world_faults; i++) {
        int64_t when = chance_between(world, 0, 9);
        if (when < 3)
            arm(&world->calls_armed, chance_between(world, 1, CALLS_OF_A_RUN));
        else if (when < 8)
            arm(&world->grabs_armed, chance_between(world, 1, world->setup.requests));
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
    database_catalog_back(world);
    lost_rows_heal(world);
}
