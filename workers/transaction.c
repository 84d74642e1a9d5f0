#include "core/crash.h"
#include "core/planted.h"
#include "protocol/progress.h"
#include "workers/bisect.h"
#include "workers/table_check.h"
#include "workers/transaction_parts.h"

#include <stdlib.h>
#include <string.h>

struct transaction *transaction_new(const struct stream *stream, const struct stream_layout *keys, size_t rows_max)
{
    struct transaction *t = mem_alloc(sizeof *t);
    const struct column *columns[STREAM_COLUMNS_MAX];
    t->stream = stream;
    t->keys = keys;
    t->column_count = stream_row_columns(stream, columns);
    for (size_t i = 0; i < t->column_count; i++)
        t->columns[i] = columns[i]->name;
    t->cells_max = rows_max * STREAM_COLUMNS_MAX;
    t->cells = mem_alloc(t->cells_max * sizeof *t->cells);
    t->days = mem_alloc(rows_max * sizeof *t->days);
    return t;
}

void transaction_free(struct transaction *t)
{
    if (!t)
        return;
    free(t->cells);
    free(t->days);
    buf_free(&t->text);
    free(t);
}

static struct progress_key key_of(const struct transaction *t, const struct batch_part *part)
{
    return (struct progress_key){
        .layout = t->keys->layout->name, .topic = t->stream->name, .partition = part->partition};
}

static bool result_set(struct transaction_result *result, enum transaction_outcome outcome)
{
    result->outcome = outcome;
    return false;
}

/* What an error of a statement means: which of them a row is to blame for depends on where it came from. */
static bool result_of_rows(struct transaction_result *result, const struct err *err)
{
    static const enum transaction_outcome outcome[] = {[STORE_ROW_REFUSED] = TRANSACTION_REFUSED,
                                                       [STORE_NO_TABLE] = TRANSACTION_NO_TABLE,
                                                       [STORE_OUTAGE] = TRANSACTION_FAILED};
    return result_set(result, outcome[store_error_of(err->kind)]);
}

/* A part's compare-and-set did not hold: reads what is there now. */
static bool result_lost(const struct transaction *t, struct sql *sql, const struct batch_part *part,
                        struct transaction_result *result, struct err *err)
{
    const struct progress_key key = key_of(t, part);
    result->partition = part->partition;
    result->no_progress = false;
    if (!progress_read(sql, &key, false, &result->progress, err)) {
        result->no_progress = progress_is_missing(err);
        return result_set(result, result->no_progress ? TRANSACTION_LOST : TRANSACTION_FAILED);
    }
    err_set(err, ERR_CONFLICT,
            "Progress of %s/%s partition %d is at offset %lld with owner '%s', not at %lld with '%s'.", key.topic,
            key.layout, (int)part->partition, (long long)result->progress.next_offset, result->progress.owner,
            (long long)part->next_offset, part->owner);
    return result_set(result, TRANSACTION_LOST);
}

static bool parts_move(const struct transaction *t, struct sql *sql, const struct batch *batch,
                       struct transaction_result *result, struct err *err)
{
    for (size_t i = 0; i < batch->part_count; i++) {
        const struct batch_part *part = &batch->parts[i];
        if (part->records == 0)
            continue;
        const struct progress_key key = key_of(t, part);
        bool moved = false;
        if (!progress_move(sql, &key, part, &moved, err))
            return result_set(result, TRANSACTION_FAILED);
        if (!moved)
            return result_lost(t, sql, part, result, err);
    }
    CRASH_POINT("worker.after_progress");
    return !PLANTED("offset_before_rows") || (sql_commit(sql, err) && sql_begin(sql, err));
}

/* Reads it under its lock. A row that is not there is not ours either: result_lost tells the two apart. False: it could
 * not be asked. */
static bool part_find(const struct transaction *t, struct sql *sql, const struct batch_part *part,
                      enum progress_found *ret_found, struct err *err)
{
    const struct progress_key key = key_of(t, part);
    struct progress progress;
    const bool found = progress_read(sql, &key, true, &progress, err);
    if (!found && !progress_is_missing(err))
        return false;
    *ret_found = progress_settle(found && strcmp(progress.owner, part->owner) == 0, found ? progress.next_offset : 0,
                                 part->next_offset, part->last_offset + 1);
    return true;
}

/* The slow way's beginning: nobody else writes these partitions until the end, so what is looked up stays true. */
static bool parts_lock(const struct transaction *t, struct sql *sql, const struct batch *batch,
                       struct transaction_result *result, struct err *err)
{
    for (size_t i = 0; i < batch->part_count; i++) {
        const struct batch_part *part = &batch->parts[i];
        if (part->records == 0)
            continue;
        enum progress_found found;
        if (!part_find(t, sql, part, &found, err))
            return result_set(result, TRANSACTION_FAILED);
        if (found != PROGRESS_BEFORE)
            return result_lost(t, sql, part, result, err);
    }
    return true;
}

static bool rows_look_up(struct transaction *t, struct sql *sql, struct batch *batch, struct transaction_result *result,
                         struct err *err)
{
    if (!parts_lock(t, sql, batch, result, err))
        return false;
    if (!lookup_rows(t, sql, batch, &result->slot, err))
        return result_set(result, err->kind == ERR_MISSING ? TRANSACTION_NO_TABLE : TRANSACTION_FAILED);
    batch_fold(batch);
    return true;
}

/* All between begin and commit. */
static bool transaction_fill(struct transaction *t, struct sql *sql, struct batch *batch, bool lookup, int64_t now_ms,
                             struct transaction_result *result, struct err *err)
{
    if (lookup && !rows_look_up(t, sql, batch, result, err))
        return false;
    if (!parts_move(t, sql, batch, result, err))
        return false;
    if (!rows_insert(t, sql, batch, 0, batch->row_count, &result->slot, err))
        return result_of_rows(result, err);
    CRASH_POINT("worker.after_rows");
    if (!totals_insert(t, sql, batch, err))
        return result_set(result, TRANSACTION_FAILED);
    CRASH_POINT("worker.after_totals");
    if (!dead_letters_insert(t, sql, batch, now_ms, err))
        return result_set(result, TRANSACTION_FAILED);
    return true;
}

void transaction_run(struct transaction *t, struct sql *sql, struct batch *batch, bool lookup, int64_t now_ms,
                     struct transaction_result *ret_result, struct err *err)
{
    *err = (struct err){0};
    *ret_result = (struct transaction_result){.outcome = TRANSACTION_FAILED};
    if (!sql_begin(sql, err))
        return;
    CRASH_POINT("worker.after_begin");
    if (!transaction_fill(t, sql, batch, lookup, now_ms, ret_result, err)) {
        sql_rollback(sql);
        return;
    }
    CRASH_POINT("worker.before_commit");
    if (sql_commit(sql, err)) {
        CRASH_POINT("worker.after_commit");
        ret_result->outcome = TRANSACTION_DONE;
        return;
    }
    /* Even where the connection lives the server may have done it: only progress knows. */
    ret_result->outcome = TRANSACTION_UNKNOWN;
}

static void parts_settle(const struct transaction *t, struct sql *sql, const struct batch *batch,
                         struct transaction_result *result, struct err *err)
{
    const struct batch_part *parts[ROUTE_PARTITIONS_MAX];
    enum progress_found found[ROUTE_PARTITIONS_MAX];
    size_t count = 0, lost;
    for (size_t i = 0; i < batch->part_count; i++) {
        if (batch->parts[i].records == 0)
            continue;
        parts[count] = &batch->parts[i];
        if (!part_find(t, sql, parts[count], &found[count], err))
            return;
        count++;
    }
    switch (progress_settle_batch(found, count, &lost)) {
    case PROGRESS_AFTER:
        result->outcome = TRANSACTION_DONE;
        return;
    case PROGRESS_BEFORE:
        result->outcome = TRANSACTION_REFUSED;
        return;
    case PROGRESS_ELSEWHERE:
    case PROGRESS_OTHERS:
        result_lost(t, sql, parts[lost], result, err);
        return;
    }
}

void transaction_settle(struct transaction *t, struct sql *sql, const struct batch *batch,
                        struct transaction_result *ret_result, struct err *err)
{
    *err = (struct err){0};
    *ret_result = (struct transaction_result){.outcome = TRANSACTION_FAILED};
    if (!sql_begin(sql, err))
        return;
    parts_settle(t, sql, batch, ret_result, err);
    sql_rollback(sql);
}

struct bad_search {
    struct transaction *t;
    struct sql *sql;
    struct batch *batch;
    size_t found;
};

static enum bisect_answer bad_ask(size_t first, size_t count, void *arg, struct err *err)
{
    struct bad_search *search = arg;
    int64_t slot;
    *err = (struct err){0};
    if (!sql_begin(search->sql, err))
        return BISECT_UNKNOWN;
    const bool fits = rows_insert(search->t, search->sql, search->batch, first, count, &slot, err);
    sql_rollback(search->sql);
    if (fits)
        return BISECT_FITS;
    return store_error_of(err->kind) == STORE_ROW_REFUSED ? BISECT_REFUSED : BISECT_UNKNOWN;
}

static void bad_found(size_t row, const struct err *why, void *arg)
{
    struct bad_search *search = arg;
    search->found++;
    batch_mark_bad(search->batch, search->batch->rows[row], why->text);
}

/* A row is to blame only where the tables are as they were made. */
static bool tables_agree(const struct transaction *t, struct sql *sql, const struct batch *batch, struct err *err)
{
    for (size_t first = 0; first < batch->row_count; first += batch_slice(batch, first)) {
        char table[TABLE_NAME_MAX];
        t->keys->layout->table(t->stream, batch->records[batch->rows[first]].slot, table);
        if (!table_check(sql, t->stream, table, err))
            return false;
    }
    return true;
}

bool transaction_find_bad(struct transaction *t, struct sql *sql, struct batch *batch, size_t *ret_found,
                          struct err *err)
{
    struct bad_search search = {.t = t, .sql = sql, .batch = batch};
    const struct bisect bisect = {.ask = bad_ask, .bad = bad_found, .arg = &search};
    const bool whole = tables_agree(t, sql, batch, err) && bisect_rows(&bisect, 0, batch->row_count, err);
    *ret_found = search.found;
    return whole;
}
