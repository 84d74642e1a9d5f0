/* A coupon of the catalog as JSON. Pure. */
#ifndef WEIR_QUERY_COUPON_JSON_H
#define WEIR_QUERY_COUPON_JSON_H

#include "core/buf.h"
#include "schemas/catalog.h"

/* Appends `"coupon_id":…,…` without braces; times are RFC 3339 in UTC, null for "never". */
void coupon_append_json(const struct coupon *coupon, struct buf *ret_json);

#endif
