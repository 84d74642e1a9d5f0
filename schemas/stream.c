#include "schemas/stream.h"

#include "schemas/grabs.h"
#include "schemas/readings.h"

#include <assert.h>
#include <string.h>

static const struct stream *const streams[] = {&stream_grabs, &stream_readings};

const struct stream *const *stream_all(size_t *ret_count)
{
    *ret_count = sizeof streams / sizeof *streams;
    return streams;
}

const struct stream *stream_find(const char *name)
{
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++)
        if (strcmp(streams[i]->name, name) == 0)
            return streams[i];
    return NULL;
}

const struct column *stream_column(const struct stream *stream, const char *name)
{
    for (size_t i = 0; i < stream->column_count; i++) {
        const char *candidate = stream->columns[i].name;
        if (candidate[0] == name[0] && strcmp(candidate, name) == 0) /* a sort asks often: most calls are spared */
            return &stream->columns[i];
    }
    return NULL;
}

/* By a role that exactly one column has; stream_check holds that. */
const struct column *stream_column_of(const struct stream *stream, unsigned role)
{
    const struct column *column = stream->columns;
    while ((column->roles & role) == 0) {
        column++;
        assert(column < stream->columns + stream->column_count);
    }
    return column;
}

uint64_t stream_id(const struct stream *stream, const void *event)
{
    uint64_t id;
    memcpy(&id, (const char *)event + stream_column_of(stream, COLUMN_ID)->offset, sizeof id);
    return id;
}

enum record_kind stream_kind(const struct stream *stream, const void *event)
{
    return (enum record_kind)((const uint8_t *)event)[stream->kind_offset];
}

uint64_t stream_epoch(const struct stream *stream, const void *event)
{
    uint64_t epoch = 0;
    if (stream->epoch_offset != SIZE_MAX)
        memcpy(&epoch, (const char *)event + stream->epoch_offset, sizeof epoch);
    return epoch;
}

static struct value text_value(const struct column *column, const char *text)
{
    size_t len = strnlen(text, column->size);
    assert(len < column->size);
    return len == 0 && (column->roles & COLUMN_NULLABLE) ? value_null() : value_text(text, len);
}

struct value stream_value(const struct column *column, const void *event)
{
    const void *field = (const char *)event + column->offset;
    switch (column->type) {
    case COLUMN_U64:
        return value_u64(*(const uint64_t *)field);
    case COLUMN_U32:
        return value_u64(*(const uint32_t *)field);
    case COLUMN_U8:
        return value_u64(*(const uint8_t *)field);
    case COLUMN_F64:
        return value_f64(*(const double *)field);
    case COLUMN_TEXT:
        return text_value(column, field);
    case COLUMN_TIME_MS:
        return value_time_ms(*(const int64_t *)field);
    }
    return value_null();
}

size_t stream_row_columns(const struct stream *stream, const struct column *ret_columns[STREAM_COLUMNS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < stream->column_count; i++)
        if (stream->columns[i].roles & COLUMN_ROW)
            ret_columns[count++] = &stream->columns[i];
    return count;
}

size_t stream_cells(const struct stream *stream, const void *event, struct value *ret_cells)
{
    size_t count = 0;
    for (size_t i = 0; i < stream->column_count; i++)
        if (stream->columns[i].roles & COLUMN_ROW)
            ret_cells[count++] = stream_value(&stream->columns[i], event);
    return count;
}

static int compare_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int compare_values(struct value a, struct value b)
{
    assert(a.type == b.type);
    switch (a.type) {
    case VALUE_U64:
        return compare_u64(a.u64, b.u64);
    case VALUE_TEXT: {
        int order = memcmp(a.text, b.text, a.len < b.len ? a.len : b.len);
        return order != 0 ? order : compare_u64(a.len, b.len);
    }
    case VALUE_I64:
    case VALUE_TIME_MS:
        return (a.i64 > b.i64) - (a.i64 < b.i64);
    case VALUE_NULL:
    case VALUE_F64:
        break; /* no key has such a column: stream_check */
    }
    return 0;
}

/* Most key columns are such, and sorting a batch compares them tens of thousands of times. */
static int compare_fields(const struct column *column, const void *a, const void *b)
{
    if (column->type != COLUMN_U64)
        return compare_values(stream_value(column, a), stream_value(column, b));
    uint64_t left, right;
    memcpy(&left, (const char *)a + column->offset, sizeof left);
    memcpy(&right, (const char *)b + column->offset, sizeof right);
    return compare_u64(left, right);
}

int stream_compare(const struct stream *stream, const struct stream_layout *layout, const void *a, const void *b)
{
    for (size_t i = 0; i < STREAM_KEY_COLUMNS_MAX && layout->primary[i] != NULL; i++) {
        const struct column *column = stream_column(stream, layout->primary[i]);
        int order = compare_fields(column, a, b);
        if (order != 0)
            return order;
    }
    return 0;
}
