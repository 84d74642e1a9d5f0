#include "workers/progress.h"

#include "core/planted.h"
#include "schemas/ddl.h"
#include <string.h>

enum { PROGRESS_CELLS = 10 };

struct progress_reading {
    struct progress progress;
    bool found;
    bool whole; /* the row has the shape that is expected */
};

static uint64_t cell_u64(const struct value *cell)
{
    return cell->type == VALUE_NULL ? 0 : cell->u64;
}

static bool progress_row(const struct value *cells, size_t count, void *arg)
{
    struct progress_reading *reading = arg;
    reading->found = true;
    reading->whole = count >= PROGRESS_CELLS && (cells[0].type == VALUE_I64 || cells[0].type == VALUE_U64) &&
                     (cells[1].type == VALUE_NULL || (cells[1].type == VALUE_TEXT && cells[1].len <= OWNER_LEN));
    if (!reading->whole)
        return false;
    reading->progress = (struct progress){
        .next_offset = cells[0].i64, .fold.epoch = cell_u64(&cells[2]), .checksum = cell_u64(&cells[3])};
    if (cells[1].type == VALUE_TEXT)
        memcpy(reading->progress.owner, cells[1].text, cells[1].len);
    return false;
}

static struct value text_of(const char *text)
{
    return value_text(text, strlen(text));
}

bool progress_is_missing(const struct err *err)
{
    return err->kind == ERR_MISSING && err->code == 0;
}

bool progress_read(struct sql *sql, const struct progress_key *key, bool lock, struct progress *ret_progress,
                   struct err *err)
{
    const struct value values[] = {text_of(key->layout), text_of(key->topic), value_i64(key->partition)};
    struct progress_reading reading = {0};
    if (!sql_select(sql, lock ? sql_progress_lock : sql_progress_read, values, 3, progress_row, &reading, err))
        return false;
    if (!reading.found)
        return err_set(err, ERR_MISSING,
                       "There is no progress row of %s/%s partition %d on %s: make it with `weir init`.", key->topic,
                       key->layout, (int)key->partition, sql_where(sql));
    if (!reading.whole)
        return err_set(err, ERR_INTERNAL,
                       "The progress row of %s/%s partition %d on %s has another shape than this program knows.",
                       key->topic, key->layout, (int)key->partition, sql_where(sql));
    *ret_progress = reading.progress;
    return true;
}

static bool progress_own_inside(struct sql *sql, const struct progress_key *key, const char *owner,
                                struct progress *ret_progress, struct err *err)
{
    const struct value values[] = {value_text(owner, OWNER_LEN), text_of(key->layout), text_of(key->topic),
                                   value_i64(key->partition)};
    return sql_run(sql, sql_progress_own, values, 4, NULL, err) && progress_read(sql, key, true, ret_progress, err) &&
           sql_commit(sql, err);
}

bool progress_own(struct sql *sql, const struct progress_key *key, const char owner[OWNER_LEN + 1],
                  struct progress *ret_progress, struct err *err)
{
    if (!sql_begin(sql, err))
        return false;
    if (progress_own_inside(sql, key, owner, ret_progress, err))
        return true;
    sql_rollback(sql);
    return false;
}

bool progress_move(struct sql *sql, const struct progress_key *key, const struct batch_part *part, bool *ret_moved,
                   struct err *err)
{
    const struct fold_counts *counts = &part->counts;
    const struct value values[] = {
        value_i64(part->last_offset + 1),
        value_u64(part->after.epoch),
        value_u64(part->checksum),
        value_u64(counts->records),
        value_u64(counts->ok),
        value_u64(counts->voided),
        value_u64(counts->duplicates),
        value_u64(counts->dead_letters),
        value_u64(counts->barriers),
        text_of(key->layout),
        text_of(key->topic),
        value_i64(key->partition),
        value_i64(part->next_offset),
        value_text(part->owner, OWNER_LEN),
    };
    uint64_t rows = 0;
    const char *move = PLANTED("progress_without_owner") ? sql_progress_move_by_anyone : sql_progress_move;
    if (!sql_run(sql, move, values, sizeof values / sizeof *values, &rows, err))
        return false;
    *ret_moved = rows == 1;
    return true;
}
