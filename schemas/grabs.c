#include "schemas/grabs.h"

#include "protocol/ids.h"
#include "schemas/layout.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define GRAB(field_, roles_, help_) COLUMN(struct grab_event, field_, roles_, help_)

/* In the order of the row. */
static const struct column columns[] = {
    GRAB(user_id, COLUMN_WIRE | COLUMN_ROW | COLUMN_POSITIVE | COLUMN_KEY, "who grabbed; the shard key"),
    GRAB(coupon_id, COLUMN_WIRE | COLUMN_ROW | COLUMN_POSITIVE, "which coupon"),
    GRAB(room_id, COLUMN_WIRE | COLUMN_ROW, "the coupon's room"),
    GRAB(grab_id, COLUMN_WIRE | COLUMN_ROW | COLUMN_POSITIVE | COLUMN_ID_TEXT | COLUMN_ID,
         "this attempt; holds its time"),
    GRAB(epoch, COLUMN_WIRE, "sale epoch under which the unit was reserved"),
    GRAB(grab_status, COLUMN_ROW, "1 OK, 0 VOID"),
    GRAB(fail_reason, COLUMN_ROW | COLUMN_NULLABLE | COLUMN_ASCII, "why it is VOID: cancelled, stale_epoch"),
    GRAB(grab_time, COLUMN_ROW, "when the id was made"),
    GRAB(use_status, COLUMN_ROW, "0 unused, 1 used"),
    GRAB(try_key, COLUMN_WIRE | COLUMN_ROW | COLUMN_NULLABLE | COLUMN_ASCII, "the Idempotency-Key of the try"),
};

_Static_assert(COLUMN_TYPE_OF(((struct grab_event *)0)->try_key) == COLUMN_TEXT, "a char array is a text column");
_Static_assert(sizeof(struct grab_event) <= STREAM_EVENT_BYTES_MAX, "a grab fits where every stream's event fits");

static int64_t grab_time_ms(const void *event)
{
    return id_time_ms(((const struct grab_event *)event)->grab_id);
}

static void grab_finish(void *event, enum fold_verdict verdict)
{
    struct grab_event *grab = event;
    assert(verdict == FOLD_OK || verdict == FOLD_VOID_CANCELLED || verdict == FOLD_VOID_STALE);
    const char *reason = verdict == FOLD_OK ? "" : verdict == FOLD_VOID_CANCELLED ? "cancelled" : "stale_epoch";
    grab->grab_status = verdict == FOLD_OK ? GRAB_ROW_OK : GRAB_ROW_VOID;
    grab->grab_time = id_time_ms(grab->grab_id);
    grab->use_status = 0;
    snprintf(grab->fail_reason, sizeof grab->fail_reason, "%s", reason);
}

const struct stream stream_grabs = {
    .name = "grabs",
    .version = 1,
    .event_size = sizeof(struct grab_event),
    .columns = columns,
    .column_count = sizeof columns / sizeof *columns,
    .key_column = "user_id",
    .id_column = "grab_id",
    .kind_name = {[RECORD_DATA] = "grab", [RECORD_CANCEL] = "cancel", [RECORD_BARRIER] = "barrier"},
    .kind_offset = offsetof(struct grab_event, kind),
    .epoch_offset = offsetof(struct grab_event, epoch),
    .layouts =
        {
            {.layout = &layout_hash, .primary = {"user_id", "grab_id"}},
            {.layout = &layout_daily, .primary = {"grab_id"}, .index = {"room_id", "grab_id"}},
        },
    .layout_count = 2,
    .time_ms = grab_time_ms,
    .finish = grab_finish,
    .totals_table = "grab_totals",
    .totals_column = "coupon_id",
    .view = "coupon_results",
};

void grab_event_barrier(struct grab_event *ret_event, uint64_t epoch, const char *by)
{
    assert(epoch > 0 && strlen(by) <= TRY_KEY_MAX);
    *ret_event = (struct grab_event){.kind = RECORD_BARRIER, .epoch = epoch};
    snprintf(ret_event->try_key, sizeof ret_event->try_key, "%s", by);
}

void grab_event_cancel(struct grab_event *ret_event, uint64_t grab_id, uint64_t user_id, uint64_t coupon_id,
                       uint32_t room_id, uint64_t epoch, const char *try_key)
{
    assert(grab_id > 0 && user_id > 0 && coupon_id > 0 && strlen(try_key) <= TRY_KEY_MAX);
    *ret_event = (struct grab_event){.kind = RECORD_CANCEL,
                                     .grab_id = grab_id,
                                     .user_id = user_id,
                                     .coupon_id = coupon_id,
                                     .room_id = room_id,
                                     .epoch = epoch};
    snprintf(ret_event->try_key, sizeof ret_event->try_key, "%s", try_key);
}
