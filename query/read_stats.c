/* Statistics from the totals: over everything, and of one room's coupons. The room's coupons come from the catalog
 * first; then all shards are asked. */
#include "query/plan.h"
#include "query/scatter.h"
#include "query/totals_part.h"
#include "schemas/catalog.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM_COUPONS_MAX = 10000 };

struct room {
    uint32_t room_id;
    struct question_mode mode;
    size_t count, cap;
    struct coupon *coupon;
};

struct stats_read {
    struct scatter scatter;
    const struct map_layout *layout;
    struct room room; /* of the second step */
};

static void append_counts(struct total total, struct buf *json)
{
    buf_printf(json, "\"ok\":%" PRIu64 ",\"void\":%" PRIu64, total.ok, total.voids);
}

static void append_end(struct scatter *scatter, const struct map_layout *layout, struct buf *json)
{
    buf_printf(json, "],\"layout\":\"%s\",", layout->keys->layout->name);
    scatter_append_tail(scatter, json);
    buf_append_char(json, '}');
}

/* ---- over everything ---- */

static void statistics_answer(struct scatter *scatter)
{
    const struct stats_read *read = (const struct stats_read *)scatter;
    struct buf *json = &scatter->owner->json;
    struct totals totals = {0};
    totals_part_gather(scatter, &totals);
    buf_append_char(json, '{');
    append_counts(totals_sum(&totals), json);
    buf_append_str(json, ",\"by_day\":[");
    for (size_t i = 0; i < totals.count; i++) {
        char day[11];
        day_format((int32_t)totals.item[i].key, '-', day);
        buf_printf(json, "%s{\"day\":\"%s\",", i == 0 ? "" : ",", day);
        append_counts(totals.item[i], json);
        buf_append_char(json, '}');
    }
    totals_free(&totals);
    append_end(scatter, read->layout, json);
    scatter_answer_json(scatter);
}

void read_statistics(struct http_req *req, void *arg)
{
    (void)arg;
    struct question_mode mode;
    struct question_fault fault = {0};
    struct question_source source = scatter_source(req);
    if (!question_read_mode(&source, &mode, &fault)) {
        scatter_refuse(req, READ_STATISTICS, &fault);
        return;
    }
    struct scatter *scatter = scatter_new(req, READ_STATISTICS, sizeof(struct stats_read));
    if (scatter == NULL)
        return;
    struct stats_read *read = (struct stats_read *)scatter;
    if (!plan_layout(&mode, &layout_hash, scatter->map, &read->layout, &fault)) {
        scatter_cancel(scatter, &fault);
        return;
    }
    totals_part_add_all(scatter, &(struct totals_question){.layout = read->layout, .by = TOTALS_BY_DAY});
    scatter->tolerant = mode.partial;
    scatter->answer = statistics_answer;
    scatter_send(scatter);
}

/* ---- of a room, second step: the shards ---- */

static void stats_end(struct scatter *scatter)
{
    free(((struct stats_read *)scatter)->room.coupon);
    free(scatter);
}

static void append_room(const struct room *room, const struct totals *totals, struct buf *json)
{
    struct total sum = {0};
    struct buf list = {0};
    for (size_t i = 0; i < room->count; i++) {
        const struct coupon *coupon = &room->coupon[i];
        const struct total *found = totals_find(totals, (int64_t)coupon->coupon_id);
        struct total total = found ? *found : (struct total){0};
        sum.ok += total.ok;
        sum.voids += total.voids;
        buf_printf(&list, "%s{\"coupon_id\":%" PRIu64 ",\"title\":", i == 0 ? "" : ",", coupon->coupon_id);
        buf_append_json(&list, coupon->title, strlen(coupon->title));
        buf_printf(&list, ",\"total\":%" PRIu64 ",", coupon->total);
        append_counts(total, &list);
        buf_append_char(&list, '}');
    }
    buf_printf(json, "{\"room_id\":%" PRIu32 ",", room->room_id);
    append_counts(sum, json);
    buf_printf(json, ",\"count\":%zu,\"coupons\":[%s", room->count, list.data ? list.data : "");
    buf_free(&list);
}

static void room_answer(struct scatter *scatter)
{
    const struct stats_read *read = (const struct stats_read *)scatter;
    struct totals totals = {0};
    totals_part_gather(scatter, &totals);
    append_room(&read->room, &totals, &scatter->owner->json);
    totals_free(&totals);
    append_end(scatter, read->layout, &scatter->owner->json);
    scatter_answer_json(scatter);
}

/* Takes over `room`. */
static void room_ask_shards(struct http_req *req, struct room *room)
{
    struct scatter *scatter = scatter_new(req, READ_ROOM_STATS, sizeof(struct stats_read));
    if (scatter == NULL) {
        free(room->coupon);
        return;
    }
    struct stats_read *read = (struct stats_read *)scatter;
    struct question_fault fault = {0};
    read->room = *room;
    scatter->end = stats_end;
    if (!plan_layout(&room->mode, &layout_hash, scatter->map, &read->layout, &fault)) {
        scatter_cancel(scatter, &fault);
        return;
    }
    totals_part_add_all(scatter, &(struct totals_question){.layout = read->layout, .by = TOTALS_BY_SUBJECT});
    scatter->tolerant = room->mode.partial;
    scatter->answer = room_answer;
    scatter_send(scatter);
}

/* ---- of a room, first step: its coupons ---- */

struct room_part {
    struct scatter_part part;
    struct room room;
};

struct room_taker {
    struct room *room;
    struct err *err;
    bool failed;
};

static bool take_coupon(const struct value *cells, size_t count, void *arg)
{
    struct room_taker *taker = arg;
    struct room *room = taker->room;
    if (room->count == room->cap) {
        room->cap = room->cap ? room->cap * 2 : 16;
        room->coupon = mem_grow(room->coupon, room->cap * sizeof *room->coupon);
    }
    taker->failed = !coupon_from_cells(cells, count, &room->coupon[room->count], taker->err);
    room->count += !taker->failed;
    return !taker->failed;
}

static bool room_run(struct pool_job *job, struct sql *sql, struct err *err)
{
    struct room *room = &((struct room_part *)job)->room;
    const struct value values[] = {value_u64(room->room_id), value_u64(ROOM_COUPONS_MAX + 1)};
    struct room_taker taker = {.room = room, .err = err};
    room->count = 0;
    if (!sql_select(sql, sql_coupons_of_room, values, 2, take_coupon, &taker, err) || taker.failed)
        return false;
    return room->count <= ROOM_COUPONS_MAX ||
           err_set(err, ERR_USAGE, "room %" PRIu32 " has more than %d coupons, too many to add up in one answer",
                   room->room_id, ROOM_COUPONS_MAX);
}

static void room_part_free(struct scatter_part *base)
{
    free(((struct room_part *)base)->room.coupon);
    free(base);
}

static void room_found(struct scatter *scatter)
{
    struct room_part *part = (struct room_part *)scatter->part[0];
    struct room room = part->room;
    part->room.coupon = NULL;
    room_ask_shards(scatter_give(scatter), &room);
}

void read_room_stats(struct http_req *req, void *arg)
{
    (void)arg;
    uint64_t room_id;
    struct question_mode mode;
    struct question_fault fault = {0};
    struct question_source source = scatter_source(req);
    struct scatter *scatter;
    if (!question_read_id(http_req_param(req, 0), "The room id", 0, UINT32_MAX, &room_id, &fault) ||
        !question_read_mode(&source, &mode, &fault)) {
        scatter_refuse(req, READ_ROOM_STATS, &fault);
    } else if ((scatter = scatter_new(req, READ_ROOM_STATS, sizeof(struct stats_read))) != NULL) {
        struct scatter_part *part = scatter_add(scatter, SCATTER_CATALOG, sizeof(struct room_part), room_run);
        ((struct room_part *)part)->room = (struct room){.room_id = (uint32_t)room_id, .mode = mode};
        part->free = room_part_free;
        scatter->answer = room_found;
        scatter_send(scatter);
    }
}
