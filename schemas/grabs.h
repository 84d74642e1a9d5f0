/* The stream `grabs`: one user's attempt at one unit of one coupon. */
#ifndef WEIR_SCHEMAS_GRABS_H
#define WEIR_SCHEMAS_GRABS_H

#include "schemas/stream.h"

enum { TRY_KEY_MAX = 64, FAIL_REASON_MAX = 31 };
enum { GRAB_ROW_VOID = 0, GRAB_ROW_OK = 1 };

struct grab_event {
    uint64_t grab_id;
    uint64_t user_id;
    uint64_t coupon_id;
    uint64_t epoch;
    int64_t grab_time; /* ms since 1970: the time inside grab_id; rows only */
    uint32_t room_id;
    uint8_t kind;                          /* enum record_kind; "type" on the wire */
    uint8_t grab_status;                   /* GRAB_ROW_*; rows only */
    uint8_t use_status;                    /* 0 unused, 1 used; rows only */
    char fail_reason[FAIL_REASON_MAX + 1]; /* "" (null) for OK; "cancelled", "stale_epoch"; rows only */
    char try_key[TRY_KEY_MAX + 1];         /* "" is null */
};

extern const struct stream stream_grabs;

/* A barrier of an epoch: user, coupon, room and grab_id are 0; `by` (its rebuild's random id, in try_key) tells own
 * barriers from foreign ones. */
void grab_event_barrier(struct grab_event *ret_event, uint64_t epoch, const char *by);
void grab_event_cancel(struct grab_event *ret_event, uint64_t grab_id, uint64_t user_id, uint64_t coupon_id,
                       uint32_t room_id, uint64_t epoch, const char *try_key);

#endif
