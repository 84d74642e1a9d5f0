#include "query/days.h"

#include "core/clock.h"
#include "schemas/table_day.h"
#include <string.h>

enum { DAYS_TO_1970 = 719528 /* TO_DAYS('1970-01-01') */ };

bool days_narrow(const struct plan_slots *slots, int32_t today, struct days_range *range)
{
    int64_t day = slots->oldest < today - 1 ? slots->oldest + 1 : today - 1; /* older ones were dropped, if anything */
    if (day < range->first)
        day = range->first;
    for (size_t i = slots->count; i > 0 && slots->slot[i - 1] <= day; i--) /* the oldest is the last one */
        day += slots->slot[i - 1] == day;
    range->first = day;
    return day <= range->last;
}

bool days_lost(const struct plan_slots *slots, int64_t day, int32_t today)
{
    struct table_day known = {.has_older = slots->oldest < day, .was_used = true};
    for (size_t i = 0; i < slots->count; i++)
        known.exists |= slots->slot[i] == day;
    return table_day_lost(&known, day, today);
}

void days_used_sql(const struct plan *plan, int shard, struct buf *ret_sql)
{
    buf_printf(ret_sql,
               "SELECT DISTINCT TO_DAYS(`day`) - %d FROM `%s` WHERE `layout` = ? AND `day` BETWEEN ? AND ?"
               " AND `ok_rows` + `void_rows` > 0",
               DAYS_TO_1970, plan->stream->totals_table);
    if (plan->partition >= 0)
        buf_printf(ret_sql, " AND `partition` = %d", (int)plan->partition);
    else
        plan_partitions_sql(plan->layout, shard, ret_sql);
}

struct used_taker {
    const struct plan_slots *slots;
    int32_t today;
    bool found;
    int64_t newest; /* of those that are lost */
};

static bool take_used(const struct value *cells, size_t count, void *arg)
{
    struct used_taker *taker = arg;
    if (count == 1 && days_lost(taker->slots, cells[0].i64, taker->today) &&
        (!taker->found || cells[0].i64 > taker->newest)) {
        taker->newest = cells[0].i64;
        taker->found = true;
    }
    return true;
}

bool days_fail(const struct stream *stream, const struct layout *layout, int64_t day, struct err *err)
{
    char table[TABLE_NAME_MAX];
    layout->table(stream, day, table);
    return err_set(err, ERR_MISSING,
                   "its table %s is gone, and by the totals rows were stored in it: put it back, nothing is told "
                   "without them",
                   table);
}

bool days_check(const struct plan *plan, int shard, const struct plan_slots *slots, struct days_range range,
                struct sql *sql, struct err *err)
{
    const struct layout *layout = plan->layout->keys->layout;
    struct used_taker taker = {.slots = slots, .today = day_of_ms(clock_realtime_ms(), plan->offset_min)};
    char first[11], last[11];
    if (plan->stream->totals_table == NULL || !days_narrow(slots, taker.today, &range))
        return true;
    day_format((int32_t)range.first, '-', first);
    day_format((int32_t)range.last, '-', last);
    const struct value values[] = {value_text(layout->name, strlen(layout->name)), value_text(first, strlen(first)),
                                   value_text(last, strlen(last))};
    struct buf text = {0};
    days_used_sql(plan, shard, &text);
    bool good = sql_select(sql, text.data, values, 3, take_used, &taker, err);
    buf_free(&text);
    return good && (!taker.found || days_fail(plan->stream, layout, taker.newest, err));
}
