/* Reads the catalog's meta row and routes again and again. The part "catalog" of readiness is good from the first read on:
 * while the catalog is away, buyers' reads go by its last routes, and the part says so. */
#include "core/buf.h"
#include "core/service.h"
#include "core/sql.h"
#include "query/map.h"
#include "query/round_thread.h"
#include "schemas/catalog.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct map_reader {
    struct map_reader_options options;
    struct service_part *part;
    struct sql *sql;
    struct round_thread thread;
    pthread_mutex_t lock; /* of `newest` */
    struct map *newest;
};

static bool reader_connect(struct map_reader *reader, struct err *err)
{
    if (reader->sql != NULL && sql_alive(reader->sql))
        return true;
    sql_close(reader->sql);
    reader->sql = NULL;
    struct sql_options options = {.url = reader->options.catalog_url,
                                  .connect_timeout_ms = reader->options.connect_ms,
                                  .query_timeout_ms = reader->options.query_ms};
    return sql_open(&options, &reader->sql, err);
}

static bool take_meta(const struct value *cells, size_t count, void *arg)
{
    struct map *map = arg;
    if (count != 4 || cells[1].type != VALUE_TEXT || cells[1].len > MAP_CLUSTER_MAX)
        return false;
    memcpy(map->cluster, cells[1].text, cells[1].len);
    map->partitions = (int32_t)cells[2].i64;
    map->offset_min = (int)cells[3].i64;
    return false;
}

struct route_taker {
    struct route *route;
    bool broken; /* versions mixed, or partitions that do not count up from 0 */
};

static bool take_route(const struct value *cells, size_t count, void *arg)
{
    struct route_taker *taker = arg;
    struct route *route = taker->route;
    taker->broken = count != 3 || cells[1].i64 != route->partitions || route->partitions == ROUTE_PARTITIONS_MAX ||
                    cells[2].i64 < 0 || cells[2].i64 >= ROUTE_SHARDS_MAX ||
                    (route->partitions > 0 && cells[0].i64 != route->version);
    if (taker->broken)
        return false;
    route->version = (uint32_t)cells[0].i64;
    route->shard[route->partitions++] = (uint8_t)cells[2].i64;
    return true;
}

static bool read_route(struct map_reader *reader, struct map *map, struct map_layout *layout, struct err *err)
{
    const char *stream = map->stream->name, *name = layout->keys->layout->name;
    const struct value values[] = {value_text(stream, strlen(stream)), value_text(name, strlen(name))};
    struct route_taker taker = {.route = &layout->route};
    snprintf(layout->route.stream, sizeof layout->route.stream, "%s", stream);
    snprintf(layout->route.layout, sizeof layout->route.layout, "%s", name);
    if (!sql_select(reader->sql, sql_route_read, values, 2, take_route, &taker, err))
        return false;
    if (taker.broken || (layout->route.partitions > 0 && layout->route.partitions != map->partitions))
        return err_set(err, ERR_DATA,
                       "the catalog's route of %s, layout %s, is not one shard for each of the %d partitions: look at "
                       "the table routes",
                       stream, name, (int)map->partitions);
    layout->there = layout->route.partitions > 0;
    return !layout->there || route_check(&layout->route, reader->options.shards, err);
}

static bool read_map(struct map_reader *reader, struct map *map, struct err *err)
{
    if (!reader_connect(reader, err) || !sql_select(reader->sql, sql_meta_read, NULL, 0, take_meta, map, err))
        return false;
    if (map->partitions <= 0 || map->partitions > ROUTE_PARTITIONS_MAX)
        return err_set(err, ERR_MISSING, "%s has no whole row in meta: run `weir init`", sql_where(reader->sql));
    bool any = false;
    for (size_t i = 0; i < map->stream->layout_count; i++) {
        if (!read_route(reader, map, &map->layouts[i], err))
            return false;
        any = any || map->layouts[i].there;
    }
    return any || err_set(err, ERR_MISSING, "%s has no active route of %s: run `weir init`", sql_where(reader->sql),
                          map->stream->name);
}

static void reader_publish(struct map_reader *reader, struct map *map)
{
    pthread_mutex_lock(&reader->lock);
    struct map *old = reader->newest;
    reader->newest = map;
    pthread_mutex_unlock(&reader->lock);
    map_unref(old);
}

static void reader_round(void *arg)
{
    struct map_reader *reader = arg;
    struct map *map = map_new(reader->options.stream);
    struct err err = {0};
    bool good = read_map(reader, map, &err);
    if (good)
        reader_publish(reader, map);
    else
        map_unref(map);
    const bool known = reader->newest != NULL; /* this thread alone sets it */
    service_part_set(reader->part, known, err.text);
    service_part_away(reader->part, known && !good ? "reads go by its last routes" : NULL, err.text);
}

bool map_reader_start(const struct map_reader_options *options, struct map_reader **ret_reader, struct err *err)
{
    struct map_reader *reader = mem_alloc(sizeof *reader);
    reader->options = *options;
    reader->part = service_part("catalog");
    pthread_mutex_init(&reader->lock, NULL);
    if (!round_thread_start(&reader->thread, reader_round, reader, options->read_ms, err)) {
        pthread_mutex_destroy(&reader->lock);
        free(reader);
        return false;
    }
    *ret_reader = reader;
    return true;
}

void map_reader_stop(struct map_reader *reader)
{
    if (reader == NULL)
        return;
    round_thread_stop(&reader->thread);
    sql_close(reader->sql);
    map_unref(reader->newest);
    pthread_mutex_destroy(&reader->lock);
    free(reader);
}

struct map *map_reader_take(struct map_reader *reader)
{
    pthread_mutex_lock(&reader->lock);
    struct map *map = reader->newest;
    if (map != NULL)
        atomic_fetch_add_explicit(&map->refs, 1, memory_order_relaxed);
    pthread_mutex_unlock(&reader->lock);
    return map;
}
