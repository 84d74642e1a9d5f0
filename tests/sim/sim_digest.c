#include "sim/sim_digest.h"

#include "sim/sim_database.h"
#include "sim/sim_log.h"
#include "sim/sim_people.h"
#include "sim/sim_redis.h"

#include <string.h>

/* FNV-1a over 64-bit words, each spread by splitmix64's last step (S. Vigna). */
static void add(uint64_t *digest, uint64_t word)
{
    word = (word ^ (word >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    word = (word ^ (word >> 27)) * UINT64_C(0x94d049bb133111eb);
    *digest = (*digest ^ word ^ (word >> 31)) * UINT64_C(0x100000001b3);
}

static void add_text(uint64_t *digest, const char *text)
{
    for (; *text != '\0'; text++)
        add(digest, (uint8_t)*text);
    add(digest, UINT64_MAX);
}

static void add_log(uint64_t *digest, const struct world *world)
{
    for (int p = 0; p < SIM_PARTITIONS; p++) {
        for (int64_t at = 0; at < log_end(world, p); at++) {
            const struct log_record *record = log_at(world, p, at);
            const uint64_t words[] = {(uint64_t)record->kind, record->grab_id, record->user,
                                      record->coupon,         record->epoch,   record->by};
            for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                add(digest, words[i]);
            add_text(digest, record->try_key);
        }
        add(digest, UINT64_MAX);
    }
}

static void add_shard(uint64_t *digest, const struct shard_data *data)
{
    for (int i = 0; i < data->row_count; i++) {
        add(digest, data->row[i].grab_id);
        add(digest, data->row[i].user << 2 | (uint64_t)data->row[i].lost << 1 | data->row[i].ok);
        add(digest, data->row[i].coupon);
        add_text(digest, data->row[i].try_key);
    }
    for (int p = 0; p < SIM_PARTITIONS; p++) {
        for (int c = 0; c < SIM_COUPONS_MAX; c++)
            add(digest, data->total[p][c].ok << 32 | data->total[p][c].voided);
        const struct shard_progress *progress = &data->progress[p];
        const struct fold_counts *c = &progress->counts;
        const uint64_t words[] = {(uint64_t)progress->next,
                                  progress->owner,
                                  progress->fold.epoch,
                                  c->records,
                                  c->ok,
                                  c->voided,
                                  c->duplicates,
                                  c->dead_letters,
                                  c->barriers};
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            add(digest, words[i]);
    }
}

static void add_catalog(uint64_t *digest, struct world *world)
{
    const struct catalog *catalog = database_catalog(world);
    add(digest, catalog->epoch);
    for (int i = 0; i < NODES_MAX; i++)
        add(digest, (uint64_t)catalog->node_end_ms[i]);
    for (int c = 0; c < world->setup.coupons; c++) {
        add(digest, catalog->coupon[c].total);
        add(digest, catalog->coupon[c].opened);
        add(digest, catalog->coupon[c].version << 1 | catalog->coupon[c].gate_open);
    }
}

static void add_redis(uint64_t *digest, const struct world *world)
{
    for (int c = 0; c < world->setup.coupons; c++) {
        for (int k = 0; k < STOCK_KEYS; k++) {
            const struct redis_hash *hash = redis_key(world, (uint64_t)c + 1, k);
            for (int i = 0; i < hash->count; i++) {
                add_text(digest, hash->field[i].name);
                add_text(digest, hash->field[i].value);
            }
            add(digest, UINT64_MAX);
        }
    }
}

static void add_answers(uint64_t *digest, const struct world *world)
{
    for (int i = 0; i < people_requests(world); i++) {
        const struct client_request *request = people_request(world, i);
        add(digest, request->user);
        add(digest, (uint64_t)request->answer << 1 | request->answered);
        add(digest, request->grab_id);
        add(digest, request->epoch);
    }
}

uint64_t world_digest(struct world *world)
{
    uint64_t digest = UINT64_C(0xcbf29ce484222325);
    const uint64_t words[] = {world->random, (uint64_t)world->now_us, world->events_run, world->order,
                              world->heap_count};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        add(&digest, words[i]);
    add_log(&digest, world);
    for (int l = 0; l < SIM_LAYOUTS; l++)
        add_shard(&digest, database_shard(world, l));
    add_catalog(&digest, world);
    add_redis(&digest, world);
    add_answers(&digest, world);
    return digest;
}
