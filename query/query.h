/* weir-query as a whole: what its parts share.
 *
 *     request -> read_*.c: question (question.h) -> plan (plan.h) -> scatter (scatter.h) -> pools (pool.h), one a shard
 *             <- JSON (rows.h, answer.h) <- merge <- answers, all of them or an error that names the shard
 *
 * Threads: the loops of the HTTP server own requests and scatters; each pool has a thread a connection; map_reader and
 * lag have one each.
 */
#ifndef WEIR_QUERY_QUERY_H
#define WEIR_QUERY_QUERY_H

#include "core/http.h"
#include "core/redis.h"
#include "query/lag.h"
#include "query/map.h"
#include "query/pool.h"
#include "query/query_config.h"
#include "query/query_metrics.h"

/* What a check of a shard's connections needs. */
struct query_shard {
    struct query *query;
    int number;
};

struct query {
    const struct query_config *config;
    const struct stream *stream;
    struct map_reader *map_reader;
    struct lag *lag; /* NULL: nobody is asked */
    struct pool *catalog;
    struct pool *shard[ROUTE_SHARDS_MAX];
    struct query_shard shards[ROUTE_SHARDS_MAX];
    int shard_count;
    struct query_metrics metrics;
    struct redis_script look;
    struct redis_script *scripts[1]; /* what each Redis connection loads */
};

/* One HTTP thread. */
struct query_loop {
    struct query *query;
    struct loop *loop;
    struct redis *redis;
    struct buf json; /* of the answer that is being written */
};

/* Starts pools and readers; nothing needs to be there yet. The config outlives the query. */
WEIR_MUST_USE bool query_start(struct query *query, const struct query_config *config, struct err *err);
void query_stop(struct query *query); /* after the last request, before the loops end; also half-started */
/* For http_options: the routes, and the loops' states. */
const struct http_route *query_routes(size_t *ret_count);
void *query_loop_start(struct loop *loop, int index, void *query);
void query_loop_end(void *state);

/* The handlers; `arg` is not used. */
void read_user_coupons(struct http_req *req, void *arg);
void read_room_orders(struct http_req *req, void *arg);
void read_recent_orders(struct http_req *req, void *arg);
void read_grab_status(struct http_req *req, void *arg);
void read_coupon(struct http_req *req, void *arg);
void read_coupon_details(struct http_req *req, void *arg);
void read_coupons(struct http_req *req, void *arg);
void read_stock(struct http_req *req, void *arg);
void read_room_stats(struct http_req *req, void *arg);
void read_statistics(struct http_req *req, void *arg);
void read_admin_stats(struct http_req *req, void *arg);
void read_admin_shards(struct http_req *req, void *arg);

#endif
