/* One request of the storm: who asks for what, and its bytes on the wire. Plain data, no pointers. */
#ifndef WEIR_BENCH_STORM_REQUEST_H
#define WEIR_BENCH_STORM_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#define REQUEST_BYTES_MAX         512u
#define REQUEST_TRY_KEY_BYTES_MAX 48u

enum scenario {
    SCENARIO_NORMAL,
    SCENARIO_HOTROOM,
    SCENARIO_CROSSSHARD,
    SCENARIO_ADMIN,
    SCENARIO_GRAB,
    SCENARIO_COUNT, /* the ones above are what a request can belong to */
    SCENARIO_MIX = SCENARIO_COUNT,
};

enum request_kind {
    REQUEST_GRAB,
    REQUEST_ORDERS_RECENT,
    REQUEST_STATISTICS,
    REQUEST_ROOM_ORDERS,
    REQUEST_USER_COUPONS,
    REQUEST_ADMIN_STATS,
    REQUEST_SHARDS_STATUS,
};

struct request {
    uint64_t index; /* its place in the schedule */
    enum scenario scenario;
    enum request_kind kind;
    uint64_t user;
    uint64_t coupon;
    uint64_t room;                           /* 0: not sent */
    char try_key[REQUEST_TRY_KEY_BYTES_MAX]; /* the Idempotency-Key; "" when none is sent */
    int64_t due_us;                          /* all three: since the start of the run */
    int64_t sent_us;
    int64_t answered_us;
};

/* Writes the request for `host` and returns its length in bytes, always below REQUEST_BYTES_MAX. */
size_t request_render(const struct request *request, const char *host, char ret_text[REQUEST_BYTES_MAX]);

#endif
