/* The calls of a shard. */
#include "sim/sim_database_parts.h"

#include "core/planted.h"
#include "protocol/progress.h"
#include "sim/sim_check.h"

#include <assert.h>
#include <string.h>

enum { IDLE_HOLDS = 5 }; /* after which the server rolls an idle transaction back */

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

static bool has_part(const struct call *call, int partition)
{
    return call->part[partition].count > 0;
}

static bool parts_are_free(const struct shard *shard, const struct call *call)
{
    for (int p = 0; p < SIM_PARTITIONS; p++)
        if (has_part(call, p) && shard->staged[p].id != 0)
            return false;
    return true;
}

static void find_part(const struct shard *shard, struct call *call, int partition)
{
    const struct shard_progress *progress = &shard->now.progress[partition];
    call->found[partition] = (struct part_found){.next = progress->next,
                                                 .owner = progress->owner,
                                                 .epoch = progress->fold.epoch,
                                                 .moved_by = progress->moved_by};
}

void shard_ask_progress(struct world *world, struct call *call)
{
    const struct shard *shard = shard_of(world, call);
    call->out[0] = parts_are_free(shard, call);
    for (int p = 0; call->out[0] != 0 && p < SIM_PARTITIONS; p++)
        if (has_part(call, p))
            find_part(shard, call, p);
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

/* Folds the part, as a worker does before it begins, or, the slow way, when it has the lock. False: a key is there. */
static bool stage_rows(struct world *world, struct shard *shard, const struct call *call, int partition)
{
    const struct part_asked *part = &call->part[partition];
    struct staged *staged = &shard->staged[partition];
    bool lookup = call->in[0] != 0;
    for (int64_t at = part->next; at < part->next + part->count; at++) {
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

void shard_roll_back(struct shard *shard, uint64_t id)
{
    for (int p = 0; p < SIM_PARTITIONS; p++)
        if (shard->staged[p].id == id)
            shard->staged[p].id = 0;
}

static void on_found_out(struct world *world, void *what, int64_t id)
{
    (void)world;
    shard_roll_back(what, (uint64_t)id);
}

static bool stage_part(struct world *world, struct shard *shard, const struct call *call, int partition, uint64_t id)
{
    const struct part_asked *part = &call->part[partition];
    struct staged *staged = &shard->staged[partition];
    *staged = (struct staged){.id = id, .owner = part->owner, .after = shard->now.progress[partition]};
    memcpy(staged->total, shard->now.total[partition], sizeof staged->total);
    staged->after.fold.epoch = part->epoch;
    staged->after.next = part->next + part->count;
    staged->after.moved_by = id;
    return stage_rows(world, shard, call, partition);
}

static void fill_batch(struct world *world, struct shard *shard, struct call *call)
{
    uint64_t id = ++world->database->transactions;
    bool good = true;
    for (int p = 0; good && p < SIM_PARTITIONS; p++)
        good = !has_part(call, p) || stage_part(world, shard, call, p, id);
    call->out[0] = good ? BEGUN_STAGED : BEGUN_REFUSED;
    call->out[1] = (int64_t)id;
    if (!good) {
        shard_roll_back(shard, id);
        return;
    }
    for (int p = 0; p < SIM_PARTITIONS; p++)
        if (has_part(call, p) && PLANTED("offset_before_rows"))
            shard->now.progress[p] = shard->staged[p].after;
    world_at(world, IDLE_HOLDS * world_hold_us(world), NULL, on_found_out, shard, (int64_t)id);
}

/* -1: each is as the transaction has it. */
static int first_lost(const struct shard *shard, const struct call *call)
{
    for (int p = 0; p < SIM_PARTITIONS; p++) {
        const struct shard_progress *progress = &shard->now.progress[p];
        if (has_part(call, p) &&
            !progress_may_move(progress->owner == call->part[p].owner, progress->next, call->part[p].next))
            return p;
    }
    return -1;
}

void shard_begin(struct world *world, struct call *call)
{
    struct shard *shard = shard_of(world, call);
    call->out[0] = BEGUN_LOCKED;
    if (!parts_are_free(shard, call))
        return;
    int lost = first_lost(shard, call);
    if (lost < 0) {
        fill_batch(world, shard, call);
        return;
    }
    call->out[0] = BEGUN_LOST;
    call->out[1] = lost;
    find_part(shard, call, lost);
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

static void commit_part(struct world *world, struct shard *shard, struct call *call, int partition)
{
    struct staged *staged = &shard->staged[partition];
    check_owner(world, staged->owner, shard->now.progress[partition].owner);
    for (int i = 0; i < staged->row_count; i++)
        put_row(&shard->now, &staged->row[i]);
    shard->now.progress[partition] = staged->after;
    memcpy(shard->now.total[partition], staged->total, sizeof staged->total);
    staged->id = 0;
    find_part(shard, call, partition);
    TRACE(world, "  shard %d, partition %d: %s commits up to offset %d", call->shard, partition, call->from->name,
          (int)staged->after.next);
    check_shard(world, call->shard, partition);
}

void shard_commit(struct world *world, struct call *call)
{
    struct shard *shard = shard_of(world, call);
    call->out[0] = 0;
    for (int p = 0; p < SIM_PARTITIONS; p++) {
        if (shard->staged[p].id != (uint64_t)call->in[0])
            continue;
        commit_part(world, shard, call, p);
        call->out[0] = 1;
    }
}

void shard_forget(struct world *world, const struct call *call)
{
    struct shard *shard = shard_of(world, call);
    for (int p = 0; p < SIM_PARTITIONS; p++) {
        const struct staged *staged = &shard->staged[p];
        if (!has_part(call, p) || staged->id == 0 || staged->owner != call->part[p].owner)
            continue;
        world_at(world, chance_between(world, SIM_MS, 2 * world_hold_us(world)), NULL, on_found_out, shard,
                 (int64_t)staged->id);
        return;
    }
}

void shard_read_row(struct world *world, struct call *call)
{
    const struct shard_data *data = &shard_of(world, call)->now;
    const struct shard_row *row = shard_find(data, (uint64_t)call->in[1]);
    call->out[0] = row == NULL ? 0 : row->ok ? 2 : 1;
    call->out[1] = (int64_t)data->progress[call->in[0]].fold.epoch;
    call->out[2] = row == NULL && shard_has_lost(data, (uint64_t)call->in[1]);
}
