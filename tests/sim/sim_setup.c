/* What a seed draws before anything happens. */
#include "sim/sim_fault.h"

#define BIT(fault) (UINT64_C(1) << (fault))

enum { ROWS_LOST_PERMILLE = 50 };

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

/* What leads to a state: without it few seeds would come there. */
static uint64_t leads_to(enum state state)
{
    if (state == STATE_CONFIRMING)
        return BIT(FAULT_LOG_REPORT_LATE);
    if (state == STATE_RELEASING)
        return BIT(FAULT_LOG_REFUSED);
    if (state >= STATE_SWEEP_CANCEL && state <= STATE_SWEEP_FINISH)
        return BIT(FAULT_LOG_POSSIBLY_NEVER) | BIT(FAULT_LOG_POSSIBLY_LANDED);
    return state >= STATE_REBUILD_RAISE && state <= STATE_REBUILD_OPEN ? BIT(FAULT_REDIS_FLUSH) : 0;
}

static enum state draw_state(struct world *world)
{
    static const enum state rare[] = {
        STATE_CONFIRMING,     STATE_RELEASING,    STATE_CARRYING,     STATE_REBUILD_FOLD,  STATE_REBUILD_LOOK,
        STATE_REBUILD_CLAIMS, STATE_REBUILD_OPEN, STATE_SWEEP_CANCEL, STATE_SWEEP_WAIT,    STATE_SWEEP_APPEND,
        STATE_SWEEP_FOLD,     STATE_SWEEP_FINISH, STATE_OPEN_CLAIM,   STATE_OPEN_BUILDING,
    };
    if (chance_permille(world, 700))
        return rare[chance_between(world, 0, sizeof rare / sizeof *rare - 1)];
    return (enum state)chance_between(world, STATE_RESERVING, STATE_LEASING);
}

/* One keeper is held up at its step, another goes on beside it, and Redis loses its data under both. */
static void draw_two_keepers(struct world *world)
{
    struct setup *setup = &world->setup;
    setup->leader = false;
    setup->keepers = SIM_KEEPERS_MAX;
    setup->enabled |= BIT(FAULT_STOP) | BIT(FAULT_REDIS_FLUSH);
    if (setup->aim <= STATE_OPEN_WRITE && chance_permille(world, 500)) {
        setup->aim_too = STATE_REBUILD_WAIT;
        setup->enabled = BIT(FAULT_STOP) | BIT(FAULT_REDIS_FLUSH);
        setup->requests = 10;
        setup->active_us = 3 * setup->hold_ms * SIM_MS;
    }
}

/* Redis comes back old after a grab was voided, by its CANCEL or by a BARRIER, and before it is to be confirmed; and
 * the keepers are slow to see it. */
static void draw_old_confirm(struct world *world)
{
    struct setup *setup = &world->setup;
    if (chance_permille(world, 500))
        return;
    setup->aim_too = chance_permille(world, 500) ? STATE_SWEEP_FOLD : STATE_REBUILD_BARRIER;
    setup->world_faults = 2;
    setup->keepers = 1;
    setup->enabled = BIT(FAULT_LOG_REPORT_LATE) | BIT(FAULT_REDIS_OLD);
    setup->round_us = 500 * SIM_MS;
}

/* Half of the seeds aim at one state that a call or an append is in: more grabs, time for a sweep, what leads there,
 * and any fault of a server. */
static void draw_aim(struct world *world)
{
    struct setup *setup = &world->setup;
    setup->aim = setup->aim_too = STATE_NONE;
    if (chance_permille(world, 500))
        return;
    setup->aim = draw_state(world);
    uint64_t leads = leads_to(setup->aim);
    setup->enabled |= leads;
    if (chance_permille(world, 500))
        setup->enabled |= ~(BIT(FAULT_PROCESS_LAST + 1) - 1);
    if (setup->aim >= STATE_OPEN_READ && setup->aim <= STATE_REBUILD_OPEN)
        draw_two_keepers(world);
    if ((leads & ~BIT(FAULT_REDIS_FLUSH)) != 0) {
        setup->append_permille = 500;
        setup->requests = 10;
        setup->users = SIM_USERS_MAX;
        setup->total[0] = 3;
        setup->active_us = 6 * setup->hold_ms * SIM_MS;
        if (setup->aim == STATE_CONFIRMING)
            draw_old_confirm(world);
    } else if (leads != 0 && setup->world_faults == 0) {
        setup->world_faults = 1;
    }
}

static void draw_coupon(struct world *world, int coupon)
{
    world->setup.total[coupon] = (uint64_t)chance_between(world, 1, 3);
    world->setup.limit[coupon] = chance_permille(world, 600) ? 1 : (uint32_t)chance_between(world, 2, 3);
}

/* A first open is held up, between its claim and its write, while another coupon is sold: else no rows are there that
 * could be lost. */
static void draw_late_open(struct world *world)
{
    struct setup *setup = &world->setup;
    setup->aim = chance_permille(world, 500) ? STATE_OPEN_BUILDING : STATE_OPEN_LOOK;
    draw_two_keepers(world);
    while (setup->coupons < SIM_COUPONS_MAX)
        draw_coupon(world, setup->coupons++);
}

/* A coupon that stays closed hides what other faults do to it: a few seeds lose rows, and those do so more than once,
 * and go on for longer, so that a rebuild reads what is left and the keeper looks for the rest. */
static void draw_rows_lost(struct world *world)
{
    struct setup *setup = &world->setup;
    setup->enabled &= ~BIT(FAULT_ROWS_LOST);
    if (!chance_permille(world, ROWS_LOST_PERMILLE))
        return;
    if (setup->aim == STATE_NONE && chance_permille(world, 200))
        draw_late_open(world);
    else if (setup->aim == STATE_NONE)
        setup->aim = draw_state(world);
    setup->enabled |= BIT(FAULT_ROWS_LOST) | BIT(FAULT_REDIS_FLUSH) | BIT(FAULT_SHARD_REQUEST_LOST) |
                      BIT(FAULT_SHARD_ANSWER_LOST) | BIT(FAULT_SHARD_LATE);
    setup->call_permille = setup->call_permille < 60 ? 60 : setup->call_permille;
    setup->world_faults = setup->world_faults < 3 ? 3 : setup->world_faults;
    setup->active_us = 8 * setup->hold_ms * SIM_MS;
    setup->rows_back = chance_permille(world, 500);
}

void setup_draw(struct world *world)
{
    struct setup *setup = &world->setup;
    *setup = (struct setup){.coupons = chance_permille(world, 300) ? 2 : 1,
                            .users = (int)chance_between(world, 1, SIM_USERS_MAX),
                            .requests = (int)chance_between(world, 3, 12),
                            .keepers = (int)chance_between(world, 1, SIM_KEEPERS_MAX),
                            .nodes = (int)chance_between(world, 1, 3),
                            .hold_ms = chance_between(world, 1000, 3000),
                            .leader = chance_permille(world, 500),
                            .world_faults = (int)chance_between(world, 0, 5),
                            .enabled = draw_enabled(world)};
    for (int i = 0; i < setup->coupons; i++)
        draw_coupon(world, i);
    setup->slow_permille = (int)pick(world, (const int[]){0, 0, 20, 80, 250}, 5);
    setup->call_permille = (int)pick(world, (const int[]){0, 20, 60, 150, 300}, 5);
    setup->process_permille = (int)pick(world, (const int[]){0, 5, 25, 60, 120}, 5);
    setup->active_us = chance_between(world, 2, 5) * setup->hold_ms * SIM_MS;
    setup->round_us = chance_between(world, 20, 400) * SIM_MS;
    setup->wall_grain_ms = pick(world, (const int[]){1, 8, 64}, 3);
    setup->append_permille = 2 * setup->call_permille;
    draw_aim(world);
    draw_rows_lost(world);
}
