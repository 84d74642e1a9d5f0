/* What a loop knows of the catalog: an unchanging copy, shared by the loops, replaced by a younger one several times a
 * second (catalog_reader.h). Pure.
 *
 * Ownership: counted. The reader makes one with as many references as it hands out; a loop drops its own when the next
 * one comes. */
#ifndef WEIR_INGEST_CATALOG_COPY_H
#define WEIR_INGEST_CATALOG_COPY_H

#include "schemas/catalog.h"
#include <stdatomic.h>

/* Past this age "not in the copy" says nothing any more. CATALOG_READ_MS_MAX, the longest time between two reads,
 * leaves room for a read that is slow and one beside it. */
enum { CATALOG_COPY_AGE_MS_MAX = 1000, CATALOG_READ_MS_MAX = 400, CATALOG_COPY_COUPONS_MAX = 1000000 };

struct catalog_coupon {
    uint64_t coupon_id;
    uint64_t opened; /* 0 or the epoch of its first open */
    uint32_t room_id;
    bool broken; /* its row is no coupon: there is one of this id, and no more is known of it */
};

struct catalog_copy {
    atomic_int refs;
    int64_t read_at_us; /* CLOCK_BOOTTIME, before the read was sent */
    int32_t partitions; /* of the topic: the catalog's count, when the broker has the same; else 0 */
    size_t count, cap;
    struct catalog_coupon *coupon; /* sorted by id */
};

struct catalog_copy *catalog_copy_new(int64_t read_at_us); /* one reference */
/* False past CATALOG_COPY_COUPONS_MAX. */
WEIR_MUST_USE bool catalog_copy_add(struct catalog_copy *copy, const struct coupon *coupon);
void catalog_copy_sort(struct catalog_copy *copy); /* after the last add */
void catalog_copy_ref(struct catalog_copy *copy);
void catalog_copy_unref(struct catalog_copy *copy); /* NULL is fine */

/* NULL: not there. */
const struct catalog_coupon *catalog_copy_find(const struct catalog_copy *copy, uint64_t coupon_id);
/* Never read, or older than CATALOG_COPY_AGE_MS_MAX. `copy` may be NULL. */
bool catalog_copy_stale(const struct catalog_copy *copy, int64_t now_us);

#endif
