#include "ingest/keeper.h"

#include "core/clock.h"
#include "core/log.h"
#include "core/service.h"
#include "ingest/keeper_fold.h"
#include "protocol/row_counts.h"
#include "schemas/grabs.h"
#include "schemas/partition.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A look reads the tables of the list as a whole, so it becomes rare: nobody may ever put the rows back. */
enum { LOST_REST_MS_MIN = 2000, LOST_REST_MS_MAX = 60000 };

/* ---- lists ---- */

static const struct lost_rows *first_of(const struct lost_list *list, uint64_t coupon_id)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->item[i].coupon_id == coupon_id)
            return &list->item[i];
    return NULL;
}

bool lost_has(const struct lost_list *list, uint64_t coupon_id)
{
    return first_of(list, coupon_id) != NULL;
}

void lost_add(struct lost_list *list, const struct lost_list *more)
{
    if (more->count == 0)
        return;
    list->item = mem_grow(list->item, (list->count + more->count) * sizeof *list->item);
    memcpy(list->item + list->count, more->item, more->count * sizeof *list->item);
    list->count += more->count;
}

void lost_free(struct lost_list *list)
{
    free(list->item);
    *list = (struct lost_list){0};
}

void lost_text(const struct keeper *keeper, const struct lost_list *list, uint64_t coupon_id,
               char ret_text[LOST_TEXT_MAX])
{
    char table[TABLE_NAME_MAX];
    const struct lost_rows *lost = first_of(list, coupon_id);
    ret_text[0] = '\0';
    if (lost == NULL)
        return;
    keeper->layout->layout->table(keeper->stream, lost->slot, table);
    snprintf(ret_text, LOST_TEXT_MAX,
             "coupon %" PRIu64 " stays closed: table %s of shard %d has %" PRIu64 " rows of it, and the totals count "
             "%" PRIu64 ": put back the table or the rows that are missing (`weir audit` names them)",
             coupon_id, table, lost->shard, lost->found, lost->wanted);
}

/* ---- counting ---- */

struct counting {
    const struct keeper *keeper;
    int shard;
    int64_t slot;                /* of the table that is being read */
    _Atomic uint64_t *rows_read; /* NULL: nobody asks */
    int64_t until_ms;            /* CLOCK_BOOTTIME; 0: others watch the time */
    struct sql *sql;             /* of this look alone, where it has a time */
    struct err stopped;          /* why a table was not read to its end */
    struct row_counts counts;
    uint64_t totals[ROUTE_PARTITIONS_MAX];
};

static bool take_row(const struct value *cells, size_t count, void *arg)
{
    struct counting *counting = arg;
    const struct keeper *keeper = counting->keeper;
    if (count != 3)
        return true;
    if (counting->until_ms != 0 && (service_stopping() || clock_boottime_ms() > counting->until_ms)) {
        sql_abandon(counting->sql);
        return err_set(&counting->stopped, ERR_OUTAGE,
                       "the look was given up: it took too long, or the keeper is stopping");
    }
    if (counting->rows_read != NULL)
        atomic_fetch_add_explicit(counting->rows_read, 1, memory_order_relaxed);
    const int64_t partition =
        keeper->layout->layout->by_day ? partition_of_user(cells[0].u64, keeper->partitions) : counting->slot;
    if (keeper_routed_here(keeper, partition, counting->shard))
        row_counts_add_row(&counting->counts, counting->slot, cells[1].u64, cells[2].u64 == GRAB_ROW_OK);
    return true;
}

/* No table: none of what it had. */
static bool none_if_missing(struct err *err)
{
    if (err->kind != ERR_MISSING)
        return false;
    *err = (struct err){0};
    return true;
}

static bool count_table(struct counting *counting, struct sql *sql, const char *table, struct err *err)
{
    char text[TABLE_NAME_MAX + 60];
    snprintf(text, sizeof text, "SELECT user_id, coupon_id, grab_status FROM `%s`", table);
    bool good = sql_select(sql, text, NULL, 0, take_row, counting, err) || none_if_missing(err);
    if (counting->stopped.kind != ERR_NONE)
        *err = counting->stopped;
    return good && counting->stopped.kind == ERR_NONE;
}

static bool take_total(const struct value *cells, size_t count, void *arg)
{
    struct counting *counting = arg;
    const struct keeper *keeper = counting->keeper;
    if (count != 5 || !keeper_routed_here(keeper, cells[0].i64, counting->shard))
        return true;
    counting->totals[cells[0].i64] += cells[3].u64 + cells[4].u64;
    row_counts_add_total(&counting->counts, keeper->layout->layout->by_day ? cells[1].i64 : cells[0].i64, cells[2].u64,
                         cells[3].u64, cells[4].u64);
    return true;
}

static bool count_totals(struct counting *counting, struct sql *sql, struct err *err)
{
    const struct stream *stream = counting->keeper->stream;
    const char *layout = counting->keeper->layout->layout->name;
    const struct value value = value_text(layout, strlen(layout));
    char text[300];
    snprintf(text, sizeof text,
             "SELECT `partition`, DATEDIFF(`day`, '1970-01-01'), `%s`, `ok_rows`, `void_rows` FROM `%s` WHERE `layout` "
             "= ?",
             stream->totals_column, stream->totals_table);
    return sql_select(sql, text, &value, 1, take_total, counting, err) || none_if_missing(err);
}

/* ---- in a fold ---- */

static bool count_scanned(struct counting *counting, const struct lost_scan *scan, struct err *err)
{
    const struct keeper *keeper = counting->keeper;
    for (size_t i = 0; i < scan->table_count; i++)
        if (!keeper->layout->layout->parse(keeper->stream, scan->table[i], &counting->slot) ||
            !count_table(counting, scan->sql, scan->table[i], err))
            return false;
    return true;
}

static bool nobody_knows(const struct keeper *keeper, const struct lost_scan *scan, struct err *err)
{
    uint64_t wanted = 0;
    for (int32_t p = 0; p < keeper->partitions; p++)
        wanted += scan->rows_wanted[p];
    return err_set(err, ERR_CONFLICT,
                   "%s has %" PRIu64 " rows of layout %s, its progress counts %" PRIu64 ", and %s does not tell whose "
                   "are missing: put back the table or the rows (`weir audit` names them), no stock is rebuilt without "
                   "them",
                   sql_where(scan->sql), scan->rows_found, keeper->layout->layout->name, wanted,
                   keeper->stream->totals_table);
}

static void list_lost(const struct counting *counting, struct lost_list *list)
{
    for (size_t i = 0; i < counting->counts.count; i++) {
        const struct row_count *entry = &counting->counts.entry[i];
        struct lost_rows lost = {.coupon_id = entry->coupon_id,
                                 .shard = counting->shard,
                                 .slot = entry->slot,
                                 .found = entry->rows_ok + entry->rows_void,
                                 .wanted = entry->totals_ok + entry->totals_void};
        if (!row_count_whole(entry))
            lost_add(list, &(struct lost_list){.item = &lost, .count = 1});
    }
}

bool keeper_lost_find(const struct keeper *keeper, const struct lost_scan *scan, struct lost_list *list,
                      struct err *err)
{
    struct counting counting = {.keeper = keeper, .shard = scan->shard, .rows_read = scan->rows_read};
    const size_t before = list->count;
    bool good = count_totals(&counting, scan->sql, err) && count_scanned(&counting, scan, err);
    const bool tell = good && row_counts_tell(counting.totals, scan->rows_wanted, (size_t)keeper->partitions);
    if (tell)
        list_lost(&counting, list);
    if (good && (!tell || (scan->fewer && list->count == before)))
        good = nobody_knows(keeper, scan, err);
    row_counts_free(&counting.counts);
    return good;
}

/* ---- afterwards ---- */

void keeper_lost_keep(struct keeper *keeper, struct lost_list *list)
{
    lost_free(&keeper->lost.list);
    keeper->lost.list = *list;
    *list = (struct lost_list){0};
    keeper->lost.rest_ms = LOST_REST_MS_MIN;
    keeper->lost.look_at_ms = clock_boottime_ms() + LOST_REST_MS_MIN;
}

static bool read_again(struct keeper *keeper, struct counting *counting, struct sql *sql, struct err *err)
{
    const struct lost_list *list = &keeper->lost.list;
    bool good = sql_run_text(sql, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", err) &&
                sql_run_text(sql, "START TRANSACTION WITH CONSISTENT SNAPSHOT", err) &&
                count_totals(counting, sql, err);
    int64_t last = -1;
    for (size_t i = 0; good && i < list->count; i++) { /* in the order of slots, as they were found */
        char table[TABLE_NAME_MAX];
        if (list->item[i].shard != counting->shard || list->item[i].slot == last)
            continue;
        counting->slot = last = list->item[i].slot;
        keeper->layout->layout->table(keeper->stream, last, table);
        good = count_table(counting, sql, table, err);
    }
    sql_rollback(sql);
    return good;
}

/* Takes out what is whole again; answers how many. */
static size_t drop_whole(struct lost_list *list, const struct counting *counting)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct lost_rows *item = &list->item[i];
        const struct row_count *entry =
            item->shard == counting->shard ? row_counts_find(&counting->counts, item->slot, item->coupon_id) : NULL;
        if (item->shard != counting->shard || (entry != NULL && !row_count_whole(entry)))
            list->item[kept++] = *item;
    }
    const size_t dropped = list->count - kept;
    list->count = kept;
    return dropped;
}

static size_t look_at_shard(struct keeper *keeper, int shard, struct err *err)
{
    struct sql *sql = keeper_shard_open(keeper, shard, err);
    struct counting counting = {
        .keeper = keeper, .shard = shard, .sql = sql, .until_ms = clock_boottime_ms() + keeper->config->fold_ms};
    size_t dropped = 0;
    if (sql != NULL && read_again(keeper, &counting, sql, err))
        dropped = drop_whole(&keeper->lost.list, &counting);
    sql_close(sql);
    row_counts_free(&counting.counts);
    return dropped;
}

static bool has_shard(const struct lost_list *list, int shard)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->item[i].shard == shard)
            return true;
    return false;
}

void keeper_lost_look(struct keeper *keeper)
{
    struct keeper_lost *lost = &keeper->lost;
    struct err err = {0};
    size_t back = 0;
    if (lost->list.count == 0 || clock_boottime_ms() < lost->look_at_ms)
        return;
    for (int shard = 0; shard < (int)keeper->config->mysql_shards.count; shard++)
        if (has_shard(&lost->list, shard)) {
            keeper_goes_on(keeper, keeper->config->fold_ms);
            back += look_at_shard(keeper, shard, &err);
        }
    if (err.kind != ERR_NONE)
        log_warn("cannot look whether rows that were missing are back", LOG_ERR(&err));
    log_info("looked whether rows that were missing are back", LOG_INT("back", back),
             LOG_INT("missing", lost->list.count));
    lost->rest_ms = back > 0                               ? LOST_REST_MS_MIN
                    : lost->rest_ms > LOST_REST_MS_MAX / 2 ? LOST_REST_MS_MAX
                                                           : lost->rest_ms * 2;
    lost->look_at_ms = clock_boottime_ms() + lost->rest_ms;
}
