#include "query/query.h"

#include "core/log.h"
#include "core/redis_url.h"
#include "schemas/catalog.h"
#include "schemas/ddl.h"
#include "schemas/openapi.h"
#include "schemas/shard_identity.h"
#include "schemas/stock.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REDIS_RECONNECT_MS_MAX = 1000, REDIS_PENDING_MAX = 10000, LAG_TIMEOUT_MS = 1000 };

/* ---- is a connection to the shard that its place in mysql.shards says? ---- */

static bool check_shard(struct sql *sql, void *arg, struct err *err)
{
    const struct query_shard *shard = arg;
    struct shard_identity identity = {0};
    if (!sql_select(sql, sql_identity_read, NULL, 0, shard_identity_take, &identity, err))
        return false;
    struct map *map = map_reader_take(shard->query->map_reader);
    if (!map)
        return err_set(err, ERR_OUTAGE, "the catalog has not been read yet");
    bool is_ours = shard_identity_check(&identity, sql_where(sql), map->cluster, shard->number, err);
    map_unref(map);
    return is_ours;
}

/* ---- start and stop ---- */

static bool start_pool(struct query *query, const char *name, const char *url, struct query_shard *shard,
                       struct pool **ret_pool, struct err *err)
{
    const struct query_config *config = query->config;
    struct pool_options options = {.name = name,
                                   .url = url,
                                   .connections = (int)config->shard_connections,
                                   .jobs_max = config->shard_questions_max,
                                   .connect_ms = config->connect_ms,
                                   .query_ms = config->deadline_ms,
                                   .retry_ms = config->shard_retry_ms,
                                   .check = shard ? check_shard : NULL,
                                   .arg = shard};
    return pool_start(&options, ret_pool, err);
}

static bool start_shards(struct query *query, struct err *err)
{
    const struct config_list *urls = &query->config->mysql_shards;
    if (urls->count > ROUTE_SHARDS_MAX)
        return err_set(err, ERR_USAGE, "mysql.shards lists %zu shards; at most %d are possible", urls->count,
                       ROUTE_SHARDS_MAX);
    for (size_t i = 0; i < urls->count; i++) {
        char name[POOL_NAME_MAX + 1];
        snprintf(name, sizeof name, "shard %zu", i);
        query->shards[i] = (struct query_shard){.query = query, .number = (int)i};
        if (!start_pool(query, name, urls->item[i], &query->shards[i], &query->shard[i], err))
            return false;
        query->shard_count++;
    }
    return true;
}

static bool start_lag(struct query *query, struct err *err)
{
    struct lag_options options = {.brokers = query->config->kafka_brokers,
                                  .topic = query->stream->name,
                                  .read_ms = query->config->lag_read_ms,
                                  .timeout_ms = LAG_TIMEOUT_MS};
    return *options.brokers == '\0' || lag_start(&options, &query->lag, err);
}

bool query_start(struct query *query, const struct query_config *config, struct err *err)
{
    *query = (struct query){.config = config, .stream = stream_find("grabs")};
    assert(query->stream != NULL);
    if (!stream_check(query->stream, err))
        return false;
    query_metrics_declare(&query->metrics, (int)config->mysql_shards.count);
    query->look = (struct redis_script){.name = stock_script_name(STOCK_LOOK), .text = stock_script_text(STOCK_LOOK)};
    redis_script_init(&query->look);
    query->scripts[0] = &query->look;
    struct map_reader_options reader = {.catalog_url = config->mysql_catalog,
                                        .stream = query->stream,
                                        .shards = (int)config->mysql_shards.count,
                                        .read_ms = config->catalog_read_ms,
                                        .connect_ms = config->connect_ms,
                                        .query_ms = config->deadline_ms};
    struct redis_url redis;
    if (!redis_url_parse(config->redis_stock, &redis, err))
        return err_prefix(err, "redis.stock");
    if (!sql_check_url(config->mysql_catalog, err))
        return err_prefix(err, "mysql.catalog");
    return map_reader_start(&reader, &query->map_reader, err) &&
           start_pool(query, "catalog", config->mysql_catalog, NULL, &query->catalog, err) &&
           start_shards(query, err) && start_lag(query, err);
}

void query_stop(struct query *query)
{
    for (int i = 0; i < query->shard_count; i++)
        pool_stop(query->shard[i]);
    pool_stop(query->catalog);
    map_reader_stop(query->map_reader);
    lag_stop(query->lag);
}

/* ---- loops and routes ---- */

void *query_loop_start(struct loop *loop, int index, void *arg)
{
    (void)index;
    struct query *query = arg;
    struct query_loop *self = mem_alloc(sizeof *self);
    struct redis_options options = {.url = query->config->redis_stock,
                                    .connect_timeout_ms = query->config->redis_ms,
                                    .command_timeout_ms = query->config->redis_ms,
                                    .reconnect_ms_max = REDIS_RECONNECT_MS_MAX,
                                    .pending_max = REDIS_PENDING_MAX,
                                    .scripts = query->scripts,
                                    .script_count = 1};
    struct err err = {0};
    self->query = query;
    self->loop = loop;
    if (!redis_open(loop, &options, &self->redis, &err))
        log_error("redis.stock cannot be used; left is not told", LOG_ERR(&err));
    return self;
}

void query_loop_end(void *state)
{
    struct query_loop *loop = state;
    redis_close(loop->redis);
    buf_free(&loop->json);
    free(loop);
}

static void answer_openapi(struct http_req *req, void *arg)
{
    (void)arg;
    http_respond(req, 200, "application/json", NULL, 0, openapi_json, strlen(openapi_json));
}

#define GET(path_, handler_)                                                                                           \
    {                                                                                                                  \
        .method = "GET", .path = (path_), .handler = (handler_)                                                        \
    }

const struct http_route *query_routes(size_t *ret_count)
{
    static const struct http_route routes[] = {
        GET("/api/user/{id}/coupons", read_user_coupons),
        GET("/api/grab/{grab_id}", read_grab_status),
        GET("/api/coupons", read_coupons),
        GET("/api/coupon/{id}", read_coupon),
        GET("/api/coupon/{id}/details", read_coupon_details),
        GET("/api/coupon/{id}/stock", read_stock),
        GET("/api/room/{id}/orders", read_room_orders),
        GET("/api/room/{id}/stats", read_room_stats),
        GET("/api/orders/recent", read_recent_orders),
        GET("/api/statistics/global", read_statistics),
        GET("/admin/stats", read_admin_stats),
        GET("/admin/shards/status", read_admin_shards),
        GET("/openapi.json", answer_openapi),
    };
    *ret_count = sizeof routes / sizeof *routes;
    return routes;
}
