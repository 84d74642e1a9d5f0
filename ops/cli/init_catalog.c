#include "ops/cli/init.h"
#include "protocol/ids.h"
#include "schemas/catalog.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

static bool make_leases(struct sql *catalog, struct err *err)
{
    int64_t count = 0;
    if (!sql_select_i64(catalog, "SELECT COUNT(*) FROM `leases`", NULL, 0, &count, err))
        return false;
    if (count == ID_NODES)
        return true;
    if (!sql_begin(catalog, err))
        return false;
    for (uint64_t node = 0; node < ID_NODES; node++) {
        struct value value = value_u64(node);
        if (!sql_run(catalog, sql_lease_make, &value, 1, NULL, err)) {
            sql_rollback(catalog);
            return false;
        }
    }
    return sql_commit(catalog, err);
}

/* What the settings ask for and the catalog already says otherwise can not be had: both are part of every row's
 * place. */
static bool compare_meta(const struct init *init, struct err *err)
{
    int offset_min = 0;
    if (init->meta.partitions != init->config->partitions)
        return err_set(err, ERR_CONFLICT,
                       "The catalog at %s was made for %d partitions, and the setting init.partitions is %d; the "
                       "number never changes: set init.partitions to %d",
                       sql_where(init->catalog), (int)init->meta.partitions, (int)init->config->partitions,
                       (int)init->meta.partitions);
    if (!offset_parse(init->config->time_zone, &offset_min))
        return err_set(err, ERR_USAGE, "init.time_zone must be an offset from UTC, such as +08:00");
    if (init->meta.offset_min != offset_min)
        return err_set(err, ERR_CONFLICT,
                       "The catalog at %s was made for a time zone %d minutes east of UTC, and init.time_zone is %s; "
                       "it never changes: set init.time_zone to that",
                       sql_where(init->catalog), init->meta.offset_min, init->config->time_zone);
    return true;
}

bool init_catalog(struct init *init, struct err *err)
{
    if (!link_open(init->config, -1, &init->catalog, err))
        return false;
    for (size_t i = 0; i < catalog_ddl_count; i++)
        if (!sql_run_text(init->catalog, catalog_ddl[i], err))
            return err_prefix(err, "catalog");
    if (!make_leases(init->catalog, err))
        return err_prefix(err, "catalog, leases");
    init->meta_found = meta_read(init->catalog, &init->meta, err);
    if (!init->meta_found)
        return err->kind == ERR_MISSING;
    return compare_meta(init, err);
}

static bool random_id(char ret_text[33], struct err *err)
{
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return err_set(err, ERR_INTERNAL, "The system gave no random bytes for the cluster's id");
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(ret_text + 2 * i, 3, "%02x", bytes[i]);
    return true;
}

/* Two at once: the second leaves the first one's row, and both read the same one. */
bool init_meta(struct init *init, struct err *err)
{
    char cluster[33];
    int offset_min = 0;
    if (init->meta_found)
        return true;
    if (!offset_parse(init->config->time_zone, &offset_min))
        return err_set(err, ERR_USAGE, "init.time_zone must be an offset from UTC, such as +08:00");
    if (!random_id(cluster, err))
        return false;
    struct value values[] = {value_text(cluster, 32), value_i64(init->config->partitions), value_i64(offset_min)};
    return sql_run(init->catalog, sql_meta_make, values, 3, NULL, err) && meta_read(init->catalog, &init->meta, err) &&
           compare_meta(init, err);
}

static bool write_route(struct sql *catalog, const struct route *route, struct err *err)
{
    if (!sql_begin(catalog, err))
        return false;
    for (int32_t p = 0; p < route->partitions; p++) {
        struct value values[] = {value_text(route->stream, strlen(route->stream)),
                                 value_text(route->layout, strlen(route->layout)),
                                 value_u64(route->version),
                                 value_i64(p),
                                 value_i64(route->shard[p]),
                                 value_i64(1)};
        if (!sql_run(catalog, sql_route_make, values, 6, NULL, err)) {
            sql_rollback(catalog);
            return false;
        }
    }
    return sql_commit(catalog, err);
}

/* A route says that a layout can be read: there must be none of a layout that can not be fed from the log's begin. */
static bool check_begins(const struct init *init, const struct layout *layout, struct err *err)
{
    int64_t offset;
    for (int32_t p = 0; p < init->meta.partitions; p++)
        if (!init_begin_offset(init->begin, init->low[p], init->high[p], &offset, err))
            return err_prefix(err, "topic %s, partition %d, layout %s", init->stream->name, (int)p, layout->name);
    return true;
}

static bool make_route(struct init *init, const struct layout *layout, struct route *ret_route, struct err *err)
{
    int shards = (int)init->config->mysql_shards.count;
    if (!route_read(init->catalog, init->stream, layout, ret_route, err)) {
        if (err->kind != ERR_MISSING || !check_begins(init, layout, err))
            return false;
        route_spread(ret_route, init->stream, layout, init->meta.partitions, shards);
        if (!write_route(init->catalog, ret_route, err) ||
            !route_read(init->catalog, init->stream, layout, ret_route, err))
            return false;
        printf("route %s/%s: %d partitions over %d shards\n", init->stream->name, layout->name,
               (int)ret_route->partitions, shards);
    }
    if (ret_route->partitions != init->meta.partitions)
        return err_set(err, ERR_CONFLICT, "The route of %s, layout %s, has %d partitions where the catalog says %d",
                       init->stream->name, layout->name, (int)ret_route->partitions, (int)init->meta.partitions);
    return route_check(ret_route, shards, err);
}

bool init_routes(struct init *init, struct err *err)
{
    for (size_t i = 0; i < init->stream->layout_count; i++)
        if (init->chosen[i] && !make_route(init, init->stream->layouts[i].layout, &init->route[i], err))
            return err_prefix(err, "catalog");
    return true;
}

bool layouts_next(const char **text, char ret_name[LAYOUT_NAME_MAX])
{
    *text += strspn(*text, ", ");
    size_t len = strcspn(*text, ", ");
    snprintf(ret_name, LAYOUT_NAME_MAX, "%.*s", (int)len, *text);
    *text += len;
    return len > 0;
}

bool init_layouts_choose(const char *text, const struct stream *stream, bool ret_chosen[STREAM_LAYOUTS_MAX],
                         struct err *err)
{
    char name[LAYOUT_NAME_MAX];
    bool chosen[STREAM_LAYOUTS_MAX] = {false}, any = false;
    while (layouts_next(&text, name)) {
        const struct stream_layout *layout = stream_layout(stream, name);
        if (layout == NULL)
            return err_set(err, ERR_USAGE, "init.layouts: the stream %s has no layout \"%s\"", stream->name, name);
        chosen[layout - stream->layouts] = any = true;
    }
    if (!any)
        return err_set(err, ERR_USAGE, "init.layouts names no layout");
    memcpy(ret_chosen, chosen, sizeof chosen);
    return true;
}
