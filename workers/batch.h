/* A batch: the decoded records of several partitions of one shard, on their way into one transaction; and what the fold
 * makes of them.
 *
 *     batch_part ... batch_add ... -> batch_fold -> rows (sorted by table, then primary key), totals, counts of each
 *                                     ^             partition
 *                                     | again whenever more is known: rows that exist already, records that can never
 *                                     | be stored, partitions that are lost
 *
 * Pure: no clock, no I/O. Bounded: rows, bytes, partitions; all memory is taken by batch_new, beside the records
 * themselves and reasons of dead letters. One thread. Invariant: a record belongs to exactly one part; parts of no
 * records are left over from batch_drop.
 */
#ifndef WEIR_WORKERS_BATCH_H
#define WEIR_WORKERS_BATCH_H

#include "core/err.h"
#include "core/kafka.h"
#include "schemas/layout.h"
#include "schemas/route.h"
#include "schemas/stream.h"

enum { OWNER_LEN = 32 };

struct batch_record {
    struct kafka_record record; /* key and value are kept for the dead letter */
    uint32_t part;
    uint32_t place; /* of its event */
    bool exists;    /* a row of its id is in the table already */
    char *reason;   /* owned; not NULL: it can never be stored, and this is why */
    enum fold_verdict verdict;
    int64_t slot; /* of the layout; barriers and undecoded records have none (0) */
    uint64_t id;
};

/* One partition's share. */
struct batch_part {
    int32_t partition;
    size_t records;
    int64_t next_offset; /* in progress before this batch */
    int64_t last_offset; /* of its last record */
    uint64_t checksum;   /* of its last record */
    struct fold_state before;
    struct fold_state after;
    struct fold_counts counts; /* of this batch */
    char owner[OWNER_LEN + 1];
};

struct batch_total {
    uint32_t part;
    int32_t day;
    struct value value; /* of the stream's totals column; text is borrowed from an event */
    uint64_t ok;
    uint64_t voided;
};

struct batch_options {
    const struct stream *stream;
    const struct layout *layout;
    int offset_min; /* the sale's time zone, east of UTC */
    size_t rows_max;
    size_t bytes_max;
    int64_t age_ms_max;
    void (*release)(struct kafka_record *record); /* frees a record; NULL: nothing to free */
};

struct batch {
    struct batch_options options;
    const struct stream_layout *keys; /* of this layout */
    size_t count;
    size_t bytes;
    int64_t first_at_ms; /* when its first record was added */
    struct batch_record *records;
    char *events;
    size_t event_stride;
    size_t part_count;
    struct batch_part *parts;
    int16_t part_of[ROUTE_PARTITIONS_MAX]; /* -1: none */
    /* What batch_fold makes. */
    size_t row_count;
    uint32_t *rows; /* places in `records`, sorted */
    size_t total_count;
    struct batch_total *totals; /* sorted by partition, day, value */
    uint32_t *set;              /* open addressing over (slot, id): place + 1 */
    size_t set_size;            /* a power of two, at least twice rows_max */
};

/* Options are copied. The layout must be one of the stream's. */
struct batch *batch_new(const struct batch_options *options);
void batch_free(struct batch *batch); /* NULL is fine */
void batch_reset(struct batch *batch);

/* The partition's part, made with the given state when it is new in this batch. */
struct batch_part *batch_part(struct batch *batch, int32_t partition, int64_t next_offset, struct fold_state state,
                              const char *owner);
/* Takes over `record` and decodes it; one that does not decode, or whose day no table can have, is a dead letter from
 * the start. The batch must not be full, the part be there, and the offset the part's next. `checksum` is the record's.
 */
void batch_add(struct batch *batch, struct kafka_record *record, uint64_t checksum, int64_t now_ms);
bool batch_full(const struct batch *batch, int64_t now_ms);
/* Lets a partition's records go. */
void batch_drop(struct batch *batch, int32_t partition);

/* Verdicts, counts, rows and totals from what is known now. */
void batch_fold(struct batch *batch);
/* "These can never be stored": copies `why`. Fold again after it. */
void batch_mark_bad(struct batch *batch, size_t place, const char *why);
/* How many rows of batch->rows, from `first` on, go to one table. */
size_t batch_slice(const struct batch *batch, size_t first);
const void *batch_event(const struct batch *batch, size_t place);
size_t batch_dead_letters(const struct batch *batch);

#endif
