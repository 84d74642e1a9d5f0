/* What a transaction inserts: rows by table, totals, dead letters. */
#include "schemas/dead_letter.h"
#include "workers/transaction_parts.h"

#include <assert.h>
#include <string.h>

enum {
    REASON_BYTES_MAX = 500,
    REASON_CUT_BYTES_MAX = REASON_BYTES_MAX - DEAD_LETTER_CUT_BYTES_MAX,
    LETTER_PACKET_PART = 8 /* of the packet for a key or a value; both may double in a quoted text */
};

static bool rows_insert_table(struct transaction *t, struct sql *sql, const struct batch *batch, size_t first,
                              size_t count, struct err *err)
{
    char table[TABLE_NAME_MAX];
    t->keys->layout->table(t->stream, batch->records[batch->rows[first]].slot, table);
    for (size_t i = 0; i < count; i++)
        stream_cells(t->stream, batch_event(batch, batch->rows[first + i]), t->cells + i * t->column_count);
    return sql_insert(sql, table, t->columns, t->column_count, t->cells, count, "", err);
}

bool rows_insert(struct transaction *t, struct sql *sql, const struct batch *batch, size_t first, size_t count,
                 int64_t *ret_slot, struct err *err)
{
    const size_t end = first + count;
    while (first < end) {
        size_t slice = batch_slice(batch, first);
        if (slice > end - first)
            slice = end - first;
        *ret_slot = batch->records[batch->rows[first]].slot;
        if (!rows_insert_table(t, sql, batch, first, slice, err))
            return false;
        first += slice;
    }
    return true;
}

bool totals_insert(struct transaction *t, struct sql *sql, const struct batch *batch, struct err *err)
{
    if (batch->total_count == 0)
        return true;
    const char *columns[] = {"layout", "partition", "day", t->stream->totals_column, "ok_rows", "void_rows"};
    enum { COLUMNS = sizeof columns / sizeof *columns };
    const char *layout = t->keys->layout->name;
    for (size_t i = 0; i < batch->total_count; i++) {
        const struct batch_total *total = &batch->totals[i];
        struct value *cells = t->cells + i * COLUMNS;
        day_format(total->day, '-', t->days[i]);
        cells[0] = value_text(layout, strlen(layout));
        cells[1] = value_i64(batch->parts[total->part].partition);
        cells[2] = value_text(t->days[i], strlen(t->days[i]));
        cells[3] = total->value;
        cells[4] = value_u64(total->ok);
        cells[5] = value_u64(total->voided);
    }
    return sql_insert(
        sql, t->stream->totals_table, columns, COLUMNS, t->cells, batch->total_count,
        " ON DUPLICATE KEY UPDATE ok_rows = ok_rows + VALUES(ok_rows), void_rows = void_rows + VALUES(void_rows)", err);
}

/* Cuts before the character that would pass the bound. */
static size_t reason_len(const char *reason, size_t bytes_max)
{
    const size_t len = strlen(reason);
    size_t kept = 0;
    while (kept < len) {
        const size_t size = utf8_size(reason + kept, len - kept);
        if (size == 0 || kept + size > bytes_max)
            break;
        kept += size;
    }
    return kept;
}

static struct value text_cut(const char *text, size_t len, size_t bytes_max)
{
    return text ? value_text(text, len < bytes_max ? len : bytes_max) : value_null();
}

/* A key or a value longer than `bytes_max` is cut to it. */
static void dead_letter_cells(const struct transaction *t, const struct batch_record *entry, size_t bytes_max,
                              int64_t now_ms, struct value *cells)
{
    const struct kafka_record *record = &entry->record;
    const char *layout = t->keys->layout->name;
    cells[0] = value_text(layout, strlen(layout));
    cells[1] = value_text(t->stream->name, strlen(t->stream->name));
    cells[2] = value_i64(record->partition);
    cells[3] = value_i64(record->offset);
    cells[4] = text_cut(record->key, record->key_len, bytes_max);
    cells[5] = text_cut(record->value, record->value_len, bytes_max);
    cells[6] = value_text(entry->reason, reason_len(entry->reason, REASON_BYTES_MAX));
    cells[7] = value_time_ms(now_ms);
}

static const char *const letter_columns[] = {"layout", "topic", "partition", "offset", "key", "value", "reason", "at"};
enum { LETTER_COLUMNS = sizeof letter_columns / sizeof *letter_columns };
/* Where progress was put back by hand, the place may have a letter: of the same record, or of a log that is no more. */
static const char letter_again[] = " ON DUPLICATE KEY UPDATE `key` = VALUES(`key`), `value` = VALUES(`value`), "
                                   "`reason` = VALUES(`reason`), `at` = VALUES(`at`)";

static bool letter_fits(const struct batch_record *entry, size_t bytes_max)
{
    return entry->record.key_len <= bytes_max && entry->record.value_len <= bytes_max;
}

/* What the packet does not take: its beginning, with what tells the whole record. Without it the partition would wait
 * for ever. */
static bool letter_insert_cut(struct transaction *t, struct sql *sql, const struct batch_record *entry,
                              size_t bytes_max, int64_t now_ms, struct err *err)
{
    struct value cells[LETTER_COLUMNS];
    const struct kafka_record *record = &entry->record;
    buf_reset(&t->text);
    buf_append(&t->text, entry->reason, reason_len(entry->reason, REASON_CUT_BYTES_MAX));
    dead_letter_cut_append(&t->text, bytes_max, record->key_len, record->value_len, kafka_record_checksum(record));
    dead_letter_cells(t, entry, bytes_max, now_ms, cells);
    cells[6] = value_text(t->text.data, t->text.len);
    return sql_insert(sql, "dead_letters", letter_columns, LETTER_COLUMNS, cells, 1, letter_again, err);
}

bool dead_letters_insert(struct transaction *t, struct sql *sql, const struct batch *batch, int64_t now_ms,
                         struct err *err)
{
    const size_t bytes_max = sql_packet_bytes(sql) / LETTER_PACKET_PART;
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        const struct batch_record *entry = &batch->records[i];
        if (!entry->reason)
            continue;
        if (letter_fits(entry, bytes_max))
            dead_letter_cells(t, entry, bytes_max, now_ms, t->cells + count++ * LETTER_COLUMNS);
        else if (!letter_insert_cut(t, sql, entry, bytes_max, now_ms, err))
            return false;
    }
    return count == 0 ||
           sql_insert(sql, "dead_letters", letter_columns, LETTER_COLUMNS, t->cells, count, letter_again, err);
}
