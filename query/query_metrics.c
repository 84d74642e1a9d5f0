#include "query/query_metrics.h"

#include <stdio.h>

static const char *const kind_names[READ_KINDS] = {
    [READ_USER_COUPONS] = "user_coupons",
    [READ_ROOM_ORDERS] = "room_orders",
    [READ_RECENT_ORDERS] = "orders_recent",
    [READ_GRAB_STATUS] = "grab_status",
    [READ_COUPON] = "coupon",
    [READ_COUPON_DETAILS] = "coupon_details",
    [READ_COUPONS] = "coupons",
    [READ_STOCK] = "stock",
    [READ_ROOM_STATS] = "room_stats",
    [READ_STATISTICS] = "statistics",
    [READ_ADMIN_STATS] = "admin_stats",
    [READ_ADMIN_SHARDS] = "admin_shards",
};

void query_metrics_declare(struct query_metrics *metrics, int shards)
{
    char labels[64];
    for (int kind = 0; kind < READ_KINDS; kind++) {
        snprintf(labels, sizeof labels, "kind=\"%s\"", kind_names[kind]);
        metrics->requests[kind] = metric_counter("weir_query_requests_total", "Questions, by kind.", labels);
        metrics->seconds[kind] =
            metric_histogram("weir_query_seconds", "From a question to its answer, by kind.", labels);
    }
    for (int shard = 0; shard < shards; shard++) {
        snprintf(labels, sizeof labels, "shard=\"%d\"", shard);
        metrics->shard_errors[shard] =
            metric_counter("weir_query_shard_errors_total", "Parts of questions that a shard did not answer.", labels);
    }
    metrics->catalog_errors =
        metric_counter("weir_query_catalog_errors_total", "Questions that the catalog did not answer.", NULL);
    metrics->partial = metric_counter("weir_query_partial_total",
                                      "Answers that were asked for as they are, and were not complete.", NULL);
}
