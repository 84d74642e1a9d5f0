#include "sim/sim_lost.h"

#include "sim/sim_database.h"
#include "sim/sim_keeper.h"
#include "sim/sim_log.h"
#include "sim/sim_redis.h"

#include <inttypes.h>

enum { BACK_HOLDS_MAX = 6 };

/* ---- which ---- */

static bool has_its_end(const struct world *world, const struct shard_row *row)
{
    char field[21];
    snprintf(field, sizeof field, "%" PRIu64, row->grab_id);
    if (hash_get(redis_key(world, row->coupon, STOCK_PENDING), field) != NULL)
        return false;
    for (int i = 0; i < world->setup.keepers; i++)
        if (keeper_sweeps(world, i, row->grab_id))
            return false;
    return !log_was_cancelled(world, row->grab_id);
}

/* A table, or some rows of all: `partition` is -1 then. */
static int take_from(struct world *world, int layout, int64_t partition, int permille)
{
    const struct shard_data *data = database_shard(world, layout);
    int taken = 0;
    for (int i = 0; i < data->row_count; i++) {
        const struct shard_row *row = &data->row[i];
        bool of_table = partition < 0 || log_partition(row->user) == partition;
        if (row->lost || !of_table || !has_its_end(world, row) || !chance_permille(world, permille))
            continue;
        TRACE(world, "shard %d loses the row of grab %" PRIu64 " of coupon %" PRIu64 ", %s", layout, row->grab_id,
              row->coupon, row->ok ? "OK" : "VOID");
        database_set_lost(world, layout, i, true);
        taken++;
    }
    return taken;
}

/* Mostly of the layout that the keepers read. */
bool lost_rows_take(struct world *world)
{
    int layout = keeper_layout(world, 0);
    if (chance_permille(world, 200))
        layout = SIM_LAYOUTS - 1 - layout;
    if (chance_permille(world, 500))
        return take_from(world, layout, chance_between(world, 0, SIM_PARTITIONS - 1), 1000) > 0;
    return take_from(world, layout, -1, (int)chance_between(world, 200, 1000)) > 0;
}

/* ---- and back ---- */

static bool any_in(const struct shard_data *data, uint64_t coupon)
{
    for (int i = 0; i < data->row_count; i++)
        if (data->row[i].lost && (coupon == 0 || data->row[i].coupon == coupon))
            return true;
    return false;
}

static void on_put_back(struct world *world, void *what, int64_t arg)
{
    (void)what;
    (void)arg;
    TRACE(world, "rows that were lost are put back");
    for (int l = 0; l < SIM_LAYOUTS; l++)
        for (int i = 0; i < database_shard(world, l)->row_count; i++)
            database_set_lost(world, l, i, false);
}

void lost_rows_heal(struct world *world)
{
    if (world->setup.rows_back)
        world_at(world, chance_between(world, 0, BACK_HOLDS_MAX * world_hold_us(world)), NULL, on_put_back, NULL, 0);
}

bool lost_rows_are_due(const struct world *world)
{
    bool any = false;
    for (int l = 0; l < SIM_LAYOUTS; l++)
        any |= any_in(database_shard(world, l), 0);
    return any && world->setup.rows_back;
}

bool lost_rows_close(const struct world *world, uint64_t coupon)
{
    bool left = false;
    for (int i = 0; i < world->setup.keepers; i++)
        left |= keeper_left_closed(world, i, coupon);
    return left && !redis_mark_is_valid(world, coupon) &&
           any_in(database_shard(world, keeper_layout(world, 0)), coupon);
}
