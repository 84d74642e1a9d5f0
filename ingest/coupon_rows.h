/* Rows of the catalog's table coupons as the keeper and ingest read them, all at once and again and again: one that is
 * no coupon (a negative time, a number that is NULL) must not stop the others. It is left out, except for its id and
 * what else a rebuild needs to keep it closed; counted in the gauge weir_catalog_broken_coupons; and named in the log,
 * when the number changes and then once in COUPON_ROWS_SAY_MS. One thread. */
#ifndef WEIR_INGEST_COUPON_ROWS_H
#define WEIR_INGEST_COUPON_ROWS_H

#include "core/value.h"
#include "schemas/catalog.h"

enum { COUPON_ROWS_SAY_MS = 60000 };

struct coupon_rows {
    size_t broken;    /* of the read that is under way, or of the last one */
    struct err first; /* why the first of them is none */
    size_t said;      /* what the log said last */
    int64_t said_at_ms;
};

void coupon_rows_begin(struct coupon_rows *rows); /* before each read */
/* True: `ret_coupon` is a coupon, or what is left of one (`broken`). False: the row has not even an id. */
WEIR_MUST_USE bool coupon_rows_take(struct coupon_rows *rows, const struct value *cells, size_t count,
                                    struct coupon *ret_coupon);
void coupon_rows_end(struct coupon_rows *rows); /* after a read that came through: gauge and log */

/* Pure: whether the log has to be told of this read. */
bool coupon_rows_say(struct coupon_rows *rows, int64_t now_ms);

#endif
