/* The stream `readings`: one measurement of one sensor. It has no stock, so no cancels, barriers or epoch: only data
 * records. */
#ifndef WEIR_SCHEMAS_READINGS_H
#define WEIR_SCHEMAS_READINGS_H

#include "schemas/stream.h"

enum { SENSOR_ID_MAX = 63, METRIC_MAX = 31 };

struct reading_event {
    uint64_t reading_id; /* made like a grab_id (protocol/ids.h): time-ordered, and its time decides the day */
    double value;
    int64_t taken_at; /* ms since 1970, by the sensor's clock */
    uint8_t kind;     /* enum record_kind */
    char sensor_id[SENSOR_ID_MAX + 1];
    char metric[METRIC_MAX + 1];
};

extern const struct stream stream_readings;

#endif
