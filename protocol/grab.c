#include "protocol/grab.h"

#include "core/planted.h"

#include <assert.h>

static struct grab_step step(enum grab_action action, enum grab_answer answer)
{
    return (struct grab_step){.action = action, .answer = answer};
}

enum reserve_result grab_reserve_result(int64_t code, uint64_t existing_id, uint64_t own_id)
{
    bool exists = code == RESERVE_EXISTS_SETTLED || code == RESERVE_EXISTS_PENDING;
    if (code < RESERVE_TAKEN || code > RESERVE_OUT_OF_STOCK)
        return RESERVE_NO_ANSWER;
    return exists && (existing_id == 0 || existing_id == own_id) ? RESERVE_NO_ANSWER : (enum reserve_result)code;
}

void grab_begin(struct grab *grab, uint64_t new_grab_id, int64_t now_us)
{
    assert(new_grab_id != 0 && new_grab_id != grab->grab_id); /* sent in one RESERVE, once */
    if (!(PLANTED("reserve_sent_again") && grab->reserved == RESERVE_NO_ANSWER))
        grab->grab_id = new_grab_id;
    grab->reserve_sent_us = now_us;
    grab->epoch = 0;
}

/* The try has a grab that is not final yet. A double click must not be told success before the first click's append is
 * known. */
static struct grab_step found_pending(struct grab *grab, int64_t now_us)
{
    if (grab->first_pending_us == 0)
        grab->first_pending_us = now_us;
    if (PLANTED("pending_answered_success"))
        return step(GRAB_DO_NOTHING, ANSWER_REPLAYED);
    bool waited = now_us - grab->first_pending_us >= GRAB_ASK_AGAIN_FOR_MS * INT64_C(1000);
    return waited ? step(GRAB_DO_NOTHING, ANSWER_UNKNOWN) : step(GRAB_DO_ASK_AGAIN, ANSWER_NOT_YET);
}

/* No word from Redis, or no valid mark. Where an existing grab was found pending before, that one may still become OK:
 * its place is the answer. */
static struct grab_step found_nothing(const struct grab *grab)
{
    return step(GRAB_DO_NOTHING, grab->existing_id != 0 ? ANSWER_UNKNOWN : ANSWER_UNAVAILABLE);
}

struct grab_step grab_on_reserve(struct grab *grab, enum reserve_result result, uint64_t epoch, int64_t hold_ms,
                                 uint64_t existing_id, int64_t now_us)
{
    assert(grab->grab_id != 0);
    grab->reserved = result;
    switch (result) {
    case RESERVE_TAKEN:
        assert(epoch > 0 && hold_ms > 0);
        grab->epoch = epoch;
        grab->hold_ms = hold_ms;
        grab->existing_id = 0; /* an earlier one was given back: it is VOID */
        return step(GRAB_DO_APPEND, ANSWER_NOT_YET);
    case RESERVE_EXISTS_SETTLED:
    case RESERVE_EXISTS_PENDING:
        assert(existing_id != 0 && existing_id != grab->grab_id);
        grab->existing_id = existing_id;
        grab->existing_epoch = epoch;
        return result == RESERVE_EXISTS_SETTLED ? step(GRAB_DO_NOTHING, ANSWER_REPLAYED) : found_pending(grab, now_us);
    case RESERVE_ENDED:
    case RESERVE_NOT_STARTED:
    case RESERVE_LIMIT_REACHED:
    case RESERVE_OUT_OF_STOCK:
        return step(GRAB_DO_NOTHING, ANSWER_REFUSED);
    case RESERVE_NO_ANSWER:
        if (PLANTED("reserve_sent_again"))
            return step(GRAB_DO_ASK_AGAIN, ANSWER_NOT_YET);
        break;
    case RESERVE_CLOSED:
        break;
    }
    return found_nothing(grab);
}

struct grab_step grab_on_report(struct grab *grab, enum append_report report, int64_t now_us)
{
    assert(grab->reserved == RESERVE_TAKEN);
    switch (report) {
    case APPEND_PERSISTED: {
        /* Half the hold: a sweep or a rebuild waits at least as long, by its own clock, before it appends what could
         * void this grab. */
        bool in_time = now_us - grab->reserve_sent_us < grab->hold_ms * 1000 / 2;
        return in_time || PLANTED("late_success_unconfirmed") ? step(GRAB_DO_SETTLE, ANSWER_SUCCESS)
                                                              : step(GRAB_DO_CONFIRM, ANSWER_NOT_YET);
    }
    case APPEND_NOT_PERSISTED:
        return step(GRAB_DO_RELEASE, ANSWER_UNAVAILABLE);
    case APPEND_POSSIBLY_PERSISTED:
        if (PLANTED("release_on_possibly_persisted"))
            return step(GRAB_DO_RELEASE, ANSWER_UNAVAILABLE);
        break;
    }
    return step(GRAB_DO_NOTHING, ANSWER_UNKNOWN);
}

struct grab_step grab_on_confirm(struct grab *grab, enum confirm_result result)
{
    assert(grab->reserved == RESERVE_TAKEN);
    return step(GRAB_DO_NOTHING, result == CONFIRM_HELD ? ANSWER_SUCCESS : ANSWER_UNKNOWN);
}

struct grab_place grab_place(const struct grab *grab)
{
    if (grab->existing_id != 0)
        return (struct grab_place){.grab_id = grab->existing_id, .epoch = grab->existing_epoch};
    return (struct grab_place){.grab_id = grab->grab_id, .epoch = grab->epoch};
}

enum closed_why grab_closed_why(bool catalog_known, bool has_coupon, uint64_t opened)
{
    if (!catalog_known)
        return CLOSED_CATALOG_AWAY;
    if (!has_coupon)
        return CLOSED_NO_COUPON;
    return opened == 0 ? CLOSED_NOT_STARTED : CLOSED_NOT_READY;
}
