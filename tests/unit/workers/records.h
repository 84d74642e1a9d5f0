/* Records of the stream `grabs` in memory, as a queue would hand them over, for the tests of batches. */
#ifndef WEIR_TESTS_UNIT_WORKERS_RECORDS_H
#define WEIR_TESTS_UNIT_WORKERS_RECORDS_H

#include "core/buf.h"
#include "protocol/ids.h"
#include "schemas/codec.h"
#include "schemas/grabs.h"
#include "workers/batch.h"
#include <stdlib.h>
#include <string.h>

#define RECORDS_OWNER "0123456789abcdef0123456789abcdef"
/* 2026-11-20T12:00:00Z and the whole days around it. */
#define RECORDS_NOON_MS (INT64_C(1795176000000))
#define RECORDS_DAY_MS  INT64_C(86400000)

static inline void records_release(struct kafka_record *record)
{
    free((char *)record->key);
    free((char *)record->value);
}

static inline struct batch *records_batch(const char *layout, size_t rows_max, size_t bytes_max, int64_t age_ms_max)
{
    const struct batch_options options = {.stream = &stream_grabs,
                                          .layout = layout_find(layout),
                                          .rows_max = rows_max,
                                          .bytes_max = bytes_max,
                                          .age_ms_max = age_ms_max,
                                          .release = records_release};
    return batch_new(&options);
}

static inline struct kafka_record record_of_text(int32_t partition, int64_t offset, const char *key, const char *value)
{
    struct kafka_record record = {.partition = partition,
                                  .offset = offset,
                                  .key = mem_copy_str(key),
                                  .key_len = strlen(key),
                                  .value = mem_copy_str(value),
                                  .value_len = strlen(value)};
    return record;
}

static inline struct kafka_record record_of_event(int32_t partition, int64_t offset, const struct grab_event *event)
{
    struct buf key = {0}, value = {0};
    if (event->kind != RECORD_BARRIER)
        codec_write_key(&stream_grabs, event, &key);
    else
        buf_append_str(&key, "");
    codec_write(&stream_grabs, event, &value);
    struct kafka_record record = record_of_text(partition, offset, key.data, value.data);
    buf_free(&key);
    buf_free(&value);
    return record;
}

static inline struct grab_event grab_of(enum record_kind kind, uint64_t id, uint64_t user, uint64_t coupon,
                                        uint64_t epoch)
{
    return (struct grab_event){
        .kind = (uint8_t)kind, .grab_id = id, .user_id = user, .coupon_id = coupon, .room_id = 1, .epoch = epoch};
}

/* Adds at the partition's next offset (0 at first). */
static inline void records_add(struct batch *batch, int32_t partition, const struct grab_event *event)
{
    struct batch_part *part = batch_part(batch, partition, 0, (struct fold_state){0}, RECORDS_OWNER);
    struct kafka_record record = record_of_event(partition, part->last_offset + 1, event);
    batch_add(batch, &record, 1, 0);
}

static inline void records_add_bad(struct batch *batch, int32_t partition)
{
    struct batch_part *part = batch_part(batch, partition, 0, (struct fold_state){0}, RECORDS_OWNER);
    struct kafka_record record = record_of_text(partition, part->last_offset + 1, "1", "this is no JSON");
    batch_add(batch, &record, 1, 0);
}

#endif
