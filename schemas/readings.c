#include "schemas/readings.h"

#include "protocol/ids.h"
#include "schemas/layout.h"

#include <assert.h>

#define READING(field_, roles_, help_) COLUMN(struct reading_event, field_, roles_, help_)

static const struct column columns[] = {
    READING(sensor_id, COLUMN_WIRE | COLUMN_ROW | COLUMN_ASCII | COLUMN_KEY, "which sensor; the shard key"),
    READING(reading_id, COLUMN_WIRE | COLUMN_ROW | COLUMN_POSITIVE | COLUMN_ID_TEXT | COLUMN_ID,
            "this reading; holds the time it was taken in"),
    READING(metric, COLUMN_WIRE | COLUMN_ROW, "what was measured"),
    READING(value, COLUMN_WIRE | COLUMN_ROW, "the measured number"),
    READING(taken_at, COLUMN_WIRE | COLUMN_ROW, "when, by the sensor's clock; ms since 1970 in the record"),
};

static int64_t reading_time_ms(const void *event)
{
    return id_time_ms(((const struct reading_event *)event)->reading_id);
}

static void reading_finish(void *event, enum fold_verdict verdict)
{
    (void)event; /* a row has nothing that the record lacks */
    assert(verdict == FOLD_OK);
    (void)verdict;
}

const struct stream stream_readings = {
    .name = "readings",
    .version = 1,
    .event_size = sizeof(struct reading_event),
    .columns = columns,
    .column_count = sizeof columns / sizeof *columns,
    .key_column = "sensor_id",
    .id_column = "reading_id",
    .kind_name = {[RECORD_DATA] = "reading"},
    .kind_offset = offsetof(struct reading_event, kind),
    .epoch_offset = SIZE_MAX,
    .layouts =
        {
            {.layout = &layout_hash, .primary = {"sensor_id", "reading_id"}},
            {.layout = &layout_daily, .primary = {"reading_id"}, .index = {"sensor_id", "reading_id"}},
        },
    .layout_count = 2,
    .time_ms = reading_time_ms,
    .finish = reading_finish,
};
