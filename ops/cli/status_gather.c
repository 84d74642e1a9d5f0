#include "core/clock.h"
#include "core/kafka.h"
#include "ops/cli/http_call.h"
#include "ops/cli/status.h"
#include "schemas/catalog.h"
#include "schemas/ddl.h"

#include <stdio.h>
#include <string.h>

static void part_set(struct status_part *part, bool up, const struct err *err)
{
    part->up = up;
    snprintf(part->why, sizeof part->why, "%.*s", STATUS_WHY_MAX, up ? "" : err->text);
}

static void ask_service(const struct cli_config *config, struct status_part *part)
{
    char url[300];
    struct buf body = {0};
    struct err err = {0};
    int status = 0;
    snprintf(url, sizeof url, "%s/readyz?verbose", part->where);
    struct http_call call = {.method = "GET", .url = url, .timeout_ms = config->timeout_ms};
    if (!http_call(&call, &status, &body, &err))
        part_set(part, false, &err);
    else if (status == 200)
        part_set(part, true, NULL);
    else
        status_readyz_why(body.data ? body.data : "", part->why, sizeof part->why);
    buf_free(&body);
}

static bool read_watermarks(const struct cli_config *config, struct kafka_admin *admin, struct status *status,
                            struct err *err)
{
    int partitions = 0;
    if (!kafka_admin_partitions(admin, status->stream->name, config->timeout_ms, &partitions, err))
        return false;
    if (partitions != status->meta.partitions && status->catalog.up)
        return err_set(err, ERR_CONFLICT, "The topic %s has %d partitions where the catalog says %d",
                       status->stream->name, partitions, (int)status->meta.partitions);
    for (int32_t p = 0; p < partitions && p < ROUTE_PARTITIONS_MAX; p++) {
        int64_t low = 0;
        if (!kafka_admin_watermarks(admin, status->stream->name, p, config->timeout_ms, &low, &status->high[p], err))
            return false;
        status->records += (uint64_t)(status->high[p] - low);
    }
    return true;
}

static void ask_kafka(const struct cli_config *config, struct status *status)
{
    struct kafka_admin *admin = NULL;
    struct err err = {0};
    snprintf(status->kafka.where, sizeof status->kafka.where, "%.255s", config->kafka_brokers);
    bool up = kafka_admin_open(config->kafka_brokers, "weir-status", &admin, &err) &&
              read_watermarks(config, admin, status, &err);
    kafka_admin_close(admin);
    part_set(&status->kafka, up, &err);
}

static bool read_routes(struct sql *catalog, struct status *status, struct err *err)
{
    bool any = false;
    for (size_t i = 0; i < status->stream->layout_count; i++) {
        const struct layout *layout = status->stream->layouts[i].layout;
        bool there = route_read(catalog, status->stream, layout, &status->route[i], err);
        if (there ? !route_check(&status->route[i], (int)status->shard_count, err) : err->kind != ERR_MISSING)
            return false;
        any = any || there;
    }
    return any; /* no route at all: the last one's error says what to do */
}

static bool take_leader(const struct value *cells, size_t count, void *arg)
{
    struct status_leader *leader = arg;
    if (count == 3) {
        cell_text(&cells[1], leader->place, sizeof leader->place);
        leader->left_ms = cell_i64(&cells[2]);
        leader->known = true;
    }
    return false;
}

/* No row: no keeper has run yet, or the catalog is older than leases. */
static void ask_leader(struct sql *catalog, struct status_leader *ret_leader)
{
    struct err err = {0};
    struct value role = value_text(LEADER_KEEPER, strlen(LEADER_KEEPER));
    if (!sql_select(catalog, sql_leader_read, &role, 1, take_leader, ret_leader, &err))
        ret_leader->known = false;
}

static struct sql *ask_catalog(const struct cli_config *config, struct status *status)
{
    struct sql *catalog = NULL;
    struct err err = {0};
    bool up = link_open(config, -1, &catalog, &err);
    if (up)
        snprintf(status->catalog.where, sizeof status->catalog.where, "%.255s", sql_where(catalog));
    up = up && meta_read(catalog, &status->meta, &err) && read_routes(catalog, status, &err);
    part_set(&status->catalog, up, &err);
    if (up)
        ask_leader(catalog, &status->leader);
    for (size_t i = 0; i < status->stream->layout_count; i++)
        status->layout[i].missing = status->route[i].partitions;
    return catalog;
}

struct shard_reading {
    struct status *status;
    size_t shard;
};

/* The cells of sql_progress_all. */
static bool take_progress(const struct value *cells, size_t count, void *arg)
{
    struct shard_reading *reading = arg;
    struct status_progress row = {0};
    if (count != 12)
        return false;
    cell_text(&cells[0], row.layout, sizeof row.layout);
    cell_text(&cells[1], row.topic, sizeof row.topic);
    row.partition = (int32_t)cell_i64(&cells[2]);
    row.next_offset = cell_i64(&cells[3]);
    uint64_t *counts[] = {&row.records, &row.ok, &row.voided, &row.duplicates, &row.dead_letters, &row.barriers};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        *counts[i] = (uint64_t)cell_i64(&cells[5 + i]);
    row.updated_ms = cell_i64(&cells[11]);
    status_add_progress(reading->status, reading->shard, &row);
    return true;
}

static void ask_shard(const struct cli_config *config, struct status *status, size_t at)
{
    struct sql *sql = NULL;
    struct err err = {0};
    struct shard_reading reading = {.status = status, .shard = at};
    struct status_shard *shard = &status->shard[at];
    shard->commit_age_ms = -1;
    snprintf(shard->part.name, sizeof shard->part.name, "%zu", at);
    bool up = link_open(config, (int)at, &sql, &err);
    if (up)
        snprintf(shard->part.where, sizeof shard->part.where, "%.255s", sql_where(sql));
    up = up && (!status->catalog.up || identity_check(sql, (int)at, &status->meta, &err)) &&
         sql_select(sql, sql_progress_all, NULL, 0, take_progress, &reading, &err);
    part_set(&shard->part, up, &err);
    sql_close(sql);
}

/* Counts are known when the catalog and every shard that the route names have answered, a lag when the log has too. */
static void settle_layouts(struct status *status)
{
    for (size_t i = 0; i < status->stream->layout_count; i++) {
        bool counted = status->catalog.up && status->route[i].partitions > 0;
        for (int32_t p = 0; p < status->route[i].partitions && counted; p++)
            counted = status->shard[route_shard(&status->route[i], p)].part.up;
        status->layout[i].counted = counted;
        status->layout[i].known = counted && status->kafka.up;
    }
}

/* The log before the tables: a lag of 0 then says that all that was in the log at that moment is in the tables. */
void status_gather_lag(const struct cli_config *config, const struct stream *stream, struct status *ret_status,
                       struct sql **ret_catalog)
{
    ret_status->at_ms = clock_realtime_ms();
    ret_status->stream = stream;
    ret_status->shard_count = config->mysql_shards.count;
    snprintf(ret_status->catalog.name, sizeof ret_status->catalog.name, "catalog");
    snprintf(ret_status->kafka.name, sizeof ret_status->kafka.name, "kafka");
    for (size_t i = 0; i < stream->layout_count; i++)
        snprintf(ret_status->layout[i].name, sizeof ret_status->layout[i].name, "%s", stream->layouts[i].layout->name);
    *ret_catalog = ask_catalog(config, ret_status);
    ask_kafka(config, ret_status);
    for (size_t i = 0; i < ret_status->shard_count; i++)
        ask_shard(config, ret_status, i);
    settle_layouts(ret_status);
}

bool status_gather(const struct cli_config *config, const struct stream *stream, struct status *ret_status,
                   struct err *err)
{
    struct sql *catalog = NULL;
    *ret_status = (struct status){0};
    if (!status_services_parse(config->status_services, ret_status, err))
        return false;
    for (size_t i = 0; i < ret_status->service_count; i++)
        ask_service(config, &ret_status->service[i]);
    status_gather_lag(config, stream, ret_status, &catalog);
    status_gather_stock(config, catalog, ret_status);
    sql_close(catalog);
    return true;
}
