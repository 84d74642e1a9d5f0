/* One status, two renderings: a screen for people, one JSON object for programs. */
#include "core/clock.h"
#include "ops/cli/status.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void head(struct buf *text, const char *section, const struct status_part *part)
{
    buf_printf(text, "%-9s %-13s %-5s", section, part->name, part->up ? "up" : "DOWN");
}

static void line_part(struct buf *text, const char *section, const struct status_part *part, const char *facts)
{
    head(text, section, part);
    buf_printf(text, " %s\n", part->up ? facts : part->why);
}

static void append_shard_facts(struct buf *facts, const struct status_shard *shard)
{
    buf_printf(facts, "%10" PRIu64 " rows in all layouts  %" PRIu64 " dead letters  ", shard->rows,
               shard->dead_letters);
    if (shard->commit_age_ms < 0)
        buf_append_str(facts, "no batch yet");
    else
        buf_printf(facts, "last batch %.1f s ago", (double)shard->commit_age_ms / 1000);
}

/* `routed`: without the catalog's route nobody knows which rows count. */
static void line_shard(struct buf *text, const char *section, const struct status_shard *shard, bool routed)
{
    struct buf facts = {0};
    if (routed)
        append_shard_facts(&facts, shard);
    else
        buf_append_str(&facts, "rows not known");
    buf_printf(&facts, "  %s", shard->part.where);
    line_part(text, section, &shard->part, facts.data);
    buf_free(&facts);
}

static void append_counts(struct buf *text, const struct status_layout *layout)
{
    buf_printf(text,
               "ok %" PRIu64 "  void %" PRIu64 "  duplicates %" PRIu64 "  dead letters %" PRIu64 "  barriers %" PRIu64,
               layout->ok, layout->voided, layout->duplicates, layout->dead_letters, layout->barriers);
    if (layout->missing > 0)
        buf_printf(text, "  partitions WITHOUT progress row: %d; run weir init", (int)layout->missing);
}

static void line_layout(struct buf *text, const char *section, const struct status_layout *layout)
{
    buf_printf(text, "%-9s %-13s ", section, layout->name);
    if (layout->known)
        buf_printf(text, "lag %" PRIu64 "  ", layout->lag);
    else
        buf_append_str(text, "lag not known  ");
    if (layout->counted)
        append_counts(text, layout);
    else
        buf_append_str(text, "rows not known");
    buf_append_char(text, '\n');
}

static void line_leader(struct buf *text, const struct status_leader *leader)
{
    buf_printf(text, "%-9s ", "keeper");
    if (!leader->known)
        buf_append_str(text, "who leads is not known\n");
    else if (leader->left_ms <= 0)
        buf_append_str(text, "NOBODY leads: no stock is opened, swept or rebuilt\n");
    else
        buf_printf(text, "%s leads, its lease ends in %.1f s\n", leader->place, (double)leader->left_ms / 1000);
}

static void line_stock(struct buf *text, const struct status_stock *stock)
{
    if (!stock->known) {
        const bool unread = stock->broken == 0 && stock->why[0] != '\0';
        buf_printf(text, "%-9s not known%s%s\n", "stock", unread ? ": " : "", unread ? stock->why : "");
        return;
    }
    buf_printf(text,
               "%-9s %" PRIu64 " coupons: %" PRIu64 " open, %" PRIu64 " closed, %" PRIu64 " building, %" PRIu64
               " not opened, %" PRIu64 " not valid\n",
               "stock", stock->coupons, stock->open, stock->closed, stock->building, stock->not_opened,
               stock->not_valid);
    buf_printf(text, "%-9s %" PRIu64 " left of %" PRIu64 ", %" PRIu64 " pending\n", "", stock->left, stock->total,
               stock->pending);
    if (stock->broken > 0)
        buf_printf(text, "%-9s %" PRIu64 " BROKEN, left out; the first: %s\n", "", stock->broken, stock->why);
}

void status_render_text(const struct status *status, struct buf *ret_text)
{
    char at[CLOCK_TEXT_MAX];
    struct buf facts = {0};
    clock_format(status->at_ms, status->meta.offset_min, at);
    buf_printf(ret_text, "weir      %s  stream %s", at, status->stream->name);
    if (status->catalog.up)
        buf_printf(ret_text, "  epoch %" PRIu64 "  cluster %.8s", status->meta.epoch, status->meta.cluster);
    buf_append_char(ret_text, '\n');
    for (size_t i = 0; i < status->service_count; i++)
        line_part(ret_text, i == 0 ? "services" : "", &status->service[i], status->service[i].where);
    line_leader(ret_text, &status->leader);
    line_part(ret_text, "servers", &status->catalog, status->catalog.where);
    buf_printf(&facts, "%" PRIu64 " records in the log  %s", status->records, status->kafka.where);
    line_part(ret_text, "", &status->kafka, facts.data);
    line_part(ret_text, "", &status->redis, status->redis.where);
    for (size_t i = 0; i < status->shard_count; i++)
        line_shard(ret_text, i == 0 ? "shards" : "", &status->shard[i], status->catalog.up);
    const char *word = "layouts";
    for (size_t i = 0; i < status->stream->layout_count; i++) {
        if (!status_layout_used(status, i))
            continue;
        line_layout(ret_text, word, &status->layout[i]);
        word = "";
    }
    line_stock(ret_text, &status->stock);
    buf_free(&facts);
}

static json_int_t number(uint64_t n)
{
    return (json_int_t)n;
}

static json_t *json_part(const struct status_part *part)
{
    json_t *object = json_pack("{s:s, s:b, s:s}", "name", part->name, "up", part->up, "where", part->where);
    if (!part->up)
        json_object_set_new(object, "why", json_stringn_nocheck(part->why, strlen(part->why)));
    return object;
}

static json_t *json_shard(const struct status_shard *shard, size_t at, bool routed)
{
    json_t *object = json_part(&shard->part);
    json_object_set_new(object, "shard", json_integer((json_int_t)at));
    if (!shard->part.up || !routed)
        return object;
    json_object_set_new(object, "rows", json_integer(number(shard->rows)));
    json_object_set_new(object, "dead_letters", json_integer(number(shard->dead_letters)));
    json_object_set_new(object, "commit_age_ms",
                        shard->commit_age_ms < 0 ? json_null() : json_integer(shard->commit_age_ms));
    return object;
}

/* A count that is not known is left out; a lag that is not known is null. */
static json_t *json_layout(const struct status_layout *layout)
{
    json_t *object = json_pack("{s:s, s:o}", "layout", layout->name, "lag",
                               layout->known ? json_integer(number(layout->lag)) : json_null());
    if (!layout->counted)
        return object;
    json_object_set_new(object, "partitions_without_progress", json_integer(layout->missing));
    json_object_set_new(object, "records", json_integer(number(layout->records)));
    json_object_set_new(object, "ok", json_integer(number(layout->ok)));
    json_object_set_new(object, "void", json_integer(number(layout->voided)));
    json_object_set_new(object, "duplicates", json_integer(number(layout->duplicates)));
    json_object_set_new(object, "dead_letters", json_integer(number(layout->dead_letters)));
    json_object_set_new(object, "barriers", json_integer(number(layout->barriers)));
    return object;
}

static json_t *json_stock(const struct status_stock *stock)
{
    if (!stock->known)
        return json_null();
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "coupons", number(stock->coupons), "open",
                     number(stock->open), "closed", number(stock->closed), "building", number(stock->building),
                     "not_opened", number(stock->not_opened), "not_valid", number(stock->not_valid), "broken",
                     number(stock->broken), "total", number(stock->total), "left", number(stock->left), "pending",
                     number(stock->pending));
}

static json_t *json_leader(const struct status_leader *leader)
{
    if (!leader->known)
        return json_null();
    return json_pack("{s:b, s:s, s:I}", "leads", leader->left_ms > 0, "place", leader->place, "lease_left_ms",
                     (json_int_t)leader->left_ms);
}

void status_render_json(const struct status *status, struct buf *ret_json)
{
    char at[CLOCK_TEXT_MAX];
    json_t *services = json_array(), *shards = json_array(), *layouts = json_array();
    clock_format(status->at_ms, 0, at);
    for (size_t i = 0; i < status->service_count; i++)
        json_array_append_new(services, json_part(&status->service[i]));
    for (size_t i = 0; i < status->shard_count; i++)
        json_array_append_new(shards, json_shard(&status->shard[i], i, status->catalog.up));
    for (size_t i = 0; i < status->stream->layout_count; i++)
        if (status_layout_used(status, i))
            json_array_append_new(layouts, json_layout(&status->layout[i]));
    json_t *root =
        json_pack("{s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "at", at, "stream", status->stream->name,
                  "healthy", status_healthy(status), "services", services, "catalog", json_part(&status->catalog),
                  "kafka", json_part(&status->kafka), "redis_stock", json_part(&status->redis), "shards", shards,
                  "layouts", layouts, "stock", json_stock(&status->stock));
    if (status->stock.why[0] != '\0')
        json_object_set_new(root, "stock_why", json_stringn_nocheck(status->stock.why, strlen(status->stock.why)));
    json_object_set_new(root, "keeper", json_leader(&status->leader));
    json_object_set_new(root, "epoch", status->catalog.up ? json_integer(number(status->meta.epoch)) : json_null());
    json_object_set_new(root, "cluster", status->catalog.up ? json_string(status->meta.cluster) : json_null());
    json_object_set_new(root, "log_records", status->kafka.up ? json_integer(number(status->records)) : json_null());
    char *text = json_dumps(root, JSON_COMPACT);
    buf_append_str(ret_json, text ? text : "{}");
    free(text);
    json_decref(root);
}
