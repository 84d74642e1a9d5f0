/* What a client is told of its grab, as JSON. Every business outcome is 200; 202 when it is not known; 429 and 503 say
 * that nothing is held and nothing will be. Pure. */
#ifndef WEIR_INGEST_GRAB_ANSWER_H
#define WEIR_INGEST_GRAB_ANSWER_H

#include "core/buf.h"
#include "protocol/grab.h"

/* Why a grab was refused, or could not be tried. */
enum grab_reason {
    REASON_SUCCESS,
    REASON_UNKNOWN,
    /* refusals, 200 */
    REASON_OUT_OF_STOCK,
    REASON_LIMIT_REACHED,
    REASON_NOT_STARTED,
    REASON_ENDED,
    REASON_UNKNOWN_COUPON,
    REASON_ROOM_MISMATCH,
    /* no try, 503; overloaded is 429 */
    REASON_OVERLOADED,
    REASON_REDIS_AWAY,
    REASON_KAFKA_AWAY,
    REASON_CATALOG_AWAY,
    REASON_NO_IDS,
    REASON_COUPON_NOT_READY,
    REASON_NOT_APPENDED,
    REASONS,
};

struct grab_outcome {
    enum grab_answer answer; /* never ANSWER_NOT_YET */
    enum grab_reason reason;
    uint64_t grab_id; /* of success, replayed, unknown; else 0 */
    uint64_t epoch;   /* of unknown: where its place is asked for */
    uint64_t user_id;
    uint64_t coupon_id;
    int64_t room_id; /* the coupon's; -1: not known */
    int64_t left;    /* units, as RESERVE saw it for this grab; -1: not known */
    int32_t partition;
    int64_t offset; /* of this grab's own record; -1: no token */
    int64_t latency_us;
};

const char *grab_reason_word(enum grab_reason reason);            /* "out_of_stock"; also the code of a problem */
const char *grab_reason_detail(enum grab_reason reason);          /* the sentence of a problem; "" for the others */
enum grab_reason grab_reason_refused(enum reserve_result result); /* of a result that refuses */

int grab_answer_status(const struct grab_outcome *outcome);
/* Appends the object. `with_status`: one result of a batch, in which even 429 and 503 are an object. */
void grab_answer_json(const struct grab_outcome *outcome, bool with_status, struct buf *ret_json);
/* Appends "/api/grab/{id}?user=…&epoch=…". */
void grab_answer_location(const struct grab_outcome *outcome, struct buf *ret_text);

#endif
