#include "ingest/grab_flow.h"

#include "core/clock.h"
#include "core/crash.h"
#include "core/log.h"
#include "core/planted.h"
#include "ingest/ingest.h"
#include "schemas/codec.h"
#include "schemas/partition.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void on_ask_again(void *arg);

size_t grab_calls_max(const struct ingest_config *config)
{
    return (size_t)(config->grabs_max + config->batch_grabs_max);
}

void grab_flow_open(struct ingest_loop *loop)
{
    struct grab_calls *calls = &loop->calls;
    const size_t count = grab_calls_max(loop->ingest->config);
    calls->all = mem_alloc(count * sizeof *calls->all);
    for (size_t i = 0; i < count; i++) {
        calls->all[i].next = calls->spare;
        calls->spare = &calls->all[i];
    }
    calls->ask_timer = loop_timer_new(loop->loop, on_ask_again, loop);
}

void grab_flow_close(struct ingest_loop *loop)
{
    loop_timer_free(loop->calls.ask_timer);
    free(loop->calls.all);
    loop->calls = (struct grab_calls){0};
}

/* ---- answering ---- */

static struct grab_outcome outcome_of_input(const struct grab_input *input)
{
    return (struct grab_outcome){
        .user_id = input->request.user_id,
        .coupon_id = input->request.coupon_id,
        .room_id = -1,
        .left = -1,
        .offset = -1,
        .latency_us = clock_boottime_us() - input->start_us,
    };
}

static void answer(struct ingest_loop *loop, const struct grab_input *input, const struct grab_outcome *outcome)
{
    ingest_metrics_count(&loop->ingest->metrics, outcome);
    CRASH_POINT("ingest.before_answer");
    input->done(outcome, input->index, input->arg);
    CRASH_POINT("ingest.after_answer");
}

/* Before anything was reserved, and without a call of its own. */
static void answer_at_once(struct ingest_loop *loop, const struct grab_input *input, enum grab_answer kind,
                           enum grab_reason reason)
{
    struct grab_outcome outcome = outcome_of_input(input);
    outcome.answer = kind;
    outcome.reason = reason;
    answer(loop, input, &outcome);
}

static void call_end(struct grab_call *call, const struct grab_outcome *outcome)
{
    struct ingest_loop *loop = call->loop;
    struct grab_input input = call->input;
    call->next = loop->calls.spare;
    loop->calls.spare = call;
    ingest_count(&loop->grabs_in_flight, -1);
    admission_end(&loop->admission, clock_boottime_us());
    answer(loop, &input, outcome);
}

enum grab_reason grab_closed_reason(const struct catalog_copy *copy, uint64_t coupon_id, int64_t now_us,
                                    bool *ret_refused)
{
    static const enum grab_reason reason[] = {
        [CLOSED_CATALOG_AWAY] = REASON_CATALOG_AWAY,
        [CLOSED_NOT_READY] = REASON_COUPON_NOT_READY,
        [CLOSED_NOT_STARTED] = REASON_NOT_STARTED,
        [CLOSED_NO_COUPON] = REASON_UNKNOWN_COUPON,
    };
    bool known = !catalog_copy_stale(copy, now_us);
    const struct catalog_coupon *coupon = known ? catalog_copy_find(copy, coupon_id) : NULL;
    uint64_t opened = coupon == NULL ? 0 : coupon->broken ? 1 : coupon->opened;
    enum closed_why why = grab_closed_why(known, coupon != NULL, opened);
    *ret_refused = why == CLOSED_NOT_STARTED || why == CLOSED_NO_COUPON;
    return reason[why];
}

/* Nothing was sold; why not? No valid mark is looked up in the catalog's copy. */
static void outcome_unavailable(const struct grab_call *call, struct grab_outcome *outcome)
{
    bool refused = false;
    outcome->reason = call->unavailable;
    if (call->grab.reserved == RESERVE_CLOSED)
        outcome->reason =
            grab_closed_reason(call->loop->copy, call->input.request.coupon_id, clock_boottime_us(), &refused);
    outcome->answer = refused ? ANSWER_REFUSED : ANSWER_UNAVAILABLE;
    if (outcome->reason == REASON_NOT_STARTED)
        outcome->room_id = catalog_copy_find(call->loop->copy, call->input.request.coupon_id)->room_id;
}

static void outcome_known(const struct grab_call *call, struct grab_outcome *outcome)
{
    const struct grab *grab = &call->grab;
    switch (outcome->answer) {
    case ANSWER_SUCCESS:
        outcome->grab_id = grab->grab_id;
        outcome->partition = call->partition;
        outcome->offset = call->offset;
        break;
    case ANSWER_REPLAYED:
        outcome->grab_id = grab->existing_id;
        break;
    case ANSWER_UNKNOWN:
        outcome->reason = REASON_UNKNOWN;
        outcome->grab_id = grab_place(grab).grab_id;
        outcome->epoch = grab_place(grab).epoch;
        break;
    default:
        outcome->reason = grab_reason_refused(grab->reserved);
        outcome->left = outcome->reason == REASON_OUT_OF_STOCK ? 0 : outcome->left;
        break;
    }
}

static void call_answer(struct grab_call *call, enum grab_answer kind)
{
    struct grab_outcome outcome = outcome_of_input(&call->input);
    outcome.answer = kind;
    outcome.reason = REASON_SUCCESS;
    outcome.room_id = call->room_id;
    outcome.left = call->left;
    if (kind == ANSWER_UNAVAILABLE)
        outcome_unavailable(call, &outcome);
    else
        outcome_known(call, &outcome);
    call_end(call, &outcome);
}

/* ---- the steps ---- */

static void call_append(struct grab_call *call);

static void call_gather(struct grab_call *call, enum stock_batch_kind kind)
{
    bool reserve = kind == BATCH_RESERVE;
    struct stock_item item = {.grab_id = call->grab.grab_id,
                              .user_id = call->input.request.user_id,
                              .try_key = reserve ? call->try_key : NULL,
                              .call = reserve || kind == BATCH_CONFIRM ? call : NULL};
    ingest_count(&call->loop->stock_items, 1);
    stock_batch_add(&call->loop->batch, kind, call->input.request.coupon_id, reserve ? 0 : call->grab.epoch, &item);
}

static void call_ask_again_later(struct grab_call *call)
{
    struct grab_calls *calls = &call->loop->calls;
    call->ask_at_us = loop_now_us(call->loop->loop) + GRAB_ASK_AGAIN_MS * INT64_C(1000);
    call->next = NULL;
    if (calls->ask_last != NULL) {
        calls->ask_last->next = call;
    } else {
        calls->ask_first = call;
        loop_timer_set(calls->ask_timer, GRAB_ASK_AGAIN_MS);
    }
    calls->ask_last = call;
}

static void call_step(struct grab_call *call, struct grab_step step)
{
    const struct ingest_metrics *metrics = &call->loop->ingest->metrics;
    switch (step.action) {
    case GRAB_DO_NOTHING:
        break;
    case GRAB_DO_APPEND:
        call_append(call);
        break;
    case GRAB_DO_SETTLE:
        call_gather(call, BATCH_SETTLE);
        break;
    case GRAB_DO_CONFIRM:
        metric_add(metrics->confirms, 1);
        call_gather(call, BATCH_CONFIRM);
        break;
    case GRAB_DO_RELEASE:
        metric_add(metrics->releases, 1);
        call_gather(call, BATCH_RELEASE);
        break;
    case GRAB_DO_ASK_AGAIN:
        call_ask_again_later(call);
        break;
    }
    if (step.answer != ANSWER_NOT_YET) /* an append's answer comes with its report, so `call` still lives */
        call_answer(call, step.answer);
}

static bool call_reserve(struct grab_call *call, int64_t now_us)
{
    uint64_t grab_id;
    if (!id_make(&call->loop->ids, clock_realtime_ms(), &grab_id))
        return false;
    grab_begin(&call->grab, grab_id, now_us);
    admission_stage_begin(&call->loop->admission, ADMISSION_RESERVE, now_us, &call->span);
    call_gather(call, BATCH_RESERVE);
    return true;
}

static void call_ask_again(struct grab_call *call, int64_t now_us)
{
    if (redis_up(call->loop->redis) && call_reserve(call, now_us))
        return;
    struct reserve_answer none = {.result = RESERVE_NO_ANSWER, .room_id = call->room_id, .left = call->left};
    grab_flow_reserved(call, &none);
}

static void on_ask_again(void *arg)
{
    struct ingest_loop *loop = arg;
    struct grab_calls *calls = &loop->calls;
    int64_t now_us = clock_boottime_us();
    while (calls->ask_first != NULL && calls->ask_first->ask_at_us <= now_us) {
        struct grab_call *call = calls->ask_first;
        calls->ask_first = call->next;
        if (calls->ask_first == NULL)
            calls->ask_last = NULL;
        call_ask_again(call, now_us);
    }
    if (calls->ask_first != NULL)
        loop_timer_set(calls->ask_timer, (uint32_t)((calls->ask_first->ask_at_us - now_us) / 1000 + 1));
}

void grab_flow_reserved(struct grab_call *call, const struct reserve_answer *answer)
{
    if (answer->result == RESERVE_TAKEN)
        CRASH_POINT("ingest.after_reserve");
    int64_t now_us = clock_boottime_us();
    admission_stage_end(&call->loop->admission, ADMISSION_RESERVE, &call->span, now_us,
                        answer->result != RESERVE_NO_ANSWER);
    call->left = answer->left;
    call->room_id = answer->room_id;
    call->unavailable = REASON_REDIS_AWAY;
    call_step(call, grab_on_reserve(&call->grab, answer->result, answer->epoch, answer->hold_ms, answer->existing_id,
                                    now_us));
}

void grab_flow_confirmed(struct grab_call *call, enum confirm_result result)
{
    call_step(call, grab_on_confirm(&call->grab, result));
}

/* ---- the append ---- */

static void call_record(const struct grab_call *call, struct grab_event *ret_event)
{
    *ret_event = (struct grab_event){
        .grab_id = call->grab.grab_id,
        .user_id = call->input.request.user_id,
        .coupon_id = call->input.request.coupon_id,
        .room_id = (uint32_t)call->room_id,
        .epoch = call->grab.epoch,
        .kind = RECORD_DATA,
    };
    memcpy(ret_event->try_key, call->try_key, sizeof call->try_key);
}

static bool call_produce(struct grab_call *call, int32_t partition, struct err *err)
{
    struct ingest_loop *loop = call->loop;
    const struct stream *stream = loop->ingest->stream;
    struct grab_event event;
    call_record(call, &event);
    buf_reset(&loop->key);
    buf_reset(&loop->value);
    codec_write_key(stream, &event, &loop->key);
    codec_write(stream, &event, &loop->value);
    const struct text *trace = &call->input.traceparent, *id = &call->input.request_id;
    struct kafka_header headers[2] = {{.name = "request_id", .data = id->data, .len = id->len},
                                      {.name = "traceparent", .data = trace->data, .len = trace->len}};
    if (FAIL_POINT("ingest.producer_fatal"))
        kafka_producer_fail(loop->producer);
    if (FAIL_POINT("ingest.queue_full"))
        return err_set(err, ERR_OUTAGE, "the producer's queue is full: a test asked for it");
    return kafka_produce(loop->producer, stream->name, partition, loop->key.data, loop->key.len, loop->value.data,
                         loop->value.len, headers, trace->len > 0 ? 2 : 1,
                         PLANTED("success_before_report") ? NULL : call, err);
}

/* A record that could not be handed over is certainly not persisted. */
static void call_append(struct grab_call *call)
{
    struct err err = {0};
    int32_t partitions = call->loop->copy->partitions;
    if (partitions > 0 && call_produce(call, partition_of_user(call->input.request.user_id, partitions), &err)) {
        admission_stage_begin(&call->loop->admission, ADMISSION_APPEND, clock_boottime_us(), &call->span);
        CRASH_POINT("ingest.after_append");
        if (PLANTED("success_before_report"))
            call_step(call, grab_on_report(&call->grab, APPEND_PERSISTED, clock_boottime_us()));
        return;
    }
    log_warn("a grab was not appended", LOG_STR("why", partitions > 0 ? err.text : "the partition count is not known"));
    call->unavailable = REASON_NOT_APPENDED;
    call_step(call, grab_on_report(&call->grab, APPEND_NOT_PERSISTED, clock_boottime_us()));
}

void grab_flow_reported(const struct kafka_delivery *delivery, void *arg)
{
    static const enum append_report report[] = {[KAFKA_PERSISTED] = APPEND_PERSISTED,
                                                [KAFKA_NOT_PERSISTED] = APPEND_NOT_PERSISTED,
                                                [KAFKA_POSSIBLY_PERSISTED] = APPEND_POSSIBLY_PERSISTED};
    (void)arg;
    struct grab_call *call = delivery->opaque;
    CRASH_POINT("ingest.after_report");
    if (PLANTED("success_before_report"))
        return;
    if (delivery->report != KAFKA_PERSISTED)
        log_warn("a grab was not reported persisted", LOG_STR("why", delivery->error),
                 LOG_INT("possibly_persisted", delivery->report == KAFKA_POSSIBLY_PERSISTED));
    call->partition = delivery->partition;
    call->offset = delivery->offset;
    call->unavailable = REASON_NOT_APPENDED;
    /* The clock is read after the report was taken: never earlier than the persisting itself. */
    int64_t now_us = clock_boottime_us();
    admission_stage_end(&call->loop->admission, ADMISSION_APPEND, &call->span, now_us,
                        delivery->report == KAFKA_PERSISTED);
    call_step(call, grab_on_report(&call->grab, report[delivery->report], now_us));
}

/* ---- the start ---- */

static enum grab_reason part_away(const struct ingest_loop *loop)
{
    if (loop->failed || loop->copy == NULL || loop->copy->partitions <= 0)
        return REASON_CATALOG_AWAY;
    if (!redis_up(loop->redis))
        return REASON_REDIS_AWAY;
    if (!kafka_producer_up(loop->producer))
        return REASON_KAFKA_AWAY;
    return REASON_SUCCESS;
}

enum grab_reason grab_flow_admission(struct ingest_loop *loop)
{
    enum grab_reason away = part_away(loop);
    if (away != REASON_SUCCESS)
        return away;
    if (!admission_full(&loop->admission))
        return REASON_SUCCESS;
    admission_refused(&loop->admission);
    return REASON_OVERLOADED;
}

/* Decided by the copy, before a unit is taken; the coupon's room never changes. */
static bool room_mismatch(const struct ingest_loop *loop, const struct grab_request *request)
{
    if (!loop->ingest->config->strict_room || !request->room_given)
        return false;
    const struct catalog_coupon *coupon = catalog_copy_find(loop->copy, request->coupon_id);
    return coupon != NULL && !coupon->broken && coupon->room_id != request->room_id;
}

static struct grab_call *call_begin(struct ingest_loop *loop, const struct grab_input *input)
{
    struct grab_call *call = loop->calls.spare;
    assert(call != NULL); /* grab_calls_max */
    loop->calls.spare = call->next;
    *call = (struct grab_call){.loop = loop, .input = *input, .left = -1, .room_id = -1, .offset = -1};
    assert(input->try_key.len <= TRY_KEY_MAX);
    if (input->try_key.len > 0)
        memcpy(call->try_key, input->try_key.data, input->try_key.len);
    ingest_count(&loop->grabs_in_flight, 1);
    admission_begin(&loop->admission);
    return call;
}

void grab_flow_start(struct ingest_loop *loop, const struct grab_input *input)
{
    if (room_mismatch(loop, &input->request)) {
        answer_at_once(loop, input, ANSWER_REFUSED, REASON_ROOM_MISMATCH);
        return;
    }
    struct grab_call *call = call_begin(loop, input);
    if (call_reserve(call, loop_now_us(loop->loop))) /* earlier than the sending: the safe side */
        return;
    call->unavailable = REASON_NO_IDS;
    call->grab.reserved = RESERVE_NO_ANSWER;
    call_answer(call, ANSWER_UNAVAILABLE);
}
