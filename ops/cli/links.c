#include "ops/cli/links.h"
#include "schemas/catalog.h"
#include "schemas/ddl.h"
#include "schemas/shard_identity.h"

#include <stdio.h>
#include <string.h>

bool link_open(const struct cli_config *config, int shard, struct sql **ret_sql, struct err *err)
{
    struct sql_options options = {.url = shard < 0 ? config->mysql_catalog : config->mysql_shards.item[shard],
                                  .connect_timeout_ms = config->timeout_ms,
                                  .query_timeout_ms = config->timeout_ms};
    if (sql_open(&options, ret_sql, err))
        return true;
    return shard < 0 ? err_prefix(err, "catalog") : err_prefix(err, "shard %d", shard);
}

int64_t cell_i64(const struct value *cell)
{
    if (cell->type == VALUE_I64 || cell->type == VALUE_U64 || cell->type == VALUE_TIME_MS)
        return cell->i64;
    return 0;
}

void cell_text(const struct value *cell, char *ret_text, size_t size)
{
    size_t len = cell->type == VALUE_TEXT ? cell->len : 0;
    if (len >= size)
        len = size - 1;
    memcpy(ret_text, len > 0 ? cell->text : "", len);
    ret_text[len] = '\0';
}

struct meta_reading {
    struct meta *meta;
    bool found;
};

static bool take_meta(const struct value *cells, size_t count, void *arg)
{
    struct meta_reading *reading = arg;
    if (count != 4)
        return false;
    reading->meta->epoch = (uint64_t)cell_i64(&cells[0]);
    cell_text(&cells[1], reading->meta->cluster, sizeof reading->meta->cluster);
    reading->meta->partitions = (int32_t)cell_i64(&cells[2]);
    reading->meta->offset_min = (int)cell_i64(&cells[3]);
    reading->found = true;
    return false;
}

bool meta_read(struct sql *catalog, struct meta *ret_meta, struct err *err)
{
    struct meta_reading reading = {.meta = ret_meta};
    if (!sql_select(catalog, sql_meta_read, NULL, 0, take_meta, &reading, err))
        return err->kind == ERR_MISSING
                   ? err_set(err, ERR_MISSING, "The catalog at %s has no tables yet: run weir init", sql_where(catalog))
                   : false;
    return reading.found || err_set(err, ERR_MISSING, "The catalog at %s is empty: run weir init", sql_where(catalog));
}

struct route_reading {
    struct route *route;
    bool whole; /* partitions came as 0, 1, 2 … of one version */
};

static bool take_route(const struct value *cells, size_t count, void *arg)
{
    struct route_reading *reading = arg;
    struct route *route = reading->route;
    int64_t partition = count == 3 ? cell_i64(&cells[1]) : -1, shard = count == 3 ? cell_i64(&cells[2]) : -1;
    if (route->partitions == 0 && count == 3)
        route->version = (uint32_t)cell_i64(&cells[0]);
    reading->whole = partition == route->partitions && partition < ROUTE_PARTITIONS_MAX && shard >= 0 &&
                     shard < ROUTE_SHARDS_MAX && route->version == (uint32_t)cell_i64(&cells[0]);
    if (reading->whole)
        route->shard[route->partitions++] = (uint8_t)shard;
    return reading->whole;
}

bool route_read(struct sql *catalog, const struct stream *stream, const struct layout *layout, struct route *ret_route,
                struct err *err)
{
    struct route_reading reading = {.route = ret_route, .whole = true};
    struct value keys[] = {value_text(stream->name, strlen(stream->name)),
                           value_text(layout->name, strlen(layout->name))};
    *ret_route = (struct route){0};
    snprintf(ret_route->stream, sizeof ret_route->stream, "%s", stream->name);
    snprintf(ret_route->layout, sizeof ret_route->layout, "%s", layout->name);
    if (!sql_select(catalog, sql_route_read, keys, 2, take_route, &reading, err))
        return false;
    if (ret_route->partitions == 0)
        return err_set(err, ERR_MISSING, "The catalog has no route for %s, layout %s: run weir init --stream %s",
                       stream->name, layout->name, stream->name);
    return reading.whole || err_set(err, ERR_DATA,
                                    "The route of %s, layout %s, in the catalog has a hole, an odd shard or two active "
                                    "versions; mend the table routes by hand",
                                    stream->name, layout->name);
}

bool identity_check(struct sql *sql, int shard, const struct meta *meta, struct err *err)
{
    struct shard_identity identity = {0};
    return sql_select(sql, sql_identity_read, NULL, 0, shard_identity_take, &identity, err) &&
           shard_identity_check(&identity, sql_where(sql), meta->cluster, shard, err);
}
