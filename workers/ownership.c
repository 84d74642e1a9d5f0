#include "workers/ownership.h"

#include "core/token.h"
#include "protocol/progress.h"
#include <assert.h>

enum { LOG_WAIT_MS = 5000 };

void owner_make(char ret_owner[OWNER_LEN + 1])
{
    _Static_assert((int)OWNER_LEN == (int)TOKEN_LEN, "an owner is a token");
    token_make(ret_owner);
}

enum log_answer ownership_check_marks(const char *topic, int32_t partition, int64_t next_offset, int64_t low,
                                      int64_t high, struct err *err)
{
    switch (progress_fits_log(next_offset, low, high)) {
    case LOG_FITS:
        return LOG_AGREES;
    case LOG_TOO_SHORT:
        err_set(err, ERR_CONFLICT,
                "The log of %s[%d] ends at offset %lld, before progress (%lld): records were lost, or the topic was "
                "made anew.",
                topic, (int)partition, (long long)high, (long long)next_offset);
        break;
    case LOG_CUT:
        err_set(err, ERR_CONFLICT,
                "The log of %s[%d] begins at offset %lld, behind progress (%lld): records were dropped before they "
                "were stored.",
                topic, (int)partition, (long long)low, (long long)next_offset);
        break;
    }
    return LOG_DISAGREES;
}

static enum log_answer check_last_record(const char *brokers, const char *topic, int32_t partition,
                                         const struct progress *progress, struct err *err)
{
    struct kafka_reader *reader;
    struct kafka_record record;
    if (!kafka_reader_open(brokers, "weir-worker", topic, partition, progress->next_offset - 1, &reader, err))
        return LOG_UNKNOWN;
    const int taken = kafka_reader_take(reader, LOG_WAIT_MS, &record, err);
    enum log_answer answer = LOG_UNKNOWN;
    if (taken == 0)
        err_set(err, ERR_OUTAGE, "The record before progress of %s[%d] did not come within %d ms.", topic,
                (int)partition, LOG_WAIT_MS);
    if (taken == 1) {
        const bool same =
            progress_is_last(progress->next_offset, progress->checksum, record.offset, kafka_record_checksum(&record));
        kafka_record_free(&record);
        answer = same ? LOG_AGREES : LOG_DISAGREES;
    }
    if (answer == LOG_DISAGREES)
        err_set(err, ERR_CONFLICT,
                "The record at offset %lld of %s[%d] is not the one that was stored last: the topic was made anew, or "
                "is another one.",
                (long long)progress->next_offset - 1, topic, (int)partition);
    kafka_reader_close(reader);
    return answer;
}

enum log_answer ownership_check_log(struct kafka_admin *admin, const char *brokers, const char *topic,
                                    int32_t partition, const struct progress *progress, struct err *err)
{
    int64_t low, high;
    if (!kafka_admin_watermarks(admin, topic, partition, LOG_WAIT_MS, &low, &high, err))
        return LOG_UNKNOWN;
    const enum log_answer marks = ownership_check_marks(topic, partition, progress->next_offset, low, high, err);
    if (marks != LOG_AGREES || !progress_has_last(progress->next_offset, progress->checksum, low))
        return marks;
    return check_last_record(brokers, topic, partition, progress, err);
}
