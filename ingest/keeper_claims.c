#include "ingest/keeper_claims.h"

#include <stdlib.h>
#include <string.h>

void claims_init(struct claims *claims)
{
    *claims = (struct claims){0};
    buf_append_char(&claims->tries, '\0');
}

void claims_free(struct claims *claims)
{
    for (size_t i = 0; i < claims->count; i++)
        free(claims->coupon[i].claim);
    free(claims->coupon);
    buf_free(&claims->tries);
    *claims = (struct claims){0};
}

/* Index of the first coupon whose id is not below `coupon_id`. */
static size_t lower_bound(const struct claims *claims, uint64_t coupon_id)
{
    size_t low = 0, high = claims->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (claims->coupon[middle].coupon_id < coupon_id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct coupon_claims *coupon_of(struct claims *claims, uint64_t coupon_id)
{
    size_t at = lower_bound(claims, coupon_id);
    if (at < claims->count && claims->coupon[at].coupon_id == coupon_id)
        return &claims->coupon[at];
    claims->coupon = mem_grow(claims->coupon, (claims->count + 1) * sizeof *claims->coupon);
    memmove(claims->coupon + at + 1, claims->coupon + at, (claims->count - at) * sizeof *claims->coupon);
    claims->count++;
    claims->coupon[at] = (struct coupon_claims){.coupon_id = coupon_id};
    return &claims->coupon[at];
}

void claims_add(struct claims *claims, uint64_t coupon_id, uint64_t user_id, uint64_t grab_id, const char *try_key,
                size_t try_len)
{
    struct coupon_claims *coupon = coupon_of(claims, coupon_id);
    if (coupon->count == coupon->cap) {
        coupon->cap = coupon->cap == 0 ? 64 : coupon->cap * 2;
        coupon->claim = mem_grow(coupon->claim, coupon->cap * sizeof *coupon->claim);
    }
    uint64_t try_at = 0;
    if (try_len > 0) {
        try_at = claims->tries.len;
        buf_append(&claims->tries, try_key, try_len);
        buf_append_char(&claims->tries, '\0');
    }
    coupon->claim[coupon->count++] = (struct claim){.user_id = user_id, .grab_id = grab_id, .try_at = try_at};
}

static int compare_claims(const void *left, const void *right)
{
    const struct claim *a = left, *b = right;
    if (a->user_id != b->user_id)
        return a->user_id < b->user_id ? -1 : 1;
    return (a->grab_id > b->grab_id) - (a->grab_id < b->grab_id);
}

void claims_sort(struct claims *claims)
{
    for (size_t i = 0; i < claims->count; i++)
        qsort(claims->coupon[i].claim, claims->coupon[i].count, sizeof(struct claim), compare_claims);
}

uint64_t claims_count(const struct claims *claims)
{
    uint64_t count = 0;
    for (size_t i = 0; i < claims->count; i++)
        count += claims->coupon[i].count;
    return count;
}

const struct coupon_claims *claims_of(const struct claims *claims, uint64_t coupon_id)
{
    size_t at = lower_bound(claims, coupon_id);
    return at < claims->count && claims->coupon[at].coupon_id == coupon_id ? &claims->coupon[at] : NULL;
}

size_t claims_entry(const struct claims *claims, const struct coupon_claims *coupon, size_t at, struct buf *ret_entry)
{
    uint64_t user_id = coupon->claim[at].user_id;
    for (bool first = true; at < coupon->count && coupon->claim[at].user_id == user_id; at++, first = false) {
        if (!first)
            buf_append_char(ret_entry, ' ');
        buf_append_u64(ret_entry, coupon->claim[at].grab_id);
        buf_append_char(ret_entry, ':');
        buf_append_str(ret_entry, claims->tries.data + coupon->claim[at].try_at);
    }
    return at;
}
