/* lookup_rows: which of the batch's rows are in their tables already, by primary key, a fixed number of keys a query
 * (so that one prepared statement a table is enough; the last key is repeated to fill it). */
#include "workers/transaction_parts.h"

#include <assert.h>

enum { LOOKUP_KEYS = 64 };

struct lookup {
    struct batch *batch;
    const uint32_t *rows;
    size_t count; /* of rows, at most LOOKUP_KEYS */
};

static size_t primary_columns(const struct transaction *t, const struct column *ret_columns[STREAM_KEY_COLUMNS_MAX])
{
    size_t count = 0;
    while (count < STREAM_KEY_COLUMNS_MAX && t->keys->primary[count]) {
        ret_columns[count] = stream_column(t->stream, t->keys->primary[count]);
        assert(ret_columns[count]);
        count++;
    }
    return count;
}

static void lookup_text(struct transaction *t, const char *table, const struct column *const *columns,
                        size_t column_count)
{
    buf_reset(&t->text);
    buf_printf(&t->text, "SELECT `%s` FROM `%s` WHERE ", t->stream->id_column, table);
    for (size_t key = 0; key < LOOKUP_KEYS; key++) {
        buf_append_str(&t->text, key == 0 ? "(" : " OR (");
        for (size_t i = 0; i < column_count; i++)
            buf_printf(&t->text, "%s`%s` = ?", i == 0 ? "" : " AND ", columns[i]->name);
        buf_append_char(&t->text, ')');
    }
}

static bool lookup_found(const struct value *cells, size_t count, void *arg)
{
    const struct lookup *lookup = arg;
    assert(count == 1);
    for (size_t i = 0; i < lookup->count; i++) {
        struct batch_record *entry = &lookup->batch->records[lookup->rows[i]];
        if (entry->id == cells[0].u64)
            entry->exists = true;
    }
    return true;
}

static bool lookup_chunk(struct transaction *t, struct sql *sql, struct lookup *lookup,
                         const struct column *const *columns, size_t column_count, struct err *err)
{
    struct value values[LOOKUP_KEYS * STREAM_KEY_COLUMNS_MAX];
    size_t count = 0;
    for (size_t key = 0; key < LOOKUP_KEYS; key++) {
        const uint32_t row = lookup->rows[key < lookup->count ? key : lookup->count - 1];
        for (size_t i = 0; i < column_count; i++)
            values[count++] = stream_value(columns[i], batch_event(lookup->batch, row));
    }
    return sql_select(sql, t->text.data, values, count, lookup_found, lookup, err);
}

static bool lookup_table(struct transaction *t, struct sql *sql, struct batch *batch, size_t first, size_t count,
                         struct err *err)
{
    const struct column *columns[STREAM_KEY_COLUMNS_MAX];
    const size_t column_count = primary_columns(t, columns);
    char table[TABLE_NAME_MAX];
    t->keys->layout->table(t->stream, batch->records[batch->rows[first]].slot, table);
    lookup_text(t, table, columns, column_count);
    for (size_t done = 0; done < count; done += LOOKUP_KEYS) {
        const size_t left = count - done;
        struct lookup lookup = {
            .batch = batch, .rows = batch->rows + first + done, .count = left < LOOKUP_KEYS ? left : LOOKUP_KEYS};
        if (!lookup_chunk(t, sql, &lookup, columns, column_count, err))
            return false;
    }
    return true;
}

bool lookup_rows(struct transaction *t, struct sql *sql, struct batch *batch, int64_t *ret_slot, struct err *err)
{
    for (size_t first = 0, count; first < batch->row_count; first += count) {
        count = batch_slice(batch, first);
        *ret_slot = batch->records[batch->rows[first]].slot;
        if (!lookup_table(t, sql, batch, first, count, err))
            return false;
    }
    return true;
}
