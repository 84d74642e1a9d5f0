/* weir coupon, the pure parts: what is asked of the admin API, and what its answers mean to a person. */
#ifndef WEIR_OPS_CLI_COUPON_REQUEST_H
#define WEIR_OPS_CLI_COUPON_REQUEST_H

#include "core/buf.h"
#include "core/err.h"
#include <stdint.h>

struct coupon_options {
    int64_t id, room, total, limit, hold_ms, add; /* 0: not given; room -1: not given */
    const char *title, *opens_at, *ends_at, *gate, *description, *terms;
    bool json;
};

struct coupon_request {
    const char *method; /* static */
    struct buf path;    /* "/admin/coupons/7/restock" */
    struct buf body;    /* empty: none */
    bool admin;         /* needs the token */
};

/* `words`: create | show ID | restock ID | open ID | close ID. ERR_USAGE says which option is missing. Free with
 * coupon_request_free, also on failure. */
WEIR_MUST_USE bool coupon_request_make(const struct coupon_options *options, char *const *words, size_t count,
                                       struct coupon_request *ret_request, struct err *err);
void coupon_request_free(struct coupon_request *request);

/* Of a change that was sent, where nobody says what became of it. What is added to a total stays there: whoever tries
 * again without looking may add it twice. */
#define COUPON_MAY_BE_DONE                                                                                             \
    "it may have been done all the same: look with weir coupon show (after a create without --id in "                  \
    "/api/coupons?room_id=N) before trying again"

/* True when the status is a success. Else `err`, with what to do about it; `admin`: as in the request; `body` is a
 * problem (RFC 9457) or anything. */
WEIR_MUST_USE bool coupon_answer_check(bool admin, int status, const char *body, struct err *err);
/* "name  value" lines of a JSON object's scalars; whatever is not an object is appended as it is. */
void coupon_answer_render(const char *body, struct buf *ret_text);

#endif
