/* The metrics of weir-query. */
#ifndef WEIR_QUERY_QUERY_METRICS_H
#define WEIR_QUERY_QUERY_METRICS_H

#include "core/metrics.h"
#include "schemas/route.h"

enum read_kind {
    READ_USER_COUPONS,
    READ_ROOM_ORDERS,
    READ_RECENT_ORDERS,
    READ_GRAB_STATUS,
    READ_COUPON,
    READ_COUPON_DETAILS,
    READ_COUPONS,
    READ_STOCK,
    READ_ROOM_STATS,
    READ_STATISTICS,
    READ_ADMIN_STATS,
    READ_ADMIN_SHARDS,
    READ_KINDS,
};

struct query_metrics {
    struct metric *requests[READ_KINDS];
    struct metric *seconds[READ_KINDS];
    struct metric *shard_errors[ROUTE_SHARDS_MAX];
    struct metric *catalog_errors;
    struct metric *partial; /* answers that were not complete */
};

void query_metrics_declare(struct query_metrics *metrics, int shards);

#endif
