/* Is a stream's description true? Its columns tile the event struct, and every name in it resolves. Run by each main at
 * its start and by the tests; a stream that fails here is broken code, not a wrong setting. */
#include "schemas/layout.h"
#include "schemas/stream.h"

#include <string.h>

/* One field of the event struct: a column, or the kind. */
struct piece {
    size_t offset;
    size_t size;
    size_t align;
    const char *name;
};

static size_t align_of(enum column_type type)
{
    switch (type) {
    case COLUMN_U64:
    case COLUMN_TIME_MS:
        return _Alignof(uint64_t);
    case COLUMN_F64:
        return _Alignof(double);
    case COLUMN_U32:
        return _Alignof(uint32_t);
    case COLUMN_U8:
    case COLUMN_TEXT:
        break;
    }
    return 1;
}

static size_t round_up(size_t n, size_t align)
{
    return (n + align - 1) / align * align;
}

/* Puts a piece where its offset belongs; there are few. */
static void insert_piece(struct piece *pieces, size_t count, struct piece piece)
{
    size_t at = count;
    for (; at > 0 && pieces[at - 1].offset > piece.offset; at--)
        pieces[at] = pieces[at - 1];
    pieces[at] = piece;
}

static size_t collect_pieces(const struct stream *stream, struct piece pieces[STREAM_COLUMNS_MAX + 1])
{
    size_t count = 0;
    insert_piece(pieces, count++, (struct piece){.offset = stream->kind_offset, .size = 1, .align = 1, .name = "kind"});
    for (const struct column *c = stream->columns; c < stream->columns + stream->column_count; c++)
        insert_piece(pieces, count++,
                     (struct piece){.offset = c->offset, .size = c->size, .align = align_of(c->type), .name = c->name});
    return count;
}

static bool check_tiles(const struct stream *stream, struct err *err)
{
    struct piece pieces[STREAM_COLUMNS_MAX + 1];
    size_t count = collect_pieces(stream, pieces);
    size_t end = 0, widest = 1;
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].offset != round_up(end, pieces[i].align))
            return err_set(err, ERR_INTERNAL,
                           "stream %s: field %s begins at byte %zu, but what is before it ends at %zu: a field is no "
                           "column, or two overlap",
                           stream->name, pieces[i].name, pieces[i].offset, end);
        end = pieces[i].offset + pieces[i].size;
        widest = pieces[i].align > widest ? pieces[i].align : widest;
    }
    if (stream->event_size != round_up(end, widest))
        return err_set(err, ERR_INTERNAL, "stream %s: the columns end at byte %zu of %zu: the last field is no column",
                       stream->name, end, stream->event_size);
    return true;
}

static bool check_column(const struct stream *stream, const struct column *column, struct err *err)
{
    if (stream_column(stream, column->name) != column)
        return err_set(err, ERR_INTERNAL, "stream %s: two columns are named %s", stream->name, column->name);
    if ((column->roles & (COLUMN_WIRE | COLUMN_ROW)) == 0)
        return err_set(err, ERR_INTERNAL, "stream %s: column %s is neither in the record nor in the row", stream->name,
                       column->name);
    if (column->type == COLUMN_TEXT && column->size < 2)
        return err_set(err, ERR_INTERNAL, "stream %s: text column %s has no room for text", stream->name, column->name);
    if (column->type != COLUMN_TEXT && (column->roles & (COLUMN_NULLABLE | COLUMN_ASCII)))
        return err_set(err, ERR_INTERNAL, "stream %s: column %s is no text, so it can be neither nullable nor ASCII",
                       stream->name, column->name);
    if (column->type != COLUMN_U64 && (column->roles & (COLUMN_ID_TEXT | COLUMN_POSITIVE | COLUMN_ID)))
        return err_set(err, ERR_INTERNAL, "stream %s: column %s has a role that only 64-bit numbers have", stream->name,
                       column->name);
    return true;
}

/* The one column with `role` is the named one, is sent, and is never null. */
static bool check_named(const struct stream *stream, const char *name, unsigned role, struct err *err)
{
    size_t count = 0;
    for (size_t i = 0; i < stream->column_count; i++)
        count += (stream->columns[i].roles & role) != 0;
    const struct column *column = name != NULL ? stream_column(stream, name) : NULL;
    unsigned wanted = role | COLUMN_WIRE | COLUMN_ROW;
    if (count != 1 || column == NULL || (column->roles & wanted) != wanted || (column->roles & COLUMN_NULLABLE))
        return err_set(
            err, ERR_INTERNAL,
            "stream %s: id and key must each name the one column of that role, in record and row, never null",
            stream->name);
    return true;
}

static bool check_key(const struct stream *stream, const char *const names[STREAM_KEY_COLUMNS_MAX], struct err *err)
{
    for (size_t i = 0; i < STREAM_KEY_COLUMNS_MAX && names[i] != NULL; i++) {
        const struct column *column = stream_column(stream, names[i]);
        if (column == NULL || !(column->roles & COLUMN_ROW) || (column->roles & COLUMN_NULLABLE) ||
            column->type == COLUMN_F64)
            return err_set(err, ERR_INTERNAL, "stream %s: %s cannot be in a table's key", stream->name, names[i]);
    }
    return true;
}

/* The primary key must hold the id, or a repeated id would not meet its row. */
static bool check_layout(const struct stream *stream, const struct stream_layout *layout, struct err *err)
{
    bool has_id = false;
    for (size_t i = 0; i < STREAM_KEY_COLUMNS_MAX && layout->primary[i] != NULL; i++)
        has_id = has_id || strcmp(layout->primary[i], stream->id_column) == 0;
    if (!has_id)
        return err_set(err, ERR_INTERNAL, "stream %s: the primary key of layout %s lacks %s", stream->name,
                       layout->layout->name, stream->id_column);
    return check_key(stream, layout->primary, err) && check_key(stream, layout->index, err);
}

static bool check_sizes(const struct stream *stream, struct err *err)
{
    bool fits = strlen(stream->name) < STREAM_NAME_MAX && stream->column_count > 0 &&
                stream->column_count <= STREAM_COLUMNS_MAX && stream->event_size <= STREAM_EVENT_BYTES_MAX &&
                stream->layout_count <= STREAM_LAYOUTS_MAX && stream->kind_name[RECORD_DATA] != NULL &&
                stream->time_ms != NULL && stream->finish != NULL &&
                (stream->totals_table == NULL) == (stream->totals_column == NULL);
    return fits || err_set(err, ERR_INTERNAL,
                           "stream %s: a part of the description is missing or larger than the limits of stream.h",
                           stream->name);
}

static bool check_epoch_and_totals(const struct stream *stream, struct err *err)
{
    bool epoch_found = stream->epoch_offset == SIZE_MAX;
    for (size_t i = 0; i < stream->column_count; i++)
        epoch_found =
            epoch_found || (stream->columns[i].offset == stream->epoch_offset && stream->columns[i].type == COLUMN_U64);
    const struct column *totals = stream->totals_column != NULL ? stream_column(stream, stream->totals_column) : NULL;
    bool totals_found =
        stream->totals_column == NULL || (totals != NULL && totals->type == COLUMN_U64 && (totals->roles & COLUMN_ROW));
    return (epoch_found && totals_found) ||
           err_set(err, ERR_INTERNAL, "stream %s: epoch and totals must name 64-bit columns", stream->name);
}

bool stream_check(const struct stream *stream, struct err *err)
{
    if (!check_sizes(stream, err) || !check_tiles(stream, err))
        return false;
    for (size_t i = 0; i < stream->column_count; i++)
        if (!check_column(stream, &stream->columns[i], err))
            return false;
    if (!check_epoch_and_totals(stream, err) || !check_named(stream, stream->id_column, COLUMN_ID, err) ||
        !check_named(stream, stream->key_column, COLUMN_KEY, err))
        return false;
    for (size_t i = 0; i < stream->layout_count; i++)
        if (!check_layout(stream, &stream->layouts[i], err))
            return false;
    return true;
}
