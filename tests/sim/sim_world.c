#include "sim/sim_world.h"

#include "sim/sim_call.h"
#include "sim/sim_check.h"
#include "sim/sim_database.h"
#include "sim/sim_fault.h"
#include "sim/sim_ingest.h"
#include "sim/sim_keeper.h"
#include "sim/sim_log.h"
#include "sim/sim_people.h"
#include "sim/sim_redis.h"
#include "sim/sim_unknown.h"
#include "sim/sim_worker.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { HEAL_HOLDS_MAX = 60 }; /* by then all must be at rest (I14) */

/* ---- chance: splitmix64 (S. Vigna) ---- */

uint64_t chance_next(struct world *world)
{
    uint64_t z = world->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

int64_t chance_between(struct world *world, int64_t low, int64_t high)
{
    assert(low <= high);
    return low + (int64_t)(chance_next(world) % (uint64_t)(high - low + 1));
}

bool chance_permille(struct world *world, int permille)
{
    return permille > 0 && chance_between(world, 1, 1000) <= permille;
}

int64_t chance_delay_us(struct world *world)
{
    if (!world->healed && chance_permille(world, world->setup.slow_permille))
        return chance_between(world, 2 * SIM_MS, 2 * world_hold_us(world));
    return chance_between(world, 50, 2 * SIM_MS);
}

/* ---- time ---- */

int64_t world_boot_us(const struct world *world, const struct process *process)
{
    return world->now_us + process->boot_offset_us;
}

int64_t world_wall_ms(const struct world *world, const struct process *process)
{
    int64_t ms = (SIM_WALL_US + world->now_us + process->wall_offset_us) / SIM_MS;
    return ms - ms % world->setup.wall_grain_ms;
}

int64_t world_hold_us(const struct world *world)
{
    return world->setup.hold_ms * SIM_MS;
}

/* ---- the queue: a binary heap ---- */

static bool event_before(const struct event *a, const struct event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void heap_push(struct world *world, struct event event)
{
    assert(world->heap_count < SIM_EVENTS_MAX);
    size_t at = world->heap_count++;
    for (size_t up; at > 0 && event_before(&event, &world->heap[up = (at - 1) / 2]); at = up)
        world->heap[at] = world->heap[up];
    world->heap[at] = event;
}

static struct event heap_pop(struct world *world)
{
    struct event first = world->heap[0], last = world->heap[--world->heap_count];
    size_t at = 0;
    for (size_t down; (down = 2 * at + 1) < world->heap_count; at = down) {
        if (down + 1 < world->heap_count && event_before(&world->heap[down + 1], &world->heap[down]))
            down++;
        if (!event_before(&world->heap[down], &last))
            break;
        world->heap[at] = world->heap[down];
    }
    world->heap[at] = last;
    return first;
}

void world_at(struct world *world, int64_t in_us, struct process *process, event_fn fn, void *what, int64_t arg)
{
    assert(in_us >= 0);
    heap_push(world, (struct event){.at_us = world->now_us + in_us,
                                    .order = world->order++,
                                    .fn = fn,
                                    .process = process,
                                    .life = process != NULL ? process->life : 0,
                                    .what = what,
                                    .arg = arg});
}

/* ---- processes ---- */

void process_reset(struct world *world, struct process *process, const char *kind, int index, void *owner,
                   void (*restart)(struct world *, struct process *))
{
    *process = (struct process){.up = true, .owner = owner, .restart = restart};
    snprintf(process->name, sizeof process->name, "%s-%d", kind, index + 1);
    process->boot_offset_us = chance_between(world, 0, INT64_C(1000000000));
}

bool process_asleep(const struct world *world, const struct process *process)
{
    return process->asleep_until_us > world->now_us;
}

int64_t process_nap_us(const struct world *world, const struct process *process)
{
    int64_t left_us = process->asleep_until_us - world->now_us, look_us = world_hold_us(world) / 4;
    return left_us < look_us ? left_us : look_us;
}

static void on_restart(struct world *world, void *what, int64_t life)
{
    struct process *process = what;
    if (process->up || process->life != (uint32_t)life)
        return;
    TRACE(world, "%s starts", process->name);
    process->up = true;
    process->restart(world, process);
}

void process_crash(struct world *world, struct process *process, int64_t back_in_us)
{
    if (!process->up)
        return;
    TRACE(world, "%s is killed", process->name);
    process->up = false;
    process->life++;
    process->asleep_until_us = 0;
    world_at(world, back_in_us, NULL, on_restart, process, process->life);
}

void process_stop(struct world *world, struct process *process, int64_t for_us)
{
    if (!process->up)
        return;
    TRACE(world, "%s is stopped for %lld ms", process->name, (long long)(for_us / SIM_MS));
    process->asleep_until_us = world->now_us + for_us;
}

/* ---- what is seen ---- */

void world_say(const struct world *world, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("%10.3f ms  ", (double)world->now_us / SIM_MS);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
}

void world_violated(struct world *world, const char *what, const char *format, ...)
{
    if (world->violation.what[0] != '\0')
        return;
    va_list args;
    va_start(args, format);
    snprintf(world->violation.what, sizeof world->violation.what, "%s", what);
    vsnprintf(world->violation.text, sizeof world->violation.text, format, args);
    va_end(args);
    TRACE(world, "VIOLATED %s: %s", world->violation.what, world->violation.text);
}

/* ---- a run ---- */

struct world *world_new(void)
{
    struct world *world = calloc(1, sizeof *world);
    if (world == NULL)
        abort();
    world->calls = calls_new();
    world->redis = redis_new();
    world->log = log_new();
    world->database = database_new();
    for (int i = 0; i < SIM_INGESTS; i++)
        world->ingest[i] = ingest_new();
    for (int i = 0; i < SIM_KEEPERS_MAX; i++)
        world->keeper[i] = keeper_new();
    for (int i = 0; i < SIM_WORKERS; i++)
        world->worker[i] = worker_new();
    world->people = people_new();
    world->check = check_new();
    return world;
}

void world_free(struct world *world)
{
    free(world->calls);
    redis_free(world->redis);
    free(world->log);
    free(world->database);
    for (int i = 0; i < SIM_INGESTS; i++)
        free(world->ingest[i]);
    for (int i = 0; i < SIM_KEEPERS_MAX; i++)
        free(world->keeper[i]);
    for (int i = 0; i < SIM_WORKERS; i++)
        free(world->worker[i]);
    free(world->people);
    free(world->check);
    free(world);
}

static void on_heal(struct world *world, void *what, int64_t arg)
{
    (void)what;
    (void)arg;
    TRACE(world, "---- faults end ----");
    world->healed = true;
    fault_heal(world);
    people_heal(world);
}

static void world_reset(struct world *world, uint64_t seed)
{
    world->seed = world->random = seed;
    world->now_us = 0;
    world->events_run = world->order = 0;
    world->heap_count = 0;
    world->healed = world->quiet = false;
    world->tokens = 0;
    world->violation = (struct violation){0};
    setup_draw(world);
    calls_reset(world);
    check_reset(world);
    unknown_reset(world);
    redis_reset(world);
    log_reset(world);
    database_reset(world);
    for (int i = 0; i < SIM_INGESTS; i++)
        ingest_reset(world, i);
    for (int i = 0; i < world->setup.keepers; i++)
        keeper_reset(world, i);
    for (int i = 0; i < SIM_WORKERS; i++)
        worker_reset(world, i);
    people_reset(world);
    fault_reset(world);
    world_at(world, world->setup.active_us, NULL, on_heal, NULL, 0);
}

/* An event of a stopped process waits for its waking: what came first is still first then. */
static void run_event(struct world *world, struct event event)
{
    world->now_us = event.at_us;
    struct process *process = event.process;
    if (process != NULL && (!process->up || process->life != event.life))
        return;
    if (process != NULL && process_asleep(world, process)) {
        event.at_us += process_nap_us(world, process);
        heap_push(world, event);
        return;
    }
    world->events_run++;
    event.fn(world, event.what, event.arg);
    if (world->healed)
        unknown_look(world);
}

bool world_run(struct world *world, uint64_t seed)
{
    world_reset(world, seed);
    int64_t end_us = world->setup.active_us + HEAL_HOLDS_MAX * world_hold_us(world);
    while (world->heap_count > 0 && !world->quiet && world->violation.what[0] == '\0') {
        if (world->heap[0].at_us > end_us) {
            check_never_quiet(world);
            break;
        }
        run_event(world, heap_pop(world));
    }
    return world->violation.what[0] == '\0';
}
