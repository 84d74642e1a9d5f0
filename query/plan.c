#include "query/plan.h"

#include "protocol/ids.h"
#include "schemas/partition.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static const char *subject_column(enum question_kind kind)
{
    return kind == QUESTION_USER ? "user_id" : kind == QUESTION_ROOM ? "room_id" : NULL;
}

bool plan_layout(const struct question_mode *mode, const struct layout *wanted, const struct map *map,
                 const struct map_layout **ret_layout, struct question_fault *fault)
{
    *ret_layout = mode->layout ? map_find(map, mode->layout) : map_find_or_other(map, wanted);
    if (*ret_layout != NULL)
        return true;
    fault->status = mode->layout ? 422 : 503;
    fault->code = "layout_unavailable";
    snprintf(fault->detail, sizeof fault->detail,
             "The layout %s has no route in the catalog: leave the parameter layout out, or run `weir init`.",
             mode->layout ? mode->layout->name : wanted->name);
    return false;
}

bool plan_make(const struct question *question, const struct map *map, struct plan *ret_plan,
               struct question_fault *fault)
{
    struct plan plan = {.stream = map->stream, .offset_min = map->offset_min, .partition = -1, .question = *question};
    if (!plan_layout(&question->mode, question_layout(question->kind), map, &plan.layout, fault))
        return false;
    if (question->kind == QUESTION_USER)
        plan.partition = partition_of_user(question->subject, map->partitions);
    *ret_plan = plan;
    return true;
}

size_t plan_all_shards(const struct map_layout *layout, int ret_shards[ROUTE_SHARDS_MAX])
{
    bool has[ROUTE_SHARDS_MAX] = {false};
    for (int32_t p = 0; p < layout->route.partitions; p++)
        has[route_shard(&layout->route, p)] = true;
    size_t count = 0;
    for (int shard = 0; shard < ROUTE_SHARDS_MAX; shard++)
        if (has[shard])
            ret_shards[count++] = shard;
    return count;
}

size_t plan_shards(const struct plan *plan, int ret_shards[ROUTE_SHARDS_MAX])
{
    if (plan->partition < 0)
        return plan_all_shards(plan->layout, ret_shards);
    ret_shards[0] = route_shard(&plan->layout->route, plan->partition);
    return 1;
}

bool plan_days(const struct plan *plan, int64_t *ret_first, int64_t *ret_last)
{
    const struct question *question = &plan->question;
    if (question->begin_id >= question->end_id)
        return false;
    *ret_first = id_day(question->begin_id, plan->offset_min);
    *ret_last = id_day(question->end_id - 1, plan->offset_min);
    return true;
}

void plan_slots_clear(struct plan_slots *slots)
{
    slots->count = 0;
    slots->oldest = INT64_MAX;
}

void plan_slots_add_table(const struct plan *plan, const char *table, struct plan_slots *slots)
{
    int64_t slot, first, last;
    assert(plan->layout->keys->layout->by_day);
    if (!plan->layout->keys->layout->parse(plan->stream, table, &slot))
        return;
    if (slot < slots->oldest)
        slots->oldest = slot;
    if (slots->count < PLAN_TABLES_MAX && plan_days(plan, &first, &last) && slot >= first && slot <= last)
        slots->slot[slots->count++] = slot;
}

static int newest_first(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left < right) - (left > right);
}

void plan_slots_sort(struct plan_slots *slots)
{
    qsort(slots->slot, slots->count, sizeof *slots->slot, newest_first);
}

void plan_slots_of(const struct plan *plan, int shard, struct plan_slots *ret_slots)
{
    assert(!plan->layout->keys->layout->by_day);
    ret_slots->count = 0;
    for (int32_t p = 0; p < plan->layout->route.partitions; p++)
        if (route_shard(&plan->layout->route, p) == shard && (plan->partition < 0 || plan->partition == p))
            ret_slots->slot[ret_slots->count++] = p;
}

void plan_list_sql(const struct stream *stream, struct buf *ret_sql)
{
    buf_printf(ret_sql, "SHOW TABLES LIKE '%s\\_%%'", stream->name);
}

void plan_select_columns(const struct stream *stream, const char *table, struct buf *ret_sql)
{
    const struct column *columns[STREAM_COLUMNS_MAX];
    size_t count = stream_row_columns(stream, columns);
    buf_append_str(ret_sql, "SELECT ");
    for (size_t i = 0; i < count; i++)
        buf_printf(ret_sql, "%s`%s`", i == 0 ? "" : ", ", columns[i]->name);
    buf_printf(ret_sql, " FROM `%s`", table);
}

void plan_sql(const struct plan *plan, int64_t slot, struct buf *ret_sql)
{
    const struct question *question = &plan->question;
    const char *id = plan->stream->id_column, *subject = subject_column(question->kind);
    char table[TABLE_NAME_MAX];
    plan->layout->keys->layout->table(plan->stream, slot, table);
    plan_select_columns(plan->stream, table, ret_sql);
    buf_printf(ret_sql, " WHERE `%s` >= ? AND `%s` < ?", id, id);
    if (subject != NULL)
        buf_printf(ret_sql, " AND `%s` = ?", subject);
    if (!question->voids)
        buf_append_str(ret_sql, " AND `grab_status` = 1");
    buf_printf(ret_sql, " ORDER BY `%s` DESC LIMIT ?", id);
}

size_t plan_values(const struct plan *plan, size_t limit, struct value ret_values[PLAN_VALUES_MAX])
{
    const struct question *question = &plan->question;
    size_t count = 0;
    ret_values[count++] = value_u64(question->begin_id);
    ret_values[count++] = value_u64(question->end_id);
    if (subject_column(question->kind) != NULL)
        ret_values[count++] = value_u64(question->subject);
    ret_values[count++] = value_u64(limit);
    assert(count <= PLAN_VALUES_MAX);
    return count;
}

void plan_partitions_sql(const struct map_layout *layout, int shard, struct buf *ret_sql)
{
    const char *before = " AND `partition` IN (";
    for (int32_t p = 0; p < layout->route.partitions; p++) {
        if (route_shard(&layout->route, p) != shard)
            continue;
        buf_printf(ret_sql, "%s%d", before, (int)p);
        before = ",";
    }
    buf_append_str(ret_sql, *before == ',' ? ")" : " AND FALSE");
}
