#include "ingest/keeper.h"

#include "core/clock.h"
#include "core/log.h"
#include "core/service.h"
#include "schemas/codec.h"
#include "schemas/ddl.h"
#include "schemas/partition.h"

static struct sql *open_sql(const char *url, int64_t query_ms, struct err *err)
{
    struct sql *sql = NULL;
    struct sql_options options = {.url = url, .connect_timeout_ms = 2000, .query_timeout_ms = query_ms};
    return sql_open(&options, &sql, err) ? sql : NULL;
}

struct sql *keeper_catalog(struct keeper *keeper, struct err *err)
{
    struct keeper_links *links = &keeper->links;
    if (links->catalog == NULL)
        links->catalog = open_sql(keeper->config->mysql_catalog, keeper->config->mysql_ms, err);
    return links->catalog;
}

/* Another shard's rows, or another installation's, would be taken for what was sold here. */
static bool is_shard(const struct keeper *keeper, int shard, struct sql *sql, struct err *err)
{
    struct shard_identity identity = {0};
    return sql_select(sql, sql_identity_read, NULL, 0, shard_identity_take, &identity, err) &&
           shard_identity_check(&identity, sql_where(sql), keeper->cluster, shard, err);
}

struct sql *keeper_shard_open(const struct keeper *keeper, int shard, struct err *err)
{
    struct sql *sql = open_sql(keeper->config->mysql_shards.item[shard], keeper->config->mysql_ms, err);
    if (sql == NULL || is_shard(keeper, shard, sql, err))
        return sql;
    sql_close(sql);
    return NULL;
}

struct sql *keeper_shard(struct keeper *keeper, int shard, struct err *err)
{
    struct sql **sql = &keeper->links.shard[shard];
    if (*sql == NULL)
        *sql = keeper_shard_open(keeper, shard, err);
    return *sql;
}

bool keeper_shards_are_ours(struct keeper *keeper, struct err *err)
{
    bool look = clock_boottime_ms() >= keeper->shards_look_ms;
    for (int shard = 0; look && shard < (int)keeper->config->mysql_shards.count; shard++) {
        struct err why = {0};
        int32_t ignored[ROUTE_PARTITIONS_MAX];
        if (route_partitions_of(&keeper->route, shard, ignored) == 0 || keeper_shard(keeper, shard, &why) != NULL)
            continue;
        if (why.kind == ERR_CONFLICT) {
            *err = why;
            return err_prefix(err, "shard %d", shard);
        }
        keeper->shards_look_ms = clock_boottime_ms() + KEEPER_REST_MS_MAX;
    }
    return true;
}

struct redis_sync *keeper_redis(struct keeper *keeper, struct err *err)
{
    struct keeper_links *links = &keeper->links;
    if (links->redis == NULL &&
        !redis_sync_open(keeper->config->redis_stock, keeper->config->redis_ms, &links->redis, err))
        links->redis = NULL;
    return links->redis;
}

struct kafka_producer *keeper_producer(struct keeper *keeper, struct err *err)
{
    struct keeper_links *links = &keeper->links;
    struct kafka_producer_options options = {
        .brokers = keeper->config->kafka_brokers,
        .client_id = "weir-keeper",
        .linger_ms = 0,
        .delivery_timeout_ms = keeper->config->kafka_ms,
        .queue_messages_max = 10000,
        .queue_bytes_max = 16 << 20,
    };
    if (links->producer == NULL && !kafka_producer_open(&options, &links->producer, err))
        links->producer = NULL;
    return links->producer;
}

struct kafka_admin *keeper_admin(struct keeper *keeper, struct err *err)
{
    struct keeper_links *links = &keeper->links;
    if (links->admin == NULL && !kafka_admin_open(keeper->config->kafka_brokers, "weir-keeper", &links->admin, err))
        links->admin = NULL;
    return links->admin;
}

static void drop_sql(struct sql **sql)
{
    if (*sql == NULL || sql_alive(*sql))
        return;
    sql_close(*sql);
    *sql = NULL;
}

void keeper_drop_dead_links(struct keeper *keeper)
{
    struct keeper_links *links = &keeper->links;
    drop_sql(&links->catalog);
    for (int i = 0; i < ROUTE_SHARDS_MAX; i++)
        drop_sql(&links->shard[i]);
    if (links->redis != NULL && !redis_sync_alive(links->redis)) {
        redis_sync_close(links->redis);
        links->redis = NULL;
    }
}

bool keeper_produce(struct keeper *keeper, int32_t partition, const void *event, void *opaque, struct err *err)
{
    struct kafka_producer *producer = keeper_producer(keeper, err);
    if (producer == NULL)
        return false;
    struct buf key = {0}, value = {0};
    codec_write_key(keeper->stream, event, &key);
    codec_write(keeper->stream, event, &value);
    bool good = kafka_produce(producer, keeper->stream->name, partition, key.data, key.len, value.data, value.len, NULL,
                              0, opaque, err);
    buf_free(&key);
    buf_free(&value);
    return good;
}

enum step_outcome keeper_append(struct keeper *keeper, int32_t partition, const void *event, int64_t *ret_offset,
                                struct err *err)
{
    struct buf key = {0}, value = {0};
    codec_write_key(keeper->stream, event, &key);
    codec_write(keeper->stream, event, &value);
    enum kafka_report report = KAFKA_NOT_PERSISTED;
    int64_t deadline_ms = clock_boottime_ms() + keeper->config->kafka_ms;
    bool placed = false; /* a record that was a duplicate to the broker is persisted, but its offset may be unknown */
    do {                 /* once more does no harm: the first record wins, a barrier only raises */
        struct kafka_producer *producer = keeper_producer(keeper, err);
        if (producer != NULL)
            report = kafka_produce_wait(producer, keeper->stream->name, partition, key.data, key.len, value.data,
                                        value.len, ret_offset, err);
        placed = report == KAFKA_PERSISTED && *ret_offset >= 0;
        if (!placed)
            clock_sleep_ms(50);
    } while (!placed && !service_stopping() && clock_boottime_ms() < deadline_ms);
    buf_free(&key);
    buf_free(&value);
    return placed ? STEP_DONE : STEP_NO_ANSWER;
}
