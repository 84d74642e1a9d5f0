/* The system at a glance, and each shard. A shard that is away is what these are asked about: it is data here, not an
 * error. */
#include "query/scatter.h"
#include "query/shard_state.h"
#include "schemas/catalog.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct shard_part {
    struct scatter_part part;
    struct shard_state state;
};

enum { CATALOG_ROOMS, CATALOG_COUPONS, CATALOG_OPENED, CATALOG_USERS, CATALOG_EPOCH, CATALOG_COUNTS };

struct counts_part {
    struct scatter_part part;
    int64_t number[CATALOG_COUNTS];
};

/* ---- on a pool's thread ---- */

static bool shard_run(struct pool_job *job, struct sql *sql, struct err *err)
{
    struct shard_part *part = (struct shard_part *)job;
    struct scatter *scatter = part->part.scatter;
    return shard_state_select(&part->state, scatter->map, part->part.shard, scatter->owner->query->lag, sql, err);
}

static bool take_counts(const struct value *cells, size_t count, void *arg)
{
    struct counts_part *part = arg;
    for (size_t i = 0; i < count && i < CATALOG_COUNTS; i++)
        part->number[i] = cells[i].i64;
    return false;
}

static bool counts_run(struct pool_job *job, struct sql *sql, struct err *err)
{
    struct counts_part *part = (struct counts_part *)job;
    memset(part->number, 0, sizeof part->number);
    return sql_select(sql, sql_catalog_counts, NULL, 0, take_counts, part, err);
}

/* ---- each shard ---- */

static void append_layouts(const struct map *map, const struct shard_state *state, struct buf *json)
{
    const char *before = "{";
    for (size_t i = 0; i < map->stream->layout_count; i++) {
        if (!map->layouts[i].there)
            continue;
        buf_printf(json, "%s\"%s\":", before, map->layouts[i].keys->layout->name);
        layout_state_json(&state->layouts[i], json);
        before = ",";
    }
    buf_append_str(json, *before == '{' ? "{}" : "}");
}

static struct layout_state sum_layouts(const struct map *map, const struct shard_state *state)
{
    struct layout_state sum = {.lag_known = true};
    for (size_t i = 0; i < map->stream->layout_count; i++)
        if (map->layouts[i].there)
            layout_state_add(&sum, &state->layouts[i]);
    return sum;
}

static void append_alive(const struct map *map, const struct shard_state *state, struct buf *json)
{
    struct layout_state sum = sum_layouts(map, state);
    buf_printf(json, "\"alive\":true,\"error\":null,\"rows\":%" PRIu64, sum.counts.ok + sum.counts.voided);
    if (sum.lag_known)
        buf_printf(json, ",\"lag\":%" PRId64, sum.lag);
    else
        buf_append_str(json, ",\"lag\":null");
    buf_append_str(json, ",\"progress\":");
    append_layouts(map, state, json);
}

static void append_shard(const struct scatter *scatter, const struct shard_part *part, struct buf *json)
{
    const char *address = pool_address(scatter->owner->query->shard[part->part.shard]);
    buf_printf(json, "{\"shard\":%d,\"address\":", part->part.shard);
    buf_append_json(json, address, strlen(address));
    buf_append_char(json, ',');
    if (part->part.state == PART_GOOD) {
        append_alive(scatter->map, &part->state, json);
    } else {
        buf_append_str(json, "\"alive\":false,\"error\":");
        buf_append_json(json, part->part.why, strlen(part->part.why));
        buf_append_str(json, ",\"rows\":null,\"lag\":null,\"progress\":null");
    }
    buf_append_str(json, ",\"replicas\":[]}");
}

static void shards_answer(struct scatter *scatter)
{
    struct buf *json = &scatter->owner->json;
    buf_append_str(json, "{\"shards\":[");
    for (size_t i = 0; i < scatter->count; i++) {
        buf_append_str(json, i == 0 ? "" : ",");
        append_shard(scatter, (const struct shard_part *)scatter->part[i], json);
    }
    buf_printf(json, "],\"count\":%zu,", scatter->count);
    scatter_append_tail(scatter, json);
    buf_append_char(json, '}');
    scatter_answer_json(scatter);
}

static struct scatter *admin_new(struct http_req *req, enum read_kind kind, bool catalog)
{
    struct scatter *scatter = scatter_new(req, kind, sizeof *scatter);
    if (scatter == NULL)
        return NULL;
    scatter->tolerant = true;
    if (catalog)
        scatter_add(scatter, SCATTER_CATALOG, sizeof(struct counts_part), counts_run);
    for (int shard = 0; shard < scatter->owner->query->shard_count; shard++)
        scatter_add(scatter, shard, sizeof(struct shard_part), shard_run);
    return scatter;
}

void read_admin_shards(struct http_req *req, void *arg)
{
    (void)arg;
    struct scatter *scatter = admin_new(req, READ_ADMIN_SHARDS, false);
    if (scatter == NULL)
        return;
    scatter->answer = shards_answer;
    scatter_send(scatter);
}

/* ---- at a glance ---- */

static size_t sum_shards(const struct scatter *scatter, struct shard_state *ret_sum)
{
    size_t alive = 0;
    *ret_sum = (struct shard_state){0};
    for (size_t i = 0; i < STREAM_LAYOUTS_MAX; i++)
        ret_sum->layouts[i].lag_known = scatter_complete(scatter); /* of all shards, or it is not known */
    for (size_t i = 0; i < scatter->count; i++) {
        const struct shard_part *part = (const struct shard_part *)scatter->part[i];
        if (part->part.shard == SCATTER_CATALOG || part->part.state != PART_GOOD)
            continue;
        alive++;
        for (size_t j = 0; j < scatter->map->stream->layout_count; j++)
            layout_state_add(&ret_sum->layouts[j], &part->state.layouts[j]);
    }
    return alive;
}

static void stats_answer(struct scatter *scatter)
{
    const int64_t *number = ((const struct counts_part *)scatter->part[0])->number;
    struct buf *json = &scatter->owner->json;
    struct shard_state sum;
    size_t alive = sum_shards(scatter, &sum);
    buf_printf(json,
               "{\"catalog\":{\"rooms\":%" PRId64 ",\"coupons\":%" PRId64 ",\"coupons_opened\":%" PRId64
               ",\"users_estimate\":%" PRId64 ",\"epoch\":%" PRId64 ",\"partitions\":%d}",
               number[CATALOG_ROOMS], number[CATALOG_COUPONS], number[CATALOG_OPENED], number[CATALOG_USERS],
               number[CATALOG_EPOCH], (int)scatter->map->partitions);
    buf_printf(json, ",\"shards\":{\"count\":%zu,\"alive\":%zu},\"layouts\":", scatter->count - 1, alive);
    append_layouts(scatter->map, &sum, json);
    buf_append_char(json, ',');
    scatter_append_tail(scatter, json);
    buf_append_char(json, '}');
    scatter_answer_json(scatter);
}

void read_admin_stats(struct http_req *req, void *arg)
{
    (void)arg;
    struct scatter *scatter = admin_new(req, READ_ADMIN_STATS, true);
    if (scatter == NULL)
        return;
    scatter->answer = stats_answer;
    scatter_send(scatter);
}
