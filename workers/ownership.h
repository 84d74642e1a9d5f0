/* Taking a partition over: a fresh token into progress, and the proof that the log is still the one that progress
 * speaks of. Blocking; the writer's thread. */
#ifndef WEIR_WORKERS_OWNERSHIP_H
#define WEIR_WORKERS_OWNERSHIP_H

#include "core/kafka.h"
#include "workers/progress.h"

/* 128 bits of the kernel's randomness in hexadecimal. */
void owner_make(char ret_owner[OWNER_LEN + 1]);

enum log_answer {
    LOG_AGREES,
    LOG_DISAGREES, /* shorter than progress, cut before it, or another topic of the same name: err says which */
    LOG_UNKNOWN,   /* the broker did not answer */
};

/* Watermarks around next_offset, and the checksum of the record before it where that is still there. */
enum log_answer ownership_check_log(struct kafka_admin *admin, const char *brokers, const char *topic,
                                    int32_t partition, const struct progress *progress, struct err *err);
/* The pure half of it: `low` and `high` against the offset. */
enum log_answer ownership_check_marks(const char *topic, int32_t partition, int64_t next_offset, int64_t low,
                                      int64_t high, struct err *err);

#endif
