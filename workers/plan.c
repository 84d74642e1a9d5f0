#include "workers/plan.h"

#include <stdio.h>
#include <string.h>

struct meta_reading {
    struct plan *plan;
    bool found;
};

static bool meta_row(const struct value *cells, size_t count, void *arg)
{
    struct meta_reading *reading = arg;
    if (count < 4 || cells[1].type != VALUE_TEXT || cells[1].len > CLUSTER_MAX)
        return false;
    memcpy(reading->plan->cluster, cells[1].text, cells[1].len);
    reading->plan->route.partitions = (int32_t)cells[2].i64;
    reading->plan->offset_min = (int)cells[3].i64;
    reading->found = true;
    return false;
}

struct route_reading {
    struct route *route;
    int32_t rows;
    bool whole; /* partitions 0, 1, 2 ... of one version */
};

static bool route_row(const struct value *cells, size_t count, void *arg)
{
    struct route_reading *reading = arg;
    const bool fits = count >= 3 && cells[1].i64 == reading->rows && reading->rows < ROUTE_PARTITIONS_MAX &&
                      cells[2].u64 < ROUTE_SHARDS_MAX &&
                      (reading->rows == 0 || (uint32_t)cells[0].u64 == reading->route->version);
    reading->whole = reading->whole && fits;
    if (!fits)
        return false;
    reading->route->version = (uint32_t)cells[0].u64;
    reading->route->shard[reading->rows++] = (uint8_t)cells[2].u64;
    return true;
}

static bool meta_load(struct sql *sql, struct plan *plan, struct err *err)
{
    struct meta_reading reading = {.plan = plan};
    if (!sql_select(sql, sql_meta_read, NULL, 0, meta_row, &reading, err))
        return false;
    if (!reading.found)
        return err_set(err, ERR_MISSING, "The catalog %s is empty: run `weir init`.", sql_where(sql));
    if (plan->route.partitions < 1 || plan->route.partitions > ROUTE_PARTITIONS_MAX)
        return err_set(err, ERR_DATA, "The catalog %s says %d partitions, this program knows 1 to %d.", sql_where(sql),
                       (int)plan->route.partitions, ROUTE_PARTITIONS_MAX);
    return true;
}

static bool route_load(struct sql *sql, struct plan *plan, struct err *err)
{
    struct route *route = &plan->route;
    struct route_reading reading = {.route = route, .whole = true};
    const struct value values[] = {value_text(route->stream, strlen(route->stream)),
                                   value_text(route->layout, strlen(route->layout))};
    if (!sql_select(sql, sql_route_read, values, 2, route_row, &reading, err))
        return false;
    if (reading.rows == 0 && reading.whole)
        return err_set(err, ERR_MISSING, "The catalog %s has no route of %s/%s: run `weir init`.", sql_where(sql),
                       route->stream, route->layout);
    if (!reading.whole || reading.rows != route->partitions)
        return err_set(
            err, ERR_DATA,
            "The active route of %s/%s in %s does not cover its %d partitions once each: mend the table `routes`.",
            route->stream, route->layout, sql_where(sql), (int)route->partitions);
    return true;
}

bool plan_load(const struct worker_config *config, const struct stream *stream, const struct stream_layout *keys,
               struct plan *ret_plan, struct err *err)
{
    const struct sql_options options = {.url = config->mysql_catalog,
                                        .connect_timeout_ms = config->connect_timeout_ms,
                                        .query_timeout_ms = config->query_timeout_ms};
    struct plan plan = {0};
    struct sql *sql;
    snprintf(plan.route.stream, sizeof plan.route.stream, "%s", stream->name);
    snprintf(plan.route.layout, sizeof plan.route.layout, "%s", keys->layout->name);
    if (!sql_open(&options, &sql, err))
        return false;
    const bool good = meta_load(sql, &plan, err) && route_load(sql, &plan, err) &&
                      route_check(&plan.route, (int)config->mysql_shards.count, err);
    sql_close(sql);
    if (good)
        *ret_plan = plan;
    return good;
}

bool plan_check_topic(const struct plan *plan, struct kafka_admin *admin, int64_t timeout_ms, struct err *err)
{
    int count = 0;
    if (!kafka_admin_partitions(admin, plan->route.stream, timeout_ms, &count, err))
        return false;
    if (count != plan->route.partitions)
        return err_set(err, ERR_DATA,
                       "The topic %s has %d partitions, the catalog says %d: the number must never change.",
                       plan->route.stream, count, (int)plan->route.partitions);
    return true;
}
