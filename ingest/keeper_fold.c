#include "ingest/keeper_fold.h"

#include "core/clock.h"
#include "core/service.h"
#include "ingest/id_set.h"
#include "ingest/keeper_position.h"
#include "protocol/fold.h"
#include "protocol/progress.h"
#include "schemas/codec.h"
#include "schemas/grabs.h"
#include "schemas/partition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One shard's fold on its way. */
struct shard_fold {
    const struct keeper *keeper;
    struct sql *sql; /* of this fold alone */
    struct fold_job *job;
    struct claims *claims;
    int shard;
    int64_t slot;                                   /* of the table that is being read */
    uint64_t rows_found;                            /* in the snapshot */
    struct id_set seen[ROUTE_PARTITIONS_MAX];       /* every id that has a row there, OK or VOID */
    struct position position[ROUTE_PARTITIONS_MAX]; /* of the snapshot's progress */
    uint64_t rows_uncounted;
    int64_t rows_until_ms; /* CLOCK_BOOTTIME */
    struct err row_err;    /* of a row that is not what it should be */
};

enum { FOLD_COUNT_EACH = 1024 }; /* rows or records, between two times that the shared counter is written */

static void count_rest(uint64_t *uncounted, _Atomic uint64_t *counter)
{
    atomic_fetch_add(counter, *uncounted);
    *uncounted = 0;
}

/* True now and then. */
static bool count_one(uint64_t *uncounted, _Atomic uint64_t *counter)
{
    if (++*uncounted < FOLD_COUNT_EACH)
        return false;
    count_rest(uncounted, counter);
    return true;
}

struct table_list {
    const struct keeper *keeper;
    int shard;
    char (*name)[TABLE_NAME_MAX];
    size_t count;
};

bool keeper_routed_here(const struct keeper *keeper, int64_t partition, int shard)
{
    return partition < keeper->route.partitions && route_shard(&keeper->route, (int32_t)partition) == shard;
}

static bool take_table(const struct value *cells, size_t count, void *arg)
{
    struct table_list *list = arg;
    char name[TABLE_NAME_MAX];
    int64_t slot;
    if (count < 1 || cells[0].type != VALUE_TEXT || cells[0].len >= sizeof name)
        return true;
    memcpy(name, cells[0].text, cells[0].len);
    name[cells[0].len] = '\0';
    const struct layout *layout = list->keeper->layout->layout;
    if (!layout->parse(list->keeper->stream, name, &slot) ||
        (!layout->by_day && !keeper_routed_here(list->keeper, slot, list->shard)))
        return true;
    list->name = mem_grow(list->name, (list->count + 1) * sizeof *list->name);
    memcpy(list->name[list->count++], name, sizeof name);
    return true;
}

static bool given_up(struct err *err)
{
    return err_set(err, ERR_OUTAGE, "the fold was given up: another shard's failed, or the keeper is stopping");
}

static bool fold_row(struct shard_fold *fold, const struct value *cells, size_t count)
{
    if (count != 5 || cells[3].type == VALUE_NULL)
        return err_set(&fold->row_err, ERR_INTERNAL,
                       "a row of the layout does not have the five columns that a rebuild reads");
    if (atomic_load_explicit(&fold->job->stop, memory_order_relaxed))
        return given_up(&fold->row_err);
    if (count_one(&fold->rows_uncounted, &fold->job->progress->rows) && clock_boottime_ms() > fold->rows_until_ms)
        return err_set(&fold->row_err, ERR_OUTAGE, "the rows of shard %d were not read within keeper.fold_ms",
                       fold->shard);
    const struct keeper *keeper = fold->keeper;
    const int64_t partition =
        keeper->layout->layout->by_day ? partition_of_user(cells[0].u64, keeper->partitions) : fold->slot;
    if (!keeper_routed_here(keeper, partition, fold->shard))
        return true;
    uint64_t grab_id = cells[2].u64;
    bool ok = cells[3].u64 == GRAB_ROW_OK;
    /* Of one partition: the first record of an id wins there. */
    if (grab_id == 0 || !id_set_add(&fold->seen[partition], grab_id))
        return err_set(&fold->row_err, ERR_INTERNAL,
                       "grab %llu has two rows in partition %d, or is none: audit the shard before a rebuild",
                       (unsigned long long)grab_id, (int)partition);
    fold->rows_found++;
    if (ok && cells[4].type == VALUE_TEXT)
        claims_add(fold->claims, cells[1].u64, cells[0].u64, grab_id, cells[4].text, cells[4].len);
    else if (ok)
        claims_add(fold->claims, cells[1].u64, cells[0].u64, grab_id, "", 0);
    return true;
}

static bool take_row(const struct value *cells, size_t count, void *arg)
{
    struct shard_fold *fold = arg;
    if (fold_row(fold, cells, count))
        return true;
    sql_abandon(fold->sql);
    return false;
}

static bool read_table(struct shard_fold *fold, struct sql *sql, const char *table, struct err *err)
{
    char text[TABLE_NAME_MAX + 100];
    if (!fold->keeper->layout->layout->parse(fold->keeper->stream, table, &fold->slot))
        return err_set(err, ERR_INTERNAL, "the table %s is of no layout", table);
    snprintf(text, sizeof text, "SELECT user_id, coupon_id, grab_id, grab_status, try_key FROM `%s`", table);
    bool good = sql_select(sql, text, NULL, 0, take_row, fold, err);
    if (fold->row_err.kind != ERR_NONE)
        *err = fold->row_err;
    return good && fold->row_err.kind == ERR_NONE;
}

/* Rows that are gone (a table that was dropped or lost, rows that somebody deleted) would be taken for units that were
 * not sold, and sold again: their coupons stay closed, or all do where nobody knows whose they are. */
static bool rows_are_all(const struct shard_fold *fold, struct sql *sql, const struct table_list *tables,
                         struct err *err)
{
    uint64_t wanted[ROUTE_PARTITIONS_MAX] = {0}, sum = 0;
    bool fewer = false, other = false;
    for (int32_t p = 0; p < fold->keeper->partitions; p++) {
        wanted[p] = fold->position[p].rows;
        sum += wanted[p];
        fewer = fewer || fold->seen[p].count < wanted[p];
        other = other || fold->seen[p].count != wanted[p];
    }
    /* A day's table does not say of which partition a row is, and a foreign producer may have chosen another one. */
    if (!other || (fold->keeper->layout->layout->by_day && fold->rows_found == sum))
        return true;
    const struct lost_scan scan = {.sql = sql,
                                   .shard = fold->shard,
                                   .table = tables->name,
                                   .table_count = tables->count,
                                   .rows_read = &fold->job->progress->rows,
                                   .rows_found = fold->rows_found,
                                   .rows_wanted = wanted,
                                   .fewer = fewer};
    return keeper_lost_find(fold->keeper, &scan, &fold->job->lost[fold->shard], err);
}

/* Progress and rows as they were at one moment. The list of tables is read after the snapshot was taken: it holds at
 * least those that the snapshot knows. */
static bool read_snapshot(struct shard_fold *fold, struct sql *sql, const int32_t *partitions, size_t count,
                          struct err *err)
{
    struct table_list tables = {.keeper = fold->keeper, .shard = fold->shard};
    bool good = sql_run_text(sql, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", err) &&
                sql_run_text(sql, "START TRANSACTION WITH CONSISTENT SNAPSHOT", err);
    for (size_t i = 0; good && i < count; i++)
        good = position_read(fold->keeper, sql, partitions[i], &fold->position[partitions[i]], err);
    good = good && sql_select(sql, "SHOW TABLES", NULL, 0, take_table, &tables, err);
    for (size_t i = 0; good && i < tables.count; i++)
        good = read_table(fold, sql, tables.name[i], err);
    good = good && rows_are_all(fold, sql, &tables, err);
    sql_rollback(sql);
    count_rest(&fold->rows_uncounted, &fold->job->progress->rows);
    free(tables.name);
    return good;
}

/* The next rebuild begins above it. */
static enum step_outcome met_foreign(const struct shard_fold *fold, uint64_t epoch)
{
    uint64_t met = atomic_load(&fold->job->epoch_met);
    while (met < epoch && !atomic_compare_exchange_weak(&fold->job->epoch_met, &met, epoch))
        ;
    return STEP_LOST;
}

/* One record of the log behind the snapshot. */
static enum step_outcome fold_one(struct shard_fold *fold, struct fold_state *state, const struct kafka_record *record)
{
    struct grab_event event;
    struct err ignored;
    if (!codec_read(fold->keeper->stream, record->key, record->key_len, record->value, record->value_len, &event,
                    &ignored))
        return STEP_DONE; /* a dead letter: no row, in the tables as here */
    enum record_kind kind = (enum record_kind)event.kind;
    struct id_set *seen = &fold->seen[record->partition];
    if (kind == RECORD_BARRIER &&
        rebuild_meets_foreign(event.epoch, fold->job->epoch, strcmp(event.try_key, fold->job->by) == 0))
        return met_foreign(fold, event.epoch);
    bool has_row = kind != RECORD_BARRIER && id_set_has(seen, event.grab_id);
    enum fold_verdict verdict = fold_record(state, kind, event.epoch, has_row);
    if (verdict != FOLD_BARRIER && verdict != FOLD_DUPLICATE)
        id_set_add(seen, event.grab_id);
    if (verdict == FOLD_OK)
        claims_add(fold->claims, event.coupon_id, event.user_id, event.grab_id, event.try_key, strlen(event.try_key));
    return STEP_DONE;
}

/* 1: a record; 0: none yet; -1: err. */
static int take_record(const struct shard_fold *fold, struct kafka_reader *reader, int32_t partition,
                       int64_t deadline_ms, struct kafka_record *ret_record, struct err *err)
{
    if (atomic_load(&fold->job->stop))
        return given_up(err) ? 0 : -1;
    if (clock_boottime_ms() > deadline_ms)
        return err_set(err, ERR_OUTAGE, "partition %d was not read up to its barrier in time", (int)partition) ? 0 : -1;
    return kafka_reader_take(reader, 200, ret_record, err);
}

/* Offsets have no gaps: nobody writes by transactions, and nothing is compacted. */
static bool is_next(int64_t expected, const struct kafka_record *record, struct err *err)
{
    return record->offset == expected ||
           err_set(err, ERR_CONFLICT, "partition %d goes on at offset %lld, not at %lld: records are missing",
                   (int)record->partition, (long long)record->offset, (long long)expected);
}

static enum step_outcome read_log(struct shard_fold *fold, struct kafka_reader *reader, int32_t partition,
                                  int64_t deadline_ms, struct err *err)
{
    const struct position *position = &fold->position[partition];
    struct fold_state state = {.epoch = position->epoch};
    enum step_outcome outcome = STEP_DONE;
    uint64_t uncounted = 0;
    for (int64_t next = position->next_offset; outcome == STEP_DONE && next <= fold->job->barrier[partition];) {
        struct kafka_record record;
        int got = take_record(fold, reader, partition, deadline_ms, &record, err);
        if (got == 0)
            continue;
        outcome = got == 1 && is_next(next, &record, err) ? fold_one(fold, &state, &record) : STEP_NO_ANSWER;
        if (got == 1)
            kafka_record_free(&record);
        (void)count_one(&uncounted, &fold->job->progress->records);
        next++;
    }
    count_rest(&uncounted, &fold->job->progress->records);
    return outcome;
}

static bool open_log(const struct shard_fold *fold, int32_t partition, int64_t offset, struct kafka_reader **ret_reader,
                     struct err *err)
{
    return kafka_reader_open(fold->keeper->config->kafka_brokers, "weir-keeper", fold->keeper->stream->name, partition,
                             offset, ret_reader, err);
}

/* Stands at progress; before that it looks at the record before it, if retention has left it: a log that was made anew
 * and has outgrown progress is known by it alone. */
static enum step_outcome begin_log(const struct shard_fold *fold, int32_t partition, int64_t deadline_ms,
                                   struct kafka_reader **ret_reader, struct err *err)
{
    const struct position *position = &fold->position[partition];
    const bool has_last = progress_has_last(position->next_offset, position->checksum, 0);
    struct kafka_record record;
    int got = 0;
    if (!open_log(fold, partition, position->next_offset - (has_last ? 1 : 0), ret_reader, err))
        return STEP_NO_ANSWER;
    while (has_last && got == 0)
        got = take_record(fold, *ret_reader, partition, deadline_ms, &record, err);
    if (got >= 0) {
        const bool same = got == 0 || position_is_last(fold->keeper, position, &record, err);
        if (got == 1)
            kafka_record_free(&record);
        return same ? STEP_DONE : STEP_NO_ANSWER;
    }
    if (err->kind != ERR_MISSING)
        return STEP_NO_ANSWER;
    *err = (struct err){0};
    kafka_reader_close(*ret_reader);
    *ret_reader = NULL;
    return open_log(fold, partition, position->next_offset, ret_reader, err) ? STEP_DONE : STEP_NO_ANSWER;
}

static enum step_outcome other_log(const struct shard_fold *fold, int32_t partition, struct err *err)
{
    err_set(err, ERR_CONFLICT,
            "progress of layout %s, partition %d, is at offset %lld, but the log gave offset %lld to a new record: the "
            "log is not the one that was folded",
            fold->keeper->layout->layout->name, (int)partition, (long long)fold->position[partition].next_offset,
            (long long)fold->job->barrier[partition]);
    return STEP_NO_ANSWER;
}

static enum step_outcome fold_log(struct shard_fold *fold, int32_t partition, struct err *err)
{
    const struct position *position = &fold->position[partition];
    switch (
        rebuild_fold_begin(position->next_offset, position->epoch, fold->job->barrier[partition], fold->job->epoch)) {
    case FOLD_FOREIGN:
        return met_foreign(fold, position->epoch);
    case FOLD_OTHER_LOG:
        return other_log(fold, partition, err);
    case FOLD_HAS_ALL:
        return STEP_DONE;
    case FOLD_READ_LOG:
        break;
    }
    struct kafka_reader *reader = NULL;
    int64_t deadline_ms = clock_boottime_ms() + fold->keeper->config->fold_ms;
    enum step_outcome outcome = begin_log(fold, partition, deadline_ms, &reader, err);
    if (outcome == STEP_DONE)
        outcome = read_log(fold, reader, partition, deadline_ms, err);
    kafka_reader_close(reader);
    return outcome;
}

enum step_outcome keeper_fold_shard(const struct keeper *keeper, struct fold_job *job, int shard, struct claims *claims,
                                    struct err *err)
{
    int32_t partitions[ROUTE_PARTITIONS_MAX];
    size_t count = route_partitions_of(&keeper->route, shard, partitions);
    struct sql *sql = count > 0 ? keeper_shard_open(keeper, shard, err) : NULL;
    if (sql == NULL) /* a shard that the route does not use holds nothing that counts */
        return count > 0 ? STEP_NO_ANSWER : STEP_DONE;
    struct shard_fold *fold = mem_alloc(sizeof *fold);
    *fold = (struct shard_fold){.keeper = keeper,
                                .sql = sql,
                                .job = job,
                                .claims = claims,
                                .shard = shard,
                                .rows_until_ms = clock_boottime_ms() + keeper->config->fold_ms};
    enum step_outcome outcome = read_snapshot(fold, sql, partitions, count, err) ? STEP_DONE : STEP_NO_ANSWER;
    sql_close(sql);
    for (size_t i = 0; outcome == STEP_DONE && i < count; i++)
        outcome = fold_log(fold, partitions[i], err);
    for (size_t i = 0; i < ROUTE_PARTITIONS_MAX; i++)
        id_set_free(&fold->seen[i]);
    free(fold);
    return outcome;
}
