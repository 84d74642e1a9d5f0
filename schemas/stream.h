/* A stream, described once as data: topic, key, event struct with its column table, layouts, fold, totals. Workers,
 * replay, lag and reshard work from this description and never know what a record means. Streams: schemas/grabs.c (the
 * first), schemas/readings.c. To add one: README, "Add a stream".
 *
 *     struct grab_event  <- one column table ->  record JSON (codec.h), DDL (ddl.h), cells of an INSERT
 *                                                (stream_cells), rows read back (query)
 */
#ifndef WEIR_SCHEMAS_STREAM_H
#define WEIR_SCHEMAS_STREAM_H

#include "core/err.h"
#include "core/value.h"
#include "protocol/fold.h"
#include <stddef.h>
#include <stdint.h>

enum column_type {
    COLUMN_U64,     /* uint64_t; BIGINT UNSIGNED */
    COLUMN_U32,     /* uint32_t; INT UNSIGNED */
    COLUMN_U8,      /* uint8_t;  TINYINT UNSIGNED */
    COLUMN_F64,     /* double; DOUBLE */
    COLUMN_TEXT,    /* char[size], NUL-terminated; VARCHAR(size - 1); ascii when COLUMN_ASCII */
    COLUMN_TIME_MS, /* int64_t ms since 1970; DATETIME(3) UTC */
};

enum column_role {
    COLUMN_WIRE = 1,      /* in the record's JSON */
    COLUMN_ROW = 2,       /* in the tables */
    COLUMN_NULLABLE = 4,  /* empty text is null (JSON null, SQL NULL) */
    COLUMN_ID_TEXT = 8,   /* a decimal string in JSON: it passes 2^53 */
    COLUMN_ASCII = 16,    /* visible ASCII only (0x21..0x7e) */
    COLUMN_POSITIVE = 32, /* at least 1, save in a barrier */
    COLUMN_ID = 64,       /* the stream's id_column; comes first on the wire, right after "type" */
    COLUMN_KEY = 128,     /* the stream's key_column */
};

struct column {
    const char *name;
    enum column_type type;
    unsigned roles;
    size_t offset;    /* in the event struct */
    size_t size;      /* of the field, bytes */
    const char *wire; /* ",\"name\":": how the record's JSON announces it */
    size_t wire_len;
    const char *help; /* one line: what it means, units */
};

/* Type from the field, so that table and struct cannot drift. (The controlling expression of _Generic decays, so a char
 * array is a char *: C11 DR 481.) */
#define COLUMN(struct_, field_, roles_, help_)                                                                         \
    {                                                                                                                  \
        .name = #field_, .type = COLUMN_TYPE_OF(((struct_ *)0)->field_), .roles = (roles_),                            \
        .offset = offsetof(struct_, field_), .size = sizeof(((struct_ *)0)->field_),                                   \
        .wire = ",\"" #field_ "\":", .wire_len = sizeof(",\"" #field_ "\":") - 1, .help = (help_)                      \
    }
#define COLUMN_TYPE_OF(field_)                                                                                         \
    _Generic((field_), uint64_t: COLUMN_U64, uint32_t: COLUMN_U32, uint8_t: COLUMN_U8, double: COLUMN_F64,             \
        char *: COLUMN_TEXT, int64_t: COLUMN_TIME_MS)

enum {
    STREAM_COLUMNS_MAX = 24,
    STREAM_KEY_COLUMNS_MAX = 4,
    STREAM_LAYOUTS_MAX = 4,
    STREAM_NAME_MAX = 32,
    STREAM_EVENT_BYTES_MAX = 512
};

struct layout; /* layout.h */

/* One of the stream's layouts: which keys its tables carry. */
struct stream_layout {
    const struct layout *layout;
    const char *primary[STREAM_KEY_COLUMNS_MAX]; /* column names; NULL ends */
    const char *index[STREAM_KEY_COLUMNS_MAX];   /* one secondary index, or NULL first */
};

struct stream {
    const char *name;  /* topic, and begin of the table names: "grabs" */
    uint32_t version;  /* "v" of the records */
    size_t event_size; /* bytes of the event struct, at most STREAM_EVENT_BYTES_MAX */
    const struct column *columns;
    size_t column_count;
    const char *key_column;   /* the message key in text; chooses the partition */
    const char *id_column;    /* COLUMN_U64, unique and time-ordered within its partition: what first-wins compares */
    const char *kind_name[3]; /* word of "type" by enum record_kind; NULL: this stream has no such record */
    size_t kind_offset;       /* uint8_t: enum record_kind */
    size_t epoch_offset;      /* uint64_t, or SIZE_MAX when the stream has none (0 then) */
    struct stream_layout layouts[STREAM_LAYOUTS_MAX];
    size_t layout_count;
    /* Realtime ms: decides the day. A function of the id alone, so that a repeated id meets its row. */
    int64_t (*time_ms)(const void *event);
    /* Fills the columns that only rows have; of a verdict that makes a row. */
    void (*finish)(void *event, enum fold_verdict verdict);
    /* A table with PRIMARY KEY (layout, partition, day, <totals_column>); NULL: this stream has no totals. */
    const char *totals_table;
    const char *totals_column; /* whose totals: a COLUMN_U64; NULL when there are none */
    const char *view;          /* shows all rows of a shard; NULL: none */
};

/* By name; NULL when there is none. */
const struct stream *stream_find(const char *name);
const struct stream *const *stream_all(size_t *ret_count);
/* Checks that columns tile the struct and names resolve; tests and every main call it once. */
WEIR_MUST_USE bool stream_check(const struct stream *stream, struct err *err);

const struct column *stream_column(const struct stream *stream, const char *name); /* NULL: none */
/* The one with `role`, which is COLUMN_ID or COLUMN_KEY. */
const struct column *stream_column_of(const struct stream *stream, unsigned role);
const struct stream_layout *stream_layout(const struct stream *stream, const char *layout_name);
uint64_t stream_id(const struct stream *stream, const void *event);
enum record_kind stream_kind(const struct stream *stream, const void *event);
uint64_t stream_epoch(const struct stream *stream, const void *event);
struct value stream_value(const struct column *column, const void *event);

/* The columns with COLUMN_ROW, in table order, and their cells for an INSERT. */
size_t stream_row_columns(const struct stream *stream, const struct column *ret_columns[STREAM_COLUMNS_MAX]);
size_t stream_cells(const struct stream *stream, const void *event, struct value *ret_cells);
/* Order of primary keys of a layout: <0, 0, >0. Text compares bytewise. */
int stream_compare(const struct stream *stream, const struct stream_layout *layout, const void *a, const void *b);

#endif
