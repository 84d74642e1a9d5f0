/* Rows against the fold: each row is one that the fold made, of the same content, in the right table, once, and not
 * before its time; and each grab that the fold made has its row. */
#include "ops/cli/audit.h"
#include "protocol/ids.h"
#include "schemas/partition.h"
#include "schemas/table_day.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void words_of_value(const struct value *value, char ret_words[AUDIT_WORDS_MAX])
{
    switch (value->type) {
    case VALUE_NULL:
        snprintf(ret_words, AUDIT_WORDS_MAX, "null");
        return;
    case VALUE_I64:
    case VALUE_TIME_MS:
        snprintf(ret_words, AUDIT_WORDS_MAX, "%" PRId64, value->i64);
        return;
    case VALUE_U64:
        snprintf(ret_words, AUDIT_WORDS_MAX, "%" PRIu64, value->u64);
        return;
    case VALUE_F64:
        snprintf(ret_words, AUDIT_WORDS_MAX, "%g", value->f64);
        return;
    case VALUE_TEXT:
        snprintf(ret_words, AUDIT_WORDS_MAX, "\"%.*s\"", (int)(value->len < 100 ? value->len : 100), value->text);
        return;
    }
}

static struct audit_place place_of_row(const struct audit_row *row, uint64_t grab_id, uint64_t user_id)
{
    struct audit_place place = AUDIT_NOWHERE;
    place.layout = row->layout->keys->layout->name;
    place.table = row->table;
    place.shard = row->shard;
    place.grab_id = grab_id;
    place.user_id = user_id;
    return place;
}

static struct audit_place place_of_grab(const struct audit_row *row, const struct audit_grab *grab)
{
    struct audit_place place = place_of_row(row, grab->grab_id, grab->user_id);
    place.partition = grab->partition;
    place.offset = grab->offset;
    place.coupon_id = grab->coupon_id;
    return place;
}

static void compare_cells(struct audit *audit, const struct audit_row *row, const struct audit_grab *grab)
{
    const struct column *columns[STREAM_COLUMNS_MAX];
    struct value expected[STREAM_COLUMNS_MAX];
    struct grab_event event;
    stream_row_columns(audit->stream, columns);
    audit_grab_event(&audit->grabs, grab, &event);
    size_t count = stream_cells(audit->stream, &event, expected);
    assert(count == row->count);
    for (size_t i = 0; i < count; i++) {
        if (value_equal(row->cells[i], expected[i]))
            continue;
        char found[AUDIT_WORDS_MAX], wanted[AUDIT_WORDS_MAX], left[2 * AUDIT_WORDS_MAX], right[2 * AUDIT_WORDS_MAX];
        struct audit_place place = place_of_grab(row, grab);
        words_of_value(&row->cells[i], found);
        words_of_value(&expected[i], wanted);
        snprintf(left, sizeof left, "%s %s", columns[i]->name, found);
        snprintf(right, sizeof right, "%s %s", columns[i]->name, wanted);
        audit_report_add(&audit->report, 7, "row_differs", &place, left, right);
    }
}

/* The partition whose table or route has this row: the slot, or where its user belongs. */
static int32_t partition_of_row(const struct audit *audit, const struct audit_row *row, uint64_t user_id)
{
    if (row->layout->keys->layout->by_day)
        return partition_of_user(user_id, audit->partitions);
    return (int32_t)row->slot;
}

/* A day table holds all partitions of its shard: also records that their writer put where their user does not
 * belong. */
static struct audit_grab *grab_of_row(const struct audit *audit, const struct audit_row *row, uint64_t grab_id,
                                      int32_t partition)
{
    const struct audit_layout *layout = row->layout;
    struct audit_grab *grab = audit_grabs_find(&audit->grabs, grab_id, partition, layout->bit);
    if (grab || !layout->keys->layout->by_day)
        return grab;
    for (grab = audit_grabs_next(&audit->grabs, grab_id, NULL); grab;
         grab = audit_grabs_next(&audit->grabs, grab_id, grab))
        if ((grab->layouts & layout->bit) && route_shard(&layout->route, grab->partition) == row->shard)
            return grab;
    return NULL;
}

static bool left_by_older_route(const struct audit_row *row, int32_t partition)
{
    return row->layout->route.version > 1 && route_shard(&row->layout->route, partition) != row->shard;
}

static const char *wrong_table(const struct audit *audit, const struct audit_row *row, const struct audit_grab *grab)
{
    struct grab_event event;
    audit_grab_event(&audit->grabs, grab, &event);
    if (route_shard(&row->layout->route, grab->partition) != row->shard)
        return "a row on a shard that the route does not name";
    int64_t slot = row->layout->keys->layout->slot(audit->stream, grab->partition, &event, audit->meta.offset_min);
    return slot != row->slot ? "a row in another table" : NULL;
}

static void check_known(struct audit *audit, const struct audit_row *row, struct audit_grab *grab)
{
    struct audit_place place = place_of_grab(row, grab);
    const char *wrong = wrong_table(audit, row, grab);
    if (wrong) {
        audit_report_add(&audit->report, 7, "row_misplaced", &place, wrong, "it where layout and route put it");
        return;
    }
    if (grab->offset >= row->layout->progress[grab->partition].next_offset) {
        audit_report_add(&audit->report, 7, "row_ahead", &place, "a row", "none: progress has not passed its record");
        return;
    }
    if (grab->seen & row->layout->bit) {
        audit_report_add(&audit->report, 7, "row_twice", &place, "a second row", "one row of a grab");
        return;
    }
    grab->seen |= row->layout->bit;
    compare_cells(audit, row, grab);
}

/* What the checks below read of a row. */
struct row_ids {
    uint64_t grab_id, user_id, coupon_id, status;
};

static bool changed(const struct audit_row *row, const struct column *column, enum value_type type, struct err *err)
{
    return err_set(err, ERR_CONFLICT,
                   "The table %s has been changed: its column %s holds %s, where `weir init` made %s. Change it back; "
                   "nothing can be said of its rows",
                   row->table, column->name, value_type_name(type), value_type_name(VALUE_U64));
}

static bool read_ids(const struct audit *audit, const struct audit_row *row, struct row_ids *ret_ids, struct err *err)
{
    static const char *const names[] = {"grab_id", "user_id", "coupon_id", "grab_status"};
    uint64_t *const numbers[] = {&ret_ids->grab_id, &ret_ids->user_id, &ret_ids->coupon_id, &ret_ids->status};
    const struct column *columns[STREAM_COLUMNS_MAX];
    const size_t count = stream_row_columns(audit->stream, columns);
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        size_t at = 0;
        while (at < count && strcmp(columns[at]->name, names[n]) != 0)
            at++;
        assert(at < count);
        if (row->cells[at].type != VALUE_U64)
            return changed(row, columns[at], row->cells[at].type, err);
        *numbers[n] = row->cells[at].u64;
    }
    return true;
}

/* There is no fold to hold it against: it is counted where the fold would be. */
static void count_row(struct audit *audit, const struct audit_row *row, const struct row_ids *ids, int32_t partition)
{
    const struct audit_total key = {.coupon_id = ids->coupon_id,
                                    .day = id_day(ids->grab_id, audit->meta.offset_min),
                                    .partition = (uint16_t)partition,
                                    .layout = (uint8_t)(row->layout - audit->layouts + 1),
                                    .shard = (uint8_t)row->shard};
    struct audit_total *total = audit_total(&audit->totals, &key);
    *(ids->status == GRAB_ROW_OK ? &total->fold_ok : &total->fold_voided) += 1;
}

static void check_row(struct audit *audit, const struct audit_row *row, const struct row_ids *ids, int32_t partition)
{
    struct audit_grab *grab = grab_of_row(audit, row, ids->grab_id, partition);
    if (grab) {
        check_known(audit, row, grab);
        return;
    }
    struct audit_place place = place_of_row(row, ids->grab_id, ids->user_id);
    place.partition = partition;
    place.coupon_id = ids->coupon_id;
    audit_report_add(&audit->report, 7, "row_extra", &place, "a row", "none: the log has no record that makes it");
}

bool audit_check_row(struct audit *audit, const struct audit_row *row, struct err *err)
{
    struct row_ids ids;
    if (!read_ids(audit, row, &ids, err))
        return false;
    if (!audit_in_slice(audit, ids.user_id))
        return true;
    const int32_t partition = partition_of_row(audit, row, ids.user_id);
    row->layout->rows++;
    if (left_by_older_route(row, partition))
        row->layout->elsewhere++;
    else if (audit->part[partition].whole)
        check_row(audit, row, &ids, partition);
    else
        count_row(audit, row, &ids, partition);
    return true;
}

static int32_t first_day(const struct audit_layout *layout)
{
    int32_t first = INT32_MAX;
    for (size_t shard = 0; shard < ROUTE_SHARDS_MAX; shard++)
        if (layout->first_day[shard] < first)
            first = layout->first_day[shard];
    return first;
}

/* `weir tables drop` takes a day from all shards: a table that one shard lacks and another has, or has an older one
 * of, was taken by nobody. */
bool audit_day_dropped(const struct audit *audit, const struct audit_layout *layout, int32_t day)
{
    const struct table_day known = {.has_older = first_day(layout) <= day, .was_used = true};
    return layout->keys->layout->by_day && !table_day_lost(&known, day, audit->today);
}

static void check_missing(struct audit *audit, struct audit_layout *layout, const struct audit_grab *grab)
{
    struct grab_event event;
    char table[TABLE_NAME_MAX];
    const struct layout *way = layout->keys->layout;
    int shard = route_shard(&layout->route, grab->partition);
    audit_grab_event(&audit->grabs, grab, &event);
    if (audit_day_dropped(audit, layout, day_of_ms(audit->stream->time_ms(&event), audit->meta.offset_min))) {
        layout->dropped++;
        return;
    }
    way->table(audit->stream, way->slot(audit->stream, grab->partition, &event, audit->meta.offset_min), table);
    struct audit_row row = {.layout = layout, .shard = shard, .table = table};
    struct audit_place place = place_of_grab(&row, grab);
    audit_report_add(&audit->report, 7, "row_missing", &place, "no row",
                     grab->verdict == FOLD_OK ? "an OK row" : "a VOID row");
}

void audit_check_missing(struct audit *audit)
{
    for (size_t i = 0; i < audit->grabs.count; i++) {
        const struct audit_grab *grab = &audit->grabs.grabs[i];
        for (size_t l = 0; l < audit->layout_count; l++) {
            struct audit_layout *layout = &audit->layouts[l];
            if ((grab->layouts & ~grab->seen & layout->bit) &&
                grab->offset < layout->progress[grab->partition].next_offset)
                check_missing(audit, layout, grab);
        }
    }
}
