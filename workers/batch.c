#include "workers/batch.h"

#include "core/buf.h"
#include "schemas/codec.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* DATE and DATETIME end with the year 9999: days since 1970 of 1000-01-01 and 9999-12-31. */
enum { DAY_MIN = -354285, DAY_MAX = 2932896 };

static size_t power_of_two(size_t n)
{
    size_t size = 16;
    while (size < n)
        size *= 2;
    return size;
}

struct batch *batch_new(const struct batch_options *options)
{
    struct batch *batch = mem_alloc(sizeof *batch);
    batch->options = *options;
    batch->keys = stream_layout(options->stream, options->layout->name);
    assert(batch->keys && options->rows_max > 0 && options->rows_max < UINT32_MAX / 4);
    batch->records = mem_alloc(options->rows_max * sizeof *batch->records);
    batch->event_stride = (options->stream->event_size + 15) / 16 * 16;
    batch->events = mem_alloc(options->rows_max * batch->event_stride);
    batch->parts = mem_alloc(ROUTE_PARTITIONS_MAX * sizeof *batch->parts);
    batch->rows = mem_alloc(options->rows_max * sizeof *batch->rows);
    batch->totals = mem_alloc(options->rows_max * sizeof *batch->totals);
    batch->set_size = power_of_two(options->rows_max * 2);
    batch->set = mem_alloc(batch->set_size * sizeof *batch->set);
    memset(batch->part_of, -1, sizeof batch->part_of);
    return batch;
}

static void record_clear(const struct batch *batch, struct batch_record *entry)
{
    if (batch->options.release)
        batch->options.release(&entry->record);
    free(entry->reason);
    *entry = (struct batch_record){0};
}

void batch_reset(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        record_clear(batch, &batch->records[i]);
    for (size_t i = 0; i < batch->part_count; i++)
        batch->part_of[batch->parts[i].partition] = -1;
    batch->count = batch->bytes = batch->part_count = batch->row_count = batch->total_count = 0;
}

void batch_free(struct batch *batch)
{
    if (!batch)
        return;
    batch_reset(batch);
    free(batch->records);
    free(batch->events);
    free(batch->parts);
    free(batch->rows);
    free(batch->totals);
    free(batch->set);
    free(batch);
}

struct batch_part *batch_part(struct batch *batch, int32_t partition, int64_t next_offset, struct fold_state state,
                              const char *owner)
{
    assert(partition >= 0 && partition < ROUTE_PARTITIONS_MAX);
    if (batch->part_of[partition] >= 0)
        return &batch->parts[batch->part_of[partition]];
    batch->part_of[partition] = (int16_t)batch->part_count;
    struct batch_part *part = &batch->parts[batch->part_count++];
    *part = (struct batch_part){.partition = partition,
                                .next_offset = next_offset,
                                .last_offset = next_offset - 1,
                                .before = state,
                                .after = state};
    memcpy(part->owner, owner, OWNER_LEN);
    return part;
}

static void *event_at(const struct batch *batch, size_t place)
{
    return batch->events + batch->records[place].place * batch->event_stride;
}

const void *batch_event(const struct batch *batch, size_t place)
{
    return event_at(batch, place);
}

void batch_mark_bad(struct batch *batch, size_t place, const char *why)
{
    struct batch_record *entry = &batch->records[place];
    assert(place < batch->count && !entry->reason);
    entry->reason = mem_copy_str(why);
}

/* NULL, or why no table can take it. */
static const char *record_place(const struct batch *batch, struct batch_record *entry, const void *event)
{
    const struct stream *stream = batch->options.stream;
    if (stream_kind(stream, event) == RECORD_BARRIER)
        return NULL;
    const int32_t day = day_of_ms(stream->time_ms(event), batch->options.offset_min);
    if (day < DAY_MIN || day > DAY_MAX)
        return "its day is outside the years 1000 to 9999.";
    entry->id = stream_id(stream, event);
    entry->slot = batch->options.layout->slot(stream, entry->record.partition, event, batch->options.offset_min);
    return NULL;
}

static void record_decode(struct batch *batch, size_t place)
{
    struct batch_record *entry = &batch->records[place];
    const struct kafka_record *record = &entry->record;
    struct err err = {0};
    if (!codec_read(batch->options.stream, record->key, record->key_len, record->value, record->value_len,
                    event_at(batch, place), &err)) {
        batch_mark_bad(batch, place, err.text);
        return;
    }
    const char *why = record_place(batch, entry, event_at(batch, place));
    if (why)
        batch_mark_bad(batch, place, why);
}

void batch_add(struct batch *batch, struct kafka_record *record, uint64_t checksum, int64_t now_ms)
{
    assert(batch->count < batch->options.rows_max && batch->part_of[record->partition] >= 0);
    const size_t place = batch->count++;
    struct batch_record *entry = &batch->records[place];
    *entry = (struct batch_record){
        .record = *record, .part = (uint32_t)batch->part_of[record->partition], .place = (uint32_t)place};
    struct batch_part *part = &batch->parts[entry->part];
    assert(record->offset == part->last_offset + 1);
    part->last_offset = record->offset;
    part->checksum = checksum;
    part->records++;
    if (place == 0)
        batch->first_at_ms = now_ms;
    batch->bytes += record->key_len + record->value_len;
    record_decode(batch, place);
}

bool batch_full(const struct batch *batch, int64_t now_ms)
{
    if (batch->count == 0)
        return false;
    return batch->count >= batch->options.rows_max || batch->bytes >= batch->options.bytes_max ||
           now_ms - batch->first_at_ms >= batch->options.age_ms_max;
}

void batch_drop(struct batch *batch, int32_t partition)
{
    const int16_t index = batch->part_of[partition];
    if (index < 0)
        return;
    size_t kept = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct batch_record *entry = &batch->records[i];
        if (entry->part == (uint32_t)index) {
            batch->bytes -= entry->record.key_len + entry->record.value_len;
            record_clear(batch, entry);
            continue;
        }
        memmove(batch->events + kept * batch->event_stride, event_at(batch, i), batch->event_stride);
        struct batch_record moved = *entry;
        moved.place = (uint32_t)kept;
        batch->records[kept++] = moved;
    }
    batch->count = kept;
    batch->parts[index].records = 0;
    batch->row_count = batch->total_count = 0;
}

size_t batch_dead_letters(const struct batch *batch)
{
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++)
        count += batch->records[i].reason != NULL;
    return count;
}

size_t batch_slice(const struct batch *batch, size_t first)
{
    const int64_t slot = batch->records[batch->rows[first]].slot;
    size_t end = first + 1;
    while (end < batch->row_count && batch->records[batch->rows[end]].slot == slot)
        end++;
    return end - first;
}
