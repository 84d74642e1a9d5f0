/* Whose rows the simulated keeper's rebuild may believe: protocol/row_counts.h, asked as ingest/keeper_lost.c does. */
#include "protocol/row_counts.h"
#include "sim/sim_keeper_parts.h"

#include <string.h>

enum { LAYOUT_BY_DAY = 1, LOST_REST_PARTS = 4, LOST_REST_HOLDS_MAX = 8 };

/* The table of a row: one a partition, or one a day, and a run lasts one day. */
static int64_t slot_of(const struct sim_keeper *keeper, int partition)
{
    return keeper->layout == LAYOUT_BY_DAY ? 0 : partition;
}

static void count(const struct sim_keeper *keeper, int first, int end, struct row_counts *counts)
{
    const struct shard_data *data = &keeper->rebuild.snapshot;
    for (int i = 0; i < data->row_count; i++) {
        int p = log_partition(data->row[i].user);
        if (p >= first && p < end)
            row_counts_add_row(counts, slot_of(keeper, p), data->row[i].coupon, data->row[i].ok);
    }
    for (int p = first; p < end; p++)
        for (uint64_t c = 0; c < SIM_COUPONS_MAX; c++)
            row_counts_add_total(counts, slot_of(keeper, p), c + 1, data->total[p][c].ok, data->total[p][c].voided);
}

static bool is_whole(const struct row_counts *counts, uint64_t coupon)
{
    for (size_t i = 0; i < counts->count; i++)
        if (counts->entry[i].coupon_id == coupon && !row_count_whole(&counts->entry[i]))
            return false;
    return true;
}

/* ---- in a fold ---- */

/* Rows of [first, end) that are there, less those that progress counts, of the partition that lacks most. */
static int64_t most_missing(const struct shard_data *data, int first, int end, bool *ret_other)
{
    int64_t missing[SIM_PARTITIONS] = {0}, most = 0;
    for (int i = 0; i < data->row_count; i++)
        missing[log_partition(data->row[i].user)]--;
    *ret_other = false;
    for (int p = first; p < end; p++) {
        missing[p] += (int64_t)(data->progress[p].counts.ok + data->progress[p].counts.voided);
        most = missing[p] > most ? missing[p] : most;
        *ret_other |= missing[p] != 0;
    }
    return most;
}

static bool totals_tell(const struct shard_data *data, int first, int end)
{
    uint64_t totals[SIM_PARTITIONS] = {0}, counted[SIM_PARTITIONS] = {0};
    for (int p = first; p < end; p++) {
        counted[p] = data->progress[p].counts.ok + data->progress[p].counts.voided;
        for (int c = 0; c < SIM_COUPONS_MAX; c++)
            totals[p] += data->total[p][c].ok + data->total[p][c].voided;
    }
    return row_counts_tell(totals, counted, SIM_PARTITIONS);
}

enum step_outcome keeper_lost_find(struct sim_keeper *keeper, int first, int end)
{
    struct rebuild *rebuild = &keeper->rebuild;
    struct row_counts counts = {0};
    bool other, found = false;
    bool fewer = most_missing(&rebuild->snapshot, first, end, &other) > 0;
    if (!other)
        return STEP_DONE;
    if (!totals_tell(&rebuild->snapshot, first, end))
        return STEP_NO_ANSWER;
    count(keeper, first, end, &counts);
    for (uint64_t c = 0; c < SIM_COUPONS_MAX; c++) {
        bool lost = !is_whole(&counts, c + 1);
        rebuild->lost[c] |= lost;
        found |= lost;
    }
    row_counts_free(&counts);
    return fewer && !found ? STEP_NO_ANSWER : STEP_DONE;
}

/* ---- afterwards ---- */

static void look_in(const struct world *world, struct sim_keeper *keeper, int64_t in_us)
{
    keeper->lost_rest_us = in_us;
    keeper->lost_look_us = world_boot_us(world, &keeper->process) + in_us;
}

void keeper_lost_keep(const struct world *world, struct sim_keeper *keeper)
{
    memcpy(keeper->lost, keeper->rebuild.lost, sizeof keeper->lost);
    look_in(world, keeper, world_hold_us(world) / LOST_REST_PARTS);
}

bool keeper_left_closed(const struct world *world, int index, uint64_t coupon)
{
    return world->keeper[index]->lost[coupon - 1];
}

static bool has_lost(const struct sim_keeper *keeper)
{
    bool any = false;
    for (int c = 0; c < SIM_COUPONS_MAX; c++)
        any |= keeper->lost[c];
    return any;
}

static void on_read(struct world *world, struct call *call)
{
    struct sim_keeper *keeper = call->owner;
    struct row_counts counts = {0};
    bool back = false;
    if (call->answered)
        count(keeper, 0, SIM_PARTITIONS, &counts);
    for (uint64_t c = 0; call->answered && c < SIM_COUPONS_MAX; c++) {
        if (!keeper->lost[c] || !is_whole(&counts, c + 1))
            continue;
        keeper->lost[c] = false;
        back = true;
        TRACE(world, "%s: the rows of coupon %d are back", keeper->process.name, (int)c + 1);
    }
    row_counts_free(&counts);
    int64_t twice_us = 2 * keeper->lost_rest_us, most_us = LOST_REST_HOLDS_MAX * world_hold_us(world);
    if (back)
        twice_us = world_hold_us(world) / LOST_REST_PARTS;
    look_in(world, keeper, twice_us < most_us ? twice_us : most_us);
    keeper_rest(world, keeper);
}

void keeper_lost_look(struct world *world, struct sim_keeper *keeper)
{
    if (!has_lost(keeper) || world_boot_us(world, &keeper->process) < keeper->lost_look_us) {
        keeper_rest(world, keeper);
        return;
    }
    keeper->state = STATE_LOOKING;
    keeper_read_shard(world, keeper, on_read);
}
