#include "query/totals.h"

#include "query/plan.h"
#include <stdlib.h>
#include <string.h>

enum { DAYS_TO_1970 = 719528 /* TO_DAYS('1970-01-01') */ };

void totals_add(struct totals *totals, struct total total)
{
    if (totals->count == totals->cap) {
        totals->cap = totals->cap ? totals->cap * 2 : 16;
        totals->item = mem_grow(totals->item, totals->cap * sizeof *totals->item);
    }
    totals->item[totals->count++] = total;
}

static int key_order(const void *a, const void *b)
{
    int64_t left = ((const struct total *)a)->key, right = ((const struct total *)b)->key;
    return (left > right) - (left < right);
}

void totals_sort(struct totals *totals)
{
    size_t kept = 0;
    if (totals->count == 0)
        return;
    qsort(totals->item, totals->count, sizeof *totals->item, key_order);
    for (size_t i = 1; i < totals->count; i++) {
        struct total *last = &totals->item[kept];
        if (totals->item[i].key != last->key) {
            totals->item[++kept] = totals->item[i];
            continue;
        }
        last->ok += totals->item[i].ok;
        last->voids += totals->item[i].voids;
    }
    totals->count = kept + 1;
}

void totals_add_all(struct totals *totals, const struct totals *more)
{
    for (size_t i = 0; i < more->count; i++)
        totals_add(totals, more->item[i]);
    totals_sort(totals);
}

struct total totals_sum(const struct totals *totals)
{
    struct total sum = {0};
    for (size_t i = 0; i < totals->count; i++) {
        sum.ok += totals->item[i].ok;
        sum.voids += totals->item[i].voids;
    }
    return sum;
}

const struct total *totals_find(const struct totals *totals, int64_t key)
{
    struct total wanted = {.key = key};
    return totals->count == 0 ? NULL : bsearch(&wanted, totals->item, totals->count, sizeof wanted, key_order);
}

void totals_clear(struct totals *totals)
{
    totals->count = 0;
}

void totals_free(struct totals *totals)
{
    free(totals->item);
    *totals = (struct totals){0};
}

void totals_sql(const struct stream *stream, const struct map_layout *layout, int shard, enum totals_key by, bool one,
                struct buf *ret_sql)
{
    if (by == TOTALS_BY_DAY)
        buf_printf(ret_sql, "SELECT TO_DAYS(`day`) - %d", DAYS_TO_1970);
    else
        buf_printf(ret_sql, "SELECT `%s`", stream->totals_column);
    buf_printf(ret_sql, " AS `key`, SUM(`ok_rows`), SUM(`void_rows`) FROM `%s` WHERE `layout` = ?",
               stream->totals_table);
    plan_partitions_sql(layout, shard, ret_sql);
    if (one)
        buf_printf(ret_sql, " AND `%s` = ?", stream->totals_column);
    buf_append_str(ret_sql, " GROUP BY `key`");
}

struct totals_taker {
    struct totals *totals;
    bool broken;
};

static bool take_total(const struct value *cells, size_t count, void *arg)
{
    struct totals_taker *taker = arg;
    taker->broken = count != 3;
    for (size_t i = 0; i < count; i++)
        taker->broken = taker->broken || (cells[i].type != VALUE_I64 && cells[i].type != VALUE_U64);
    if (!taker->broken)
        totals_add(taker->totals, (struct total){.key = cells[0].i64, .ok = cells[1].u64, .voids = cells[2].u64});
    return !taker->broken;
}

bool totals_select(struct totals *totals, const struct stream *stream, const struct map_layout *layout, int shard,
                   enum totals_key by, uint64_t subject, struct sql *sql, struct err *err)
{
    const char *name = layout->keys->layout->name;
    const struct value values[] = {value_text(name, strlen(name)), value_u64(subject)};
    struct totals_taker taker = {.totals = totals};
    struct buf text = {0};
    totals_clear(totals);
    totals_sql(stream, layout, shard, by, subject != 0, &text);
    bool good = sql_select(sql, text.data, values, subject != 0 ? 2 : 1, take_total, &taker, err);
    buf_free(&text);
    totals_sort(totals);
    return good && (!taker.broken || err_set(err, ERR_DATA, "a row of %s holds no numbers", stream->totals_table));
}
