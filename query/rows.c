#include "query/rows.h"

#include "core/clock.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void append_time(int64_t ms, struct buf *json)
{
    char text[CLOCK_TEXT_MAX];
    clock_format(ms, 0, text);
    buf_append_char(json, '"');
    buf_append_str(json, text);
    buf_append_char(json, '"');
}

/* By what the cell holds; the column only says whether a number is written as text. */
static void append_bare(const struct value *cell, struct buf *json)
{
    switch (cell->type) {
    case VALUE_NULL:
        buf_append_str(json, "null");
        return;
    case VALUE_I64:
        buf_append_i64(json, cell->i64);
        return;
    case VALUE_U64:
        buf_append_u64(json, cell->u64);
        return;
    case VALUE_F64:
        buf_printf(json, "%.17g", cell->f64);
        return;
    case VALUE_TIME_MS:
        append_time(cell->i64, json);
        return;
    case VALUE_TEXT:
        buf_append_json(json, cell->text, cell->len);
        return;
    }
}

static void append_cell(const struct column *column, const struct value *cell, struct buf *json)
{
    bool quoted = (column->roles & COLUMN_ID_TEXT) && (cell->type == VALUE_U64 || cell->type == VALUE_I64);
    if (quoted)
        buf_append_char(json, '"');
    append_bare(cell, json);
    if (quoted)
        buf_append_char(json, '"');
}

void row_append_json(const struct stream *stream, const struct value *cells, size_t count, const char *skip,
                     struct buf *ret_json)
{
    const struct column *columns[STREAM_COLUMNS_MAX];
    size_t column_count = stream_row_columns(stream, columns);
    size_t comma = 1; /* the wire name begins with one */
    for (size_t i = 0; i < column_count && i < count; i++) {
        if (skip != NULL && strcmp(columns[i]->name, skip) == 0)
            continue;
        buf_append(ret_json, columns[i]->wire + comma, columns[i]->wire_len - comma);
        append_cell(columns[i], &cells[i], ret_json);
        comma = 0;
    }
}

static bool find_id(const struct stream *stream, const struct value *cells, size_t count, uint64_t *ret_id)
{
    const struct column *columns[STREAM_COLUMNS_MAX];
    if (stream_row_columns(stream, columns) != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(columns[i]->name, stream->id_column) != 0)
            continue;
        *ret_id = cells[i].u64;
        return cells[i].type == VALUE_U64 || (cells[i].type == VALUE_I64 && cells[i].i64 >= 0);
    }
    return false;
}

bool row_list_add(struct row_list *list, const struct stream *stream, const struct value *cells, size_t count)
{
    uint64_t id;
    if (!find_id(stream, cells, count, &id))
        return false;
    if (list->count == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 16;
        list->row = mem_grow(list->row, list->cap * sizeof *list->row);
    }
    size_t at = list->text.len;
    buf_append_char(&list->text, '{');
    row_append_json(stream, cells, count, NULL, &list->text);
    buf_append_char(&list->text, '}');
    list->row[list->count++] = (struct row_ref){.id = id, .at = at, .len = list->text.len - at};
    return true;
}

void row_list_clear(struct row_list *list)
{
    buf_reset(&list->text);
    list->count = 0;
}

void row_list_free(struct row_list *list)
{
    buf_free(&list->text);
    free(list->row);
    *list = (struct row_list){0};
}

/* The list whose next row comes first; `count` when all are at their end. */
static size_t merge_pick(const struct row_list *const *lists, size_t count, const size_t *next)
{
    size_t best = count;
    for (size_t i = 0; i < count; i++) {
        if (next[i] == lists[i]->count)
            continue;
        if (best == count || lists[i]->row[next[i]].id > lists[best]->row[next[best]].id)
            best = i;
    }
    return best;
}

size_t rows_merge(const struct row_list *const *lists, size_t count, size_t limit,
                  void (*fn)(const struct row_list *list, const struct row_ref *row, void *arg), void *arg)
{
    size_t next[MERGE_LISTS_MAX] = {0}, done = 0;
    assert(count <= MERGE_LISTS_MAX);
    while (done < limit) {
        size_t at = merge_pick(lists, count, next);
        if (at == count)
            break;
        fn(lists[at], &lists[at]->row[next[at]++], arg);
        done++;
    }
    return done;
}
