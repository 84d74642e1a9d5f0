#include "ingest/catalog_copy.h"

#include "core/buf.h"

#include <assert.h>
#include <stdlib.h>

struct catalog_copy *catalog_copy_new(int64_t read_at_us)
{
    struct catalog_copy *copy = mem_alloc(sizeof *copy);
    atomic_init(&copy->refs, 1);
    copy->read_at_us = read_at_us;
    return copy;
}

bool catalog_copy_add(struct catalog_copy *copy, const struct coupon *coupon)
{
    if (copy->count == CATALOG_COPY_COUPONS_MAX)
        return false;
    if (copy->count == copy->cap) {
        copy->cap = copy->cap ? copy->cap * 2 : 64;
        copy->coupon = mem_grow(copy->coupon, copy->cap * sizeof *copy->coupon);
    }
    copy->coupon[copy->count++] = (struct catalog_coupon){
        .coupon_id = coupon->coupon_id, .opened = coupon->opened, .room_id = coupon->room_id, .broken = coupon->broken};
    return true;
}

static int coupon_order(const void *a, const void *b)
{
    uint64_t left = ((const struct catalog_coupon *)a)->coupon_id;
    uint64_t right = ((const struct catalog_coupon *)b)->coupon_id;
    return left < right ? -1 : left > right;
}

void catalog_copy_sort(struct catalog_copy *copy)
{
    if (copy->count > 1)
        qsort(copy->coupon, copy->count, sizeof *copy->coupon, coupon_order);
}

void catalog_copy_ref(struct catalog_copy *copy)
{
    atomic_fetch_add_explicit(&copy->refs, 1, memory_order_relaxed);
}

void catalog_copy_unref(struct catalog_copy *copy)
{
    if (copy == NULL)
        return;
    int before = atomic_fetch_sub_explicit(&copy->refs, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before > 1)
        return;
    free(copy->coupon);
    free(copy);
}

const struct catalog_coupon *catalog_copy_find(const struct catalog_copy *copy, uint64_t coupon_id)
{
    struct catalog_coupon key = {.coupon_id = coupon_id};
    return copy->count == 0 ? NULL : bsearch(&key, copy->coupon, copy->count, sizeof key, coupon_order);
}

bool catalog_copy_stale(const struct catalog_copy *copy, int64_t now_us)
{
    return copy == NULL || now_us - copy->read_at_us > CATALOG_COPY_AGE_MS_MAX * INT64_C(1000);
}
