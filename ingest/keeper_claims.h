/* What a rebuild has folded so far: of each coupon, who holds which sold grab. Pure memory, one thread. */
#ifndef WEIR_INGEST_KEEPER_CLAIMS_H
#define WEIR_INGEST_KEEPER_CLAIMS_H

#include "core/buf.h"
#include <stddef.h>
#include <stdint.h>

struct claim {
    uint64_t user_id;
    uint64_t grab_id;
    uint64_t try_at; /* where its try key begins in `tries`; 0: it has none */
};

struct coupon_claims {
    uint64_t coupon_id;
    struct claim *claim; /* sorted by user, then grab, after claims_sort */
    size_t count;        /* sold grabs = OK rows */
    size_t cap;
};

struct claims {
    struct coupon_claims *coupon; /* sorted by coupon_id */
    size_t count;
    struct buf tries; /* NUL-terminated keys; byte 0 is a NUL of its own */
};

void claims_init(struct claims *claims);
void claims_free(struct claims *claims);
void claims_add(struct claims *claims, uint64_t coupon_id, uint64_t user_id, uint64_t grab_id, const char *try_key,
                size_t try_len);
void claims_sort(struct claims *claims);
uint64_t claims_count(const struct claims *claims);                                     /* of all coupons */
const struct coupon_claims *claims_of(const struct claims *claims, uint64_t coupon_id); /* NULL: nothing sold */
/* Appends the value of one user, "grab:try grab:try", of claims [at, …) of the same user; answers the index behind
 * them. */
size_t claims_entry(const struct claims *claims, const struct coupon_claims *coupon, size_t at, struct buf *ret_entry);

#endif
