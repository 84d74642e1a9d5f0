/* The body of a grab: {"user_id": 123, "coupon_id": 456, "room_id": 17}; unknown fields are ignored. Pure. */
#ifndef WEIR_INGEST_GRAB_REQUEST_H
#define WEIR_INGEST_GRAB_REQUEST_H

#include "ingest/request_rules.h"

struct grab_request {
    uint64_t user_id;   /* 1..2^63-1 */
    uint64_t coupon_id; /* 1..2^63-1 */
    uint32_t room_id;   /* as the client has it; the coupon's own is what is stored */
    bool room_given;
};

WEIR_MUST_USE bool grab_request_parse(const char *body, size_t len, struct grab_request *ret_request,
                                      struct request_fault *fault);
/* The same of one element of a batch; anything but an object is a fault (422). */
WEIR_MUST_USE bool grab_request_from_json(const json_t *object, struct grab_request *ret_request,
                                          struct request_fault *fault);

#endif
