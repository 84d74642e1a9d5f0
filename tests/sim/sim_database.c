#include "sim/sim_database_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A keeper's lease lasts two holds, and so does a span of ids, which is asked for before the last one is used up. */
enum { AWAY_HOLDS_MIN = 2, AWAY_HOLDS_MAX = 6 };

struct sim_database *database_new(void)
{
    struct sim_database *database = calloc(1, sizeof *database);
    if (database == NULL)
        abort();
    return database;
}

static void data_copy(struct shard_data *to, const struct shard_data *from)
{
    to->row_count = from->row_count;
    memcpy(to->row, from->row, (size_t)from->row_count * sizeof *from->row);
    memcpy(to->progress, from->progress, sizeof to->progress);
    memcpy(to->total, from->total, sizeof to->total);
}

/* The replica's pace. */
static void on_replicate(struct world *world, void *what, int64_t arg)
{
    struct shard *shard = what;
    (void)arg;
    if (world->healed)
        return;
    data_copy(&shard->copy, &shard->now);
    world_at(world, chance_between(world, 1, world_hold_us(world)), NULL, on_replicate, shard, 0);
}

static void catalog_reset(struct world *world)
{
    struct catalog *catalog = &world->database->catalog;
    *catalog = (struct catalog){.epoch = 1, .leader = -1};
    for (int i = 0; i < world->setup.coupons; i++)
        catalog->coupon[i] = (struct coupon_row){.total = world->setup.total[i],
                                                 .limit = world->setup.limit[i],
                                                 .hold_ms = world->setup.hold_ms,
                                                 .gate_open = true,
                                                 .version = 1};
}

void database_reset(struct world *world)
{
    struct sim_database *database = world->database;
    catalog_reset(world);
    database->transactions = 0;
    for (int l = 0; l < SIM_LAYOUTS; l++) {
        struct shard *shard = &database->shard[l];
        shard->life = 1;
        shard->now.row_count = 0;
        memset(shard->now.progress, 0, sizeof shard->now.progress);
        memset(shard->now.total, 0, sizeof shard->now.total);
        memset(shard->staged, 0, sizeof shard->staged);
        data_copy(&shard->copy, &shard->now);
        world_at(world, chance_between(world, 1, world_hold_us(world)), NULL, on_replicate, shard, 0);
    }
}

struct catalog *database_catalog(struct world *world)
{
    return &world->database->catalog;
}

bool database_catalog_is_away(const struct world *world)
{
    return world->now_us < world->database->catalog.away_until_us;
}

void database_catalog_goes(struct world *world)
{
    struct catalog *catalog = &world->database->catalog;
    int64_t hold_us = world_hold_us(world);
    int64_t until_us = world->now_us + chance_between(world, AWAY_HOLDS_MIN * hold_us, AWAY_HOLDS_MAX * hold_us);
    catalog->away_until_us = until_us > catalog->away_until_us ? until_us : catalog->away_until_us;
    TRACE(world, "the catalog is away until %.3f ms", (double)catalog->away_until_us / SIM_MS);
}

void database_catalog_back(struct world *world)
{
    if (database_catalog_is_away(world))
        TRACE(world, "the catalog is back");
    world->database->catalog.away_until_us = 0;
}

uint32_t database_shard_life(const struct world *world, int layout)
{
    return world->database->shard[layout].life;
}

const struct shard_data *database_shard(const struct world *world, int layout)
{
    return &world->database->shard[layout].now;
}

const struct shard_row *shard_find(const struct shard_data *data, uint64_t grab_id)
{
    for (int i = 0; i < data->row_count; i++)
        if (data->row[i].grab_id == grab_id && !data->row[i].lost)
            return &data->row[i];
    return NULL;
}

bool shard_has_lost(const struct shard_data *data, uint64_t grab_id)
{
    for (int i = 0; i < data->row_count; i++)
        if (data->row[i].grab_id == grab_id && data->row[i].lost)
            return true;
    return false;
}

void shard_read(const struct shard_data *data, struct shard_data *ret_read)
{
    data_copy(ret_read, data);
    ret_read->row_count = 0;
    for (int i = 0; i < data->row_count; i++)
        if (!data->row[i].lost)
            ret_read->row[ret_read->row_count++] = data->row[i];
}

void database_set_lost(struct world *world, int layout, int row, bool lost)
{
    world->database->shard[layout].now.row[row].lost = lost;
}

void database_fail_over(struct world *world, int layout)
{
    struct shard *shard = &world->database->shard[layout];
    TRACE(world, "shard %d fails over: offsets %d %d -> %d %d", layout, (int)shard->now.progress[0].next,
          (int)shard->now.progress[1].next, (int)shard->copy.progress[0].next, (int)shard->copy.progress[1].next);
    data_copy(&shard->now, &shard->copy);
    memset(shard->staged, 0, sizeof shard->staged);
    shard->life++;
}

void database_put_back(struct world *world, int layout, int partition)
{
    struct shard *shard = &world->database->shard[layout];
    struct shard_data *now = &shard->now;
    int count = 0;
    TRACE(world, "shard %d, partition %d is put back alone: offset %d -> %d", layout, partition,
          (int)now->progress[partition].next, (int)shard->copy.progress[partition].next);
    shard_roll_back(shard, shard->staged[partition].id);
    for (int i = 0; i < now->row_count; i++)
        if (log_partition(now->row[i].user) != partition)
            now->row[count++] = now->row[i];
    for (int i = 0; i < shard->copy.row_count; i++)
        if (log_partition(shard->copy.row[i].user) == partition)
            now->row[count++] = shard->copy.row[i];
    now->row_count = count;
    now->progress[partition] = shard->copy.progress[partition];
    memcpy(now->total[partition], shard->copy.total[partition], sizeof now->total[partition]);
}
