#include "sim/sim_database.h"

#include "core/planted.h"
#include "protocol/progress.h"
#include "sim/sim_check.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { IDLE_HOLDS = 5 }; /* after which the server rolls an idle transaction back */
/* A keeper's lease lasts two holds, and so does a span of ids, which is asked for before the last one is used up. */
enum { AWAY_HOLDS_MIN = 2, AWAY_HOLDS_MAX = 6 };

/* A transaction that has not committed; it has the lock of its partition's progress. */
struct staged {
    uint64_t id; /* 0: the partition is not locked */
    uint64_t owner;
    int row_count;
    struct shard_row row[BATCH_RECORDS_MAX];
    struct shard_progress after;
    struct shard_total total[SIM_COUPONS_MAX]; /* after it */
};

struct shard {
    uint32_t life;
    struct shard_data now, copy;
    struct staged staged[SIM_PARTITIONS];
};

struct sim_database {
    struct catalog catalog;
    struct shard shard[SIM_LAYOUTS];
    uint64_t transactions;
};

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

/* ---- progress ---- */

static struct shard *shard_of(struct world *world, const struct call *call)
{
    return &world->database->shard[call->shard];
}

void shard_own(struct world *world, struct call *call)
{
    struct shard *shard = shard_of(world, call);
    struct shard_progress *progress = &shard->now.progress[call->in[0]];
    call->out[0] = shard->staged[call->in[0]].id == 0;
    if (call->out[0] == 0)
        return;
    progress->owner = (uint64_t)call->in[1];
    call->out[1] = progress->next;
    call->out[2] = (int64_t)progress->fold.epoch;
}

void shard_ask_progress(struct world *world, struct call *call)
{
    const struct shard *shard = shard_of(world, call);
    const struct shard_progress *progress = &shard->now.progress[call->in[0]];
    call->out[0] = shard->staged[call->in[0]].id == 0;
    call->out[1] = progress->next;
    call->out[2] = (int64_t)progress->owner;
    call->out[3] = (int64_t)progress->fold.epoch;
}

/* ---- transactions ---- */

static bool has_row(const struct shard_data *data, const struct staged *staged, uint64_t grab_id, bool lookup)
{
    for (int i = 0; i < staged->row_count; i++)
        if (staged->row[i].grab_id == grab_id)
            return true;
    return lookup && shard_find(data, grab_id) != NULL;
}

static void stage_row(struct staged *staged, const struct log_record *record, bool ok)
{
    assert(staged->row_count < BATCH_RECORDS_MAX);
    struct shard_row *row = &staged->row[staged->row_count++];
    *row = (struct shard_row){.grab_id = record->grab_id, .user = record->user, .coupon = record->coupon, .ok = ok};
    memcpy(row->try_key, record->try_key, TRY_BYTES);
    *(ok ? &staged->total[record->coupon - 1].ok : &staged->total[record->coupon - 1].voided) += 1;
}

/* Folds the batch, as a worker does before it begins, or, the slow way, when it has the lock. False: a key is there. */
static bool stage_batch(struct world *world, struct shard *shard, const struct call *call, struct staged *staged)
{
    int partition = (int)call->in[0];
    bool lookup = call->in[4] != 0;
    for (int64_t at = call->in[2]; at < call->in[2] + call->in[3]; at++) {
        const struct log_record *record = log_at(world, partition, at);
        bool known = record->kind != RECORD_BARRIER && has_row(&shard->now, staged, record->grab_id, lookup);
        enum fold_verdict verdict = fold_record(&staged->after.fold, record->kind, record->epoch, known);
        fold_count(&staged->after.counts, verdict);
        if (verdict == FOLD_DUPLICATE || verdict == FOLD_BARRIER)
            continue;
        if (!lookup && shard_find(&shard->now, record->grab_id) != NULL)
            return false;
        stage_row(staged, record, verdict == FOLD_OK);
    }
    return true;
}

static void on_found_out(struct world *world, void *what, int64_t id)
{
    struct shard *shard = what;
    (void)world;
    for (int p = 0; p < SIM_PARTITIONS; p++)
        if (shard->staged[p].id == (uint64_t)id)
            shard->staged[p].id = 0;
}

static void fill_batch(struct world *world, struct shard *shard, struct call *call)
{
    struct shard_progress *progress = &shard->now.progress[call->in[0]];
    struct staged *staged = &shard->staged[call->in[0]];
    *staged = (struct staged){.owner = (uint64_t)call->in[1], .after = *progress};
    memcpy(staged->total, shard->now.total[call->in[0]], sizeof staged->total);
    staged->after.fold.epoch = (uint64_t)call->in[5];
    staged->after.next = call->in[2] + call->in[3];
    call->out[0] = BEGUN_REFUSED;
    if (!stage_batch(world, shard, call, staged))
        return; /* rolled back */
    if (PLANTED("offset_before_rows"))
        *progress = staged->after;
    staged->id = ++world->database->transactions;
    call->out[0] = BEGUN_STAGED;
    call->out[1] = (int64_t)staged->id;
    world_at(world, IDLE_HOLDS * world_hold_us(world), NULL, on_found_out, shard, (int64_t)staged->id);
}

void shard_begin(struct world *world, struct call *call)
{
    struct shard *shard = shard_of(world, call);
    const struct shard_progress *progress = &shard->now.progress[call->in[0]];
    call->out[0] = BEGUN_LOCKED;
    if (shard->staged[call->in[0]].id != 0)
        return;
    if (progress_may_move(progress->owner == (uint64_t)call->in[1], progress->next, call->in[2])) {
        fill_batch(world, shard, call);
        return;
    }
    call->out[0] = BEGUN_LOST;
    call->out[1] = progress->next;
    call->out[2] = (int64_t)progress->owner;
    call->out[3] = (int64_t)progress->fold.epoch;
}

/* A row that is there already is written over: only a planted bug stages one. */
static void put_row(struct shard_data *data, const struct shard_row *row)
{
    for (int i = 0; i < data->row_count; i++) {
        if (data->row[i].grab_id == row->grab_id && !data->row[i].lost) {
            data->row[i] = *row;
            return;
        }
    }
    assert(data->row_count < ROWS_MAX);
    data->row[data->row_count++] = *row;
}

void shard_commit(struct world *world, struct call *call)
{
    struct shard *shard = shard_of(world, call);
    int partition = (int)call->in[0];
    struct staged *staged = &shard->staged[partition];
    call->out[0] = staged->id == (uint64_t)call->in[1];
    if (call->out[0] == 0)
        return;
    check_owner(world, staged->owner, shard->now.progress[partition].owner);
    for (int i = 0; i < staged->row_count; i++)
        put_row(&shard->now, &staged->row[i]);
    shard->now.progress[partition] = staged->after;
    memcpy(shard->now.total[partition], staged->total, sizeof staged->total);
    call->out[1] = (int64_t)staged->after.fold.epoch;
    staged->id = 0;
    TRACE(world, "  shard %d, partition %d: %s commits up to offset %d", call->shard, partition, call->from->name,
          (int)staged->after.next);
    check_shard(world, call->shard, partition);
}

void shard_forget(struct world *world, int layout, int partition, uint64_t owner)
{
    struct shard *shard = &world->database->shard[layout];
    uint64_t id = shard->staged[partition].id;
    if (id != 0 && shard->staged[partition].owner == owner)
        world_at(world, chance_between(world, SIM_MS, 2 * world_hold_us(world)), NULL, on_found_out, shard,
                 (int64_t)id);
}

void shard_read_row(struct world *world, struct call *call)
{
    const struct shard_data *data = &shard_of(world, call)->now;
    const struct shard_row *row = shard_find(data, (uint64_t)call->in[1]);
    call->out[0] = row == NULL ? 0 : row->ok ? 2 : 1;
    call->out[1] = (int64_t)data->progress[call->in[0]].fold.epoch;
    call->out[2] = row == NULL && shard_has_lost(data, (uint64_t)call->in[1]);
}
