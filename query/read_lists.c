/* Lists of rows: a user's coupons, a room's orders, the orders of a time range. Newest first, from one layout. */
#include "core/clock.h"
#include "query/days.h"
#include "query/rows.h"
#include "query/scatter.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct list_read {
    struct scatter scatter;
    struct plan plan;
};

struct list_part {
    struct scatter_part part;
    size_t list_count;
    struct row_list *lists; /* one a partition's table; one for all day tables */
};

static void list_part_free(struct scatter_part *base)
{
    struct list_part *part = (struct list_part *)base;
    for (size_t i = 0; i < part->list_count; i++)
        row_list_free(&part->lists[i]);
    free(part->lists);
    free(part);
}

/* ---- on a pool's thread ---- */

struct row_taker {
    const struct stream *stream;
    struct row_list *list;
    bool broken;
};

static bool take_row(const struct value *cells, size_t count, void *arg)
{
    struct row_taker *taker = arg;
    taker->broken = !row_list_add(taker->list, taker->stream, cells, count);
    return !taker->broken;
}

static bool read_table(const struct list_part *part, const struct plan *plan, int64_t slot, size_t limit,
                       struct row_list *list, struct sql *sql, struct err *err)
{
    if (clock_boottime_us() >= part->part.job.deadline_us)
        return err_set(err, ERR_OUTAGE, "its tables could not all be read by the deadline");
    struct row_taker taker = {.stream = plan->stream, .list = list};
    struct value values[PLAN_VALUES_MAX];
    struct buf text = {0};
    plan_sql(plan, slot, &text);
    size_t count = plan_values(plan, limit, values);
    bool good = sql_select(sql, text.data, values, count, take_row, &taker, err);
    if (good && taker.broken)
        good = err_set(err, ERR_DATA, "a row of another shape came back for %s", text.data);
    buf_free(&text);
    return good;
}

static bool read_partitions(struct list_part *part, const struct plan *plan, struct sql *sql, struct err *err)
{
    struct plan_slots *slots = mem_alloc(sizeof *slots);
    plan_slots_of(plan, part->part.shard, slots);
    if (part->lists == NULL) {
        part->lists = mem_alloc(slots->count * sizeof *part->lists);
        part->list_count = slots->count;
    }
    bool good = true;
    for (size_t i = 0; good && i < slots->count; i++) {
        row_list_clear(&part->lists[i]);
        good = read_table(part, plan, slots->slot[i], plan->question.limit, &part->lists[i], sql, err);
    }
    free(slots);
    return good;
}

struct table_taker {
    const struct plan *plan;
    struct plan_slots *slots;
};

static bool take_table(const struct value *cells, size_t count, void *arg)
{
    const struct table_taker *taker = arg;
    char name[TABLE_NAME_MAX + 1];
    if (count == 1 && cells[0].type == VALUE_TEXT && cells[0].len < sizeof name) {
        snprintf(name, sizeof name, "%.*s", (int)cells[0].len, cells[0].text);
        plan_slots_add_table(taker->plan, name, taker->slots);
    }
    return true;
}

static bool list_days(const struct plan *plan, struct plan_slots *slots, struct sql *sql, struct err *err)
{
    struct table_taker taker = {plan, slots};
    struct buf text = {0};
    plan_slots_clear(slots);
    plan_list_sql(plan->stream, &text);
    bool good = sql_select(sql, text.data, NULL, 0, take_table, &taker, err);
    buf_free(&text);
    plan_slots_sort(slots);
    if (good && slots->count == PLAN_TABLES_MAX)
        return err_set(err, ERR_USAGE, "there are %d day tables or more; ask for a shorter time, or by another layout",
                       PLAN_TABLES_MAX);
    return good;
}

/* Of the days that were looked into: `read` tables, from the newest on. What is behind a full list is not asked for. */
static bool check_days(const struct list_part *part, const struct plan *plan, const struct plan_slots *slots,
                       size_t read, struct sql *sql, struct err *err)
{
    struct days_range range;
    if (!plan_days(plan, &range.first, &range.last))
        return true;
    if (read > 0 && part->lists[0].count >= plan->question.limit)
        range.first = slots->slot[read - 1];
    return days_check(plan, part->part.shard, slots, range, sql, err);
}

/* The names are asked for each time: a table that was made a moment ago may hold rows that a client already knows
 * of. */
static bool read_days(struct list_part *part, const struct plan *plan, struct plan_slots *slots, struct sql *sql,
                      struct err *err)
{
    if (part->lists == NULL) {
        part->lists = mem_alloc(sizeof *part->lists);
        part->list_count = 1;
    }
    struct row_list *list = &part->lists[0];
    row_list_clear(list);
    if (!list_days(plan, slots, sql, err))
        return false;
    size_t i = 0;
    for (; i < slots->count && list->count < plan->question.limit; i++)
        if (!read_table(part, plan, slots->slot[i], plan->question.limit - list->count, list, sql, err))
            return false;
    return check_days(part, plan, slots, i, sql, err);
}

static bool list_run(struct pool_job *job, struct sql *sql, struct err *err)
{
    struct list_part *part = (struct list_part *)job;
    const struct plan *plan = &((const struct list_read *)part->part.scatter)->plan;
    if (!plan->layout->keys->layout->by_day)
        return read_partitions(part, plan, sql, err);
    struct plan_slots *slots = mem_alloc(sizeof *slots);
    bool good = read_days(part, plan, slots, sql, err);
    if (!good && err->kind == ERR_MISSING) /* a table was dropped, or made, after they were listed */
        good = read_days(part, plan, slots, sql, err);
    free(slots);
    return good;
}

/* ---- on the loop ---- */

static void write_row(const struct row_list *list, const struct row_ref *row, void *arg)
{
    struct buf *json = arg;
    if (json->data[json->len - 1] != '[')
        buf_append_char(json, ',');
    buf_append(json, list->text.data + row->at, row->len);
}

static size_t gather_lists(const struct scatter *scatter, const struct row_list *ret_lists[MERGE_LISTS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < scatter->count; i++) {
        const struct list_part *part = (const struct list_part *)scatter->part[i];
        for (size_t j = 0; part->part.state == PART_GOOD && j < part->list_count; j++) {
            assert(count < MERGE_LISTS_MAX);
            ret_lists[count++] = &part->lists[j];
        }
    }
    return count;
}

static void list_answer(struct scatter *scatter)
{
    const struct row_list *lists[MERGE_LISTS_MAX];
    const struct list_read *read = (const struct list_read *)scatter;
    struct buf *json = &scatter->owner->json;
    size_t count = gather_lists(scatter, lists);
    buf_append_str(json, "{\"data\":[");
    size_t rows = rows_merge(lists, count, read->plan.question.limit, write_row, json);
    buf_printf(json, "],\"count\":%zu,\"layout\":\"%s\",", rows, read->plan.layout->keys->layout->name);
    scatter_append_tail(scatter, json);
    buf_append_char(json, '}');
    scatter_answer_json(scatter);
}

static void list_start(struct http_req *req, enum read_kind kind, const struct question *question)
{
    struct scatter *scatter = scatter_new(req, kind, sizeof(struct list_read));
    if (scatter == NULL)
        return;
    struct list_read *read = (struct list_read *)scatter;
    struct question_fault fault = {0};
    int shards[ROUTE_SHARDS_MAX];
    if (!plan_make(question, scatter->map, &read->plan, &fault)) {
        scatter_cancel(scatter, &fault);
        return;
    }
    size_t count = plan_shards(&read->plan, shards);
    for (size_t i = 0; i < count; i++)
        scatter_add(scatter, shards[i], sizeof(struct list_part), list_run)->free = list_part_free;
    scatter->tolerant = question->mode.partial;
    scatter->answer = list_answer;
    scatter_send(scatter);
}

static void list_read(struct http_req *req, enum read_kind kind, enum question_kind about, struct text subject)
{
    struct question question;
    struct question_fault fault = {0};
    struct question_source source = scatter_source(req);
    if (question_read_list(about, subject, &source, clock_realtime_ms(), &question, &fault))
        list_start(req, kind, &question);
    else
        scatter_refuse(req, kind, &fault);
}

void read_user_coupons(struct http_req *req, void *arg)
{
    (void)arg;
    list_read(req, READ_USER_COUPONS, QUESTION_USER, http_req_param(req, 0));
}

void read_room_orders(struct http_req *req, void *arg)
{
    (void)arg;
    list_read(req, READ_ROOM_ORDERS, QUESTION_ROOM, http_req_param(req, 0));
}

void read_recent_orders(struct http_req *req, void *arg)
{
    (void)arg;
    list_read(req, READ_RECENT_ORDERS, QUESTION_RANGE, (struct text){"", 0});
}
