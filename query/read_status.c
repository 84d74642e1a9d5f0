/* GET /api/grab/{grab_id}?user=&epoch=: what became of one grab.
 *
 * One connection, progress first, then the row: a row that is not there was not there when progress was read either, so
 * a progress that has passed the grab's epoch says that it will never be (I4; README, Design). The two statements may
 * not change places.
 */
#include "core/clock.h"
#include "protocol/fold.h"
#include "protocol/ids.h"
#include "query/days.h"
#include "query/rows.h"
#include "query/scatter.h"
#include "schemas/ddl.h"
#include "schemas/partition.h"
#include "schemas/table_day.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct status_read {
    struct scatter scatter;
    struct question_status question;
    const struct map_layout *layout;
    int32_t partition;
};

struct status_part {
    struct scatter_part part;
    const struct stream *stream;
    bool progress_found, found, ok;
    uint64_t epoch; /* of the partition */
    struct buf row; /* its columns */
};

static void status_part_free(struct scatter_part *base)
{
    struct status_part *part = (struct status_part *)base;
    buf_free(&part->row);
    free(part);
}

/* ---- on a pool's thread ---- */

static bool take_progress(const struct value *cells, size_t count, void *arg)
{
    struct status_part *part = arg;
    part->progress_found = count > 2;
    part->epoch = count > 2 ? cells[2].u64 : 0;
    return false;
}

static bool read_progress(struct status_part *part, const struct status_read *read, struct sql *sql, struct err *err)
{
    const char *layout = read->layout->keys->layout->name, *topic = part->stream->name;
    const struct value values[] = {value_text(layout, strlen(layout)), value_text(topic, strlen(topic)),
                                   value_i64(read->partition)};
    if (!sql_select(sql, sql_progress_read, values, 3, take_progress, part, err))
        return false;
    return part->progress_found ||
           err_set(err, ERR_MISSING, "it has no progress row of %s, layout %s, partition %d: run `weir init`", topic,
                   layout, (int)read->partition);
}

static bool take_row(const struct value *cells, size_t count, void *arg)
{
    struct status_part *part = arg;
    const struct column *columns[STREAM_COLUMNS_MAX];
    size_t column_count = stream_row_columns(part->stream, columns);
    part->found = column_count == count;
    for (size_t i = 0; part->found && i < count; i++)
        if (strcmp(columns[i]->name, "grab_status") == 0)
            part->ok = cells[i].u64 == 1;
    row_append_json(part->stream, cells, count, part->stream->id_column, &part->row);
    return false;
}

struct day_taker {
    const struct status_part *part;
    const struct layout *layout;
    int64_t day;
    struct table_day known;
};

static bool take_used(const struct value *cells, size_t count, void *arg)
{
    (void)cells;
    ((struct day_taker *)arg)->known.was_used = count > 0;
    return false;
}

static bool take_table(const struct value *cells, size_t count, void *arg)
{
    struct day_taker *taker = arg;
    if (count == 1)
        table_day_see(&taker->known, taker->part->stream, taker->layout, taker->day, &cells[0]);
    return true;
}

/* First what was stored, of this partition, then the tables: one that is made meanwhile is not called lost. */
static bool read_known(struct day_taker *taker, int32_t partition, struct sql *sql, struct err *err)
{
    const char *layout = taker->layout->name;
    char day[11];
    struct buf used = {0}, list = {0};
    day_format((int32_t)taker->day, '-', day);
    const struct value values[] = {value_text(layout, strlen(layout)), value_text(day, strlen(day)),
                                   value_i64(partition)};
    table_day_used_sql(taker->part->stream, &used);
    if (used.len > 0)
        buf_append_str(&used, " AND `partition` = ? LIMIT 1");
    plan_list_sql(taker->part->stream, &list);
    bool good = (used.len == 0 || sql_select(sql, used.data, values, 3, take_used, taker, err)) &&
                sql_select(sql, list.data, NULL, 0, take_table, taker, err);
    buf_free(&used);
    buf_free(&list);
    return good;
}

/* A day's table that was never made holds no row: the day is a function of the id. One that was lost did, and nothing
 * may be said of its grabs. Neither of those whose table was dropped past the retention: days are dropped from the
 * oldest on, so without an older table an OK grab of a dropped day is called neither void nor, where rows were stored
 * in it, open. */
static bool read_missing_day(const struct status_part *part, const struct status_read *read, int64_t slot,
                             struct sql *sql, struct err *err)
{
    struct day_taker taker = {.part = part, .layout = read->layout->keys->layout, .day = slot};
    const int32_t today = day_of_ms(clock_realtime_ms(), part->part.scatter->map->offset_min);
    if (!read_known(&taker, read->partition, sql, err))
        return false;
    if (table_day_lost(&taker.known, slot, today))
        return days_fail(part->stream, taker.layout, slot, err);
    const bool is_void = fold_status(false, false, read->question.epoch, part->epoch) == GRAB_STATUS_VOID;
    return (is_void ? taker.known.has_older : taker.known.exists || !taker.known.was_used) ||
           err_set(err, ERR_MISSING,
                   "the table of this grab's day is not there, nor an older one: it may have been dropped past the "
                   "retention");
}

static bool read_row(struct status_part *part, const struct status_read *read, struct sql *sql, struct err *err)
{
    const struct layout *layout = read->layout->keys->layout;
    int64_t slot =
        layout->by_day ? id_day(read->question.grab_id, part->part.scatter->map->offset_min) : read->partition;
    const struct value values[] = {value_u64(read->question.user_id), value_u64(read->question.grab_id)};
    char table[TABLE_NAME_MAX];
    struct buf text = {0};
    layout->table(part->stream, slot, table);
    plan_select_columns(part->stream, table, &text);
    buf_printf(&text, " WHERE `%s` = ? AND `%s` = ?", part->stream->key_column, part->stream->id_column);
    bool good = sql_select(sql, text.data, values, 2, take_row, part, err);
    buf_free(&text);
    return good || (layout->by_day && err->kind == ERR_MISSING && read_missing_day(part, read, slot, sql, err));
}

static bool status_run(struct pool_job *job, struct sql *sql, struct err *err)
{
    struct status_part *part = (struct status_part *)job;
    const struct status_read *read = (const struct status_read *)part->part.scatter;
    part->progress_found = part->found = part->ok = false;
    buf_reset(&part->row);
    return read_progress(part, read, sql, err) && read_row(part, read, sql, err);
}

/* ---- on the loop ---- */

static void status_answer(struct scatter *scatter)
{
    static const char *const words[] = {
        [GRAB_STATUS_OPEN] = "open", [GRAB_STATUS_OK] = "ok", [GRAB_STATUS_VOID] = "void"};
    const struct status_read *read = (const struct status_read *)scatter;
    const struct status_part *part = (const struct status_part *)scatter->part[0];
    struct buf *json = &scatter->owner->json;
    enum grab_status_word state = fold_status(part->found, part->ok, read->question.epoch, part->epoch);
    buf_printf(json, "{\"grab_id\":\"%llu\",\"state\":\"%s\",", (unsigned long long)read->question.grab_id,
               words[state]);
    if (part->found)
        buf_printf(json, "%s,", part->row.data);
    buf_printf(json, "\"layout\":\"%s\",", read->layout->keys->layout->name);
    scatter_append_tail(scatter, json);
    buf_append_char(json, '}');
    scatter_answer_json(scatter);
}

void read_grab_status(struct http_req *req, void *arg)
{
    (void)arg;
    struct question_status question;
    struct question_fault fault = {0};
    struct question_source source = scatter_source(req);
    if (!question_read_status(http_req_param(req, 0), &source, &question, &fault)) {
        scatter_refuse(req, READ_GRAB_STATUS, &fault);
        return;
    }
    struct scatter *scatter = scatter_new(req, READ_GRAB_STATUS, sizeof(struct status_read));
    if (scatter == NULL)
        return;
    struct status_read *read = (struct status_read *)scatter;
    read->question = question;
    if (!plan_layout(&question.mode, &layout_hash, scatter->map, &read->layout, &fault)) {
        scatter_cancel(scatter, &fault);
        return;
    }
    read->partition = partition_of_user(question.user_id, scatter->map->partitions);
    struct scatter_part *part = scatter_add(scatter, route_shard(&read->layout->route, read->partition),
                                            sizeof(struct status_part), status_run);
    ((struct status_part *)part)->stream = scatter->map->stream;
    part->free = status_part_free;
    scatter->answer = status_answer; /* never tolerant: half an answer would be a wrong one */
    scatter_send(scatter);
}
