#include "sim/sim_unknown.h"

#include "protocol/sweep.h"
#include "sim/sim_check.h"
#include "sim/sim_database.h"
#include "sim/sim_ingest.h"
#include "sim/sim_keeper.h"
#include "sim/sim_lost.h"
#include "sim/sim_redis.h"
#include "sim/sim_worker.h"

#include <inttypes.h>
#include <stdlib.h>

enum { NOT_BACK = -1, MARGIN_MS = 250, STORE_MS = 250 };

void unknown_reset(struct world *world)
{
    world->unknowns = (struct unknowns){.back_us = NOT_BACK};
}

/* Whose work gives an unknown its end. */
static bool ends_unknowns(struct world *world, const struct process *process)
{
    bool found = false;
    for (int i = 0; i < world->setup.keepers; i++)
        found |= process == keeper_process(world, i);
    for (int i = 0; i < SIM_WORKERS; i++)
        found |= process == worker_process(world, i);
    return found;
}

void unknown_held(struct world *world, const struct process *from, int64_t for_us)
{
    int64_t until_us = world->now_us + for_us;
    if (!world->healed && until_us > world->unknowns.held_until_us && ends_unknowns(world, from))
        world->unknowns.held_until_us = until_us;
}

/* A keeper begins a round twice round_us after the last one ended, at the latest. */
static int64_t promised_us(const struct world *world)
{
    int64_t hold_us = world_hold_us(world);
    int64_t due_us = hold_us + (redis_was_set_back(world) ? SWEEP_SCAN_MS_MAX * SIM_MS : 0);
    int64_t needs_us = (MARGIN_MS + STORE_MS) * SIM_MS + 2 * 2 * world->setup.round_us;
    return due_us + hold_us / 2 + (needs_us > hold_us / 2 ? needs_us : hold_us / 2);
}

static bool all_run(struct world *world)
{
    bool up = redis_is_up(world);
    for (int i = 0; i < SIM_INGESTS; i++)
        up = up && ingest_process(world, i)->up;
    for (int i = 0; i < world->setup.keepers; i++)
        up = up && keeper_process(world, i)->up;
    for (int i = 0; i < SIM_WORKERS; i++)
        up = up && worker_process(world, i)->up;
    return up;
}

/* A coupon that stays closed because rows of it are lost, and its unknowns have no need of a rebuild. */
static bool stays_closed(struct world *world, uint64_t coupon)
{
    struct grab_truth *grab;
    if (!lost_rows_close(world, coupon))
        return false;
    for (int i = 0; (grab = check_grab_nth(world, i)) != NULL; i++)
        if (grab->coupon == coupon && grab->unknown && !check_is_final(world, grab))
            return false;
    return true;
}

static bool no_rebuild_is_owed(struct world *world)
{
    for (uint64_t coupon = 1; coupon <= (uint64_t)world->setup.coupons; coupon++) {
        const char *epoch = hash_get(redis_key(world, coupon, STOCK_MARK), "epoch");
        bool open = redis_mark_is_valid(world, coupon) && strtoull(epoch, NULL, 10) == database_catalog(world)->epoch;
        if (!open && !stays_closed(world, coupon))
            return false;
    }
    return true;
}

static void look_whether_back(struct world *world)
{
    struct unknowns *unknowns = &world->unknowns;
    bool served = world->now_us >= unknowns->held_until_us && all_run(world) && no_rebuild_is_owed(world);
    if (!served)
        unknowns->back_us = NOT_BACK;
    else if (unknowns->back_us == NOT_BACK && check_lag_is_zero(world)) {
        unknowns->back_us = world->now_us;
        TRACE(world, "---- all parts are back ----");
    }
}

static bool has_its_end(const struct world *world, const struct grab_truth *grab)
{
    for (int l = 0; l < SIM_LAYOUTS; l++) {
        const struct shard_data *data = database_shard(world, l);
        const struct shard_row *row = shard_find(data, grab->id);
        bool lost = row == NULL && shard_has_lost(data, grab->id); /* it is the other layout that can tell */
        if (!lost && fold_status(row != NULL, row != NULL && row->ok, grab->place_epoch,
                                 data->progress[grab->partition].fold.epoch) == GRAB_STATUS_OPEN)
            return false;
    }
    return true;
}

static void look_at(struct world *world, struct grab_truth *grab)
{
    struct unknowns *unknowns = &world->unknowns;
    int64_t begin_us = grab->unknown_us > unknowns->back_us ? grab->unknown_us : unknowns->back_us;
    int64_t took_us = world->now_us - begin_us;
    grab->ended = has_its_end(world, grab);
    if (took_us > promised_us(world))
        world_violated(
            world, "I4",
            "grab %" PRIu64 " is unknown %d ms after all parts are back, %d ms are promised, the hold is %d ms",
            grab->id, (int)(took_us / SIM_MS), (int)(promised_us(world) / SIM_MS), (int)world->setup.hold_ms);
    if (!grab->ended || took_us == 0)
        return;
    int64_t permille = took_us * 1000 / world_hold_us(world);
    unknowns->waited++;
    unknowns->longest_permille = permille > unknowns->longest_permille ? permille : unknowns->longest_permille;
}

void unknown_look(struct world *world)
{
    look_whether_back(world);
    if (world->unknowns.back_us == NOT_BACK)
        return;
    struct grab_truth *grab;
    for (int i = 0; (grab = check_grab_nth(world, i)) != NULL; i++)
        if (grab->unknown && !grab->ended)
            look_at(world, grab);
}
