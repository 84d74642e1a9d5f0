/* One grab from request to answer, on one loop. It carries out what protocol/grab.h decides, and decides nothing.
 *
 *     grab_flow_admission -> refused: the parts are away, or too many are in flight
 *     grab_flow_start -> RESERVE (gathered) -> grab_flow_reserved -> produce -> grab_flow_reported -> done()
 *                                                  |   \-> asks again in 10 ms      \-> SETTLE | RELEASE
 *                                                  \-> done()                       \-> CONFIRM -> grab_flow_confirmed
 *                                                                                                  -> done()
 *
 * A grab that was started is always answered, once, through `done`, on its loop's thread. The client may be gone by
 * then; the grab goes to its end all the same. How many are let in says admission.h, by time, up to ingest.grabs_max in
 * flight; the calls are taken at start and never grow. A batch is let in as one grab is and then goes in whole, however
 * many that makes: there are calls, and places in the producer's queue, for one batch more than the bound. */
#ifndef WEIR_INGEST_GRAB_FLOW_H
#define WEIR_INGEST_GRAB_FLOW_H

#include "core/http.h"
#include "core/kafka.h"
#include "ingest/admission.h"
#include "ingest/catalog_copy.h"
#include "ingest/grab_answer.h"
#include "ingest/grab_request.h"
#include "ingest/ingest_config.h"
#include "schemas/grabs.h"

struct ingest_loop;

/* `index` is the caller's own. The outcome is borrowed. */
typedef void (*grab_done_fn)(const struct grab_outcome *outcome, size_t index, void *arg);

struct grab_input {
    struct grab_request request;
    struct text try_key;     /* empty: none; checked already */
    struct text request_id;  /* these two borrowed until done */
    struct text traceparent; /* empty: none */
    int64_t start_us;        /* CLOCK_BOOTTIME when the request came */
    grab_done_fn done;
    size_t index;
    void *arg;
};

struct grab_call {
    struct grab_call *next; /* spare, or waiting to ask again */
    struct ingest_loop *loop;
    struct grab grab;
    struct grab_input input;
    char try_key[TRY_KEY_MAX + 1];
    struct admission_span span; /* of the RESERVE or the append that is under way */
    int64_t ask_at_us;
    int64_t left;
    int64_t room_id;
    int32_t partition;
    int64_t offset;
    enum grab_reason unavailable; /* why, if it comes to that */
};

struct grab_calls {
    struct grab_call *all, *spare;
    struct grab_call *ask_first, *ask_last; /* in the order of ask_at_us */
    struct loop_timer *ask_timer;
};

/* In flight at once in a loop, at most: the last to be let in, below grabs_max, may be a batch. */
size_t grab_calls_max(const struct ingest_config *config);
void grab_flow_open(struct ingest_loop *loop);
void grab_flow_close(struct ingest_loop *loop); /* nothing may be in flight */
/* Whether a request's grabs are let in: REASON_SUCCESS, or why not. Asked once a request, before its body is
 * parsed: a refusal costs little, and a batch is let in whole or not at all. */
enum grab_reason grab_flow_admission(struct ingest_loop *loop);
/* After grab_flow_admission, on the same tick. May call `done` before it returns. */
void grab_flow_start(struct ingest_loop *loop, const struct grab_input *input);

struct reserve_answer {
    enum reserve_result result;
    uint64_t epoch;
    int64_t hold_ms;
    int64_t room_id; /* -1: not known */
    int64_t left;    /* -1: not known */
    uint64_t existing_id;
};
void grab_flow_reserved(struct grab_call *call, const struct reserve_answer *answer);
void grab_flow_confirmed(struct grab_call *call, enum confirm_result result);
/* For kafka_producer_reports and kafka_producer_close; `arg` is not used, the delivery's opaque is the call. */
void grab_flow_reported(const struct kafka_delivery *delivery, void *arg);

/* Pure. RESERVE found no valid mark: what the copy of the catalog says of the coupon. `ret_refused`: a refusal with
 * that reason, else the grab is unavailable for it. */
enum grab_reason grab_closed_reason(const struct catalog_copy *copy, uint64_t coupon_id, int64_t now_us,
                                    bool *ret_refused);

#endif
