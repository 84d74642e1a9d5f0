/* The ends of the topic, read again and again, so that /admin can tell how far the tables are behind the log. A wish,
 * not a need: when the broker is away the lag is not known, and nothing else changes. */
#ifndef WEIR_QUERY_LAG_H
#define WEIR_QUERY_LAG_H

#include "core/err.h"
#include <stdint.h>

struct lag;
struct lag_options {
    const char *brokers; /* borrowed */
    const char *topic;   /* borrowed */
    int64_t read_ms;
    int64_t timeout_ms; /* of one look at one partition */
};
WEIR_MUST_USE bool lag_start(const struct lag_options *options, struct lag **ret_lag, struct err *err);
void lag_stop(struct lag *lag); /* NULL is fine */
/* The next offset to be written in `partition`, not older than a few reads. False: not known. Any thread; NULL is
 * fine. */
bool lag_end_offset(struct lag *lag, int32_t partition, int64_t *ret_offset);

#endif
