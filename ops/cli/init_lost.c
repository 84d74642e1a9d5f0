/* Tables that rows were stored in and that are gone: made anew they would be empty, and first-wins blind. A worker waits
 * for them (README, "A table that is gone"), so init may not end that wait. Nothing is made before all shards were
 * looked at. */
#include "core/clock.h"
#include "ops/cli/init.h"
#include "schemas/ddl.h"
#include "schemas/table_day.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bool init_partition_lost(bool exists, uint64_t ok_rows, uint64_t void_rows)
{
    return !exists && ok_rows + void_rows > 0;
}

struct names {
    char (*name)[TABLE_NAME_MAX];
    size_t count;
};

static bool take_name(const struct value *cells, size_t count, void *arg)
{
    struct names *names = arg;
    if (count == 0 || cells[0].type != VALUE_TEXT || cells[0].len >= TABLE_NAME_MAX)
        return true;
    names->name = mem_grow(names->name, (names->count + 1) * sizeof *names->name);
    cell_text(&cells[0], names->name[names->count++], TABLE_NAME_MAX);
    return true;
}

static bool names_have(const struct names *names, const char *table)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->name[i], table) == 0)
            return true;
    return false;
}

/* Where its table is not made yet, nothing was stored. */
static bool select_if_there(struct sql *sql, const char *text, const struct value *values, size_t count, sql_row_fn fn,
                            void *arg, struct err *err)
{
    if (sql_select(sql, text, values, count, fn, arg, err))
        return true;
    if (err->kind != ERR_MISSING)
        return false;
    *err = (struct err){0};
    return true;
}

struct counts {
    uint64_t ok, voided;
};

static bool take_counts(const struct value *cells, size_t count, void *arg)
{
    struct counts *counts = arg;
    if (count > 6)
        *counts = (struct counts){.ok = (uint64_t)cell_i64(&cells[5]), .voided = (uint64_t)cell_i64(&cells[6])};
    return false;
}

static bool check_partition(const struct init *init, int shard, const struct layout *layout, int32_t partition,
                            const struct names *names, struct err *err)
{
    const char *topic = init->stream->name;
    const struct value values[] = {value_text(layout->name, strlen(layout->name)), value_text(topic, strlen(topic)),
                                   value_i64(partition)};
    char table[TABLE_NAME_MAX];
    struct counts counts = {0};
    layout->table(init->stream, partition, table);
    const bool exists = names_have(names, table);
    if (!exists && !select_if_there(init->shard[shard], sql_progress_read, values, 3, take_counts, &counts, err))
        return false;
    return !init_partition_lost(exists, counts.ok, counts.voided) ||
           err_set(err, ERR_CONFLICT,
                   "The table %s is gone, and by progress it had %" PRIu64 " rows: put it back, or have it filled "
                   "from the log (README, \"A table that is gone\"); nothing was made",
                   table, counts.ok + counts.voided);
}

static bool take_used(const struct value *cells, size_t count, void *arg)
{
    (void)cells;
    *(bool *)arg = count > 0;
    return false;
}

static bool check_day(const struct init *init, int shard, const struct layout *layout, int32_t day, int32_t today,
                      const struct names *names, struct err *err)
{
    struct table_day known = {0};
    struct buf text = {0};
    char table[TABLE_NAME_MAX], day_text[11];
    for (size_t i = 0; i < names->count; i++) {
        const struct value name = value_text(names->name[i], strlen(names->name[i]));
        table_day_see(&known, init->stream, layout, day, &name);
    }
    day_format(day, '-', day_text);
    const struct value values[] = {value_text(layout->name, strlen(layout->name)),
                                   value_text(day_text, strlen(day_text))};
    table_day_used_sql(init->stream, &text);
    bool good =
        text.len == 0 || select_if_there(init->shard[shard], text.data, values, 2, take_used, &known.was_used, err);
    buf_free(&text);
    layout->table(init->stream, day, table);
    return good && (!table_day_lost(&known, day, today) ||
                    err_set(err, ERR_CONFLICT,
                            "The table %s is gone, and by %s rows were stored in it: put it back, or have it filled "
                            "from the log (README, \"A table that is gone\"); nothing was made",
                            table, init->stream->totals_table));
}

static bool check_layout(const struct init *init, int shard, size_t at, const struct names *names, struct err *err)
{
    const struct layout *layout = init->stream->layouts[at].layout;
    int32_t partitions[ROUTE_PARTITIONS_MAX];
    size_t count = route_partitions_of(&init->route[at], shard, partitions);
    int32_t today = day_of_ms(clock_realtime_ms(), init->meta.offset_min);
    if (layout->by_day)
        for (int32_t day = today; count > 0 && day <= today + INIT_DAYS_AHEAD; day++)
            if (!check_day(init, shard, layout, day, today, names, err))
                return false;
    if (!layout->by_day)
        for (size_t i = 0; i < count; i++)
            if (!check_partition(init, shard, layout, partitions[i], names, err))
                return false;
    return true;
}

bool init_shard_whole(const struct init *init, int shard, struct err *err)
{
    struct names names = {0};
    bool good = sql_select(init->shard[shard], "SHOW TABLES", NULL, 0, take_name, &names, err);
    for (size_t i = 0; good && i < init->stream->layout_count; i++)
        good = !init->chosen[i] || check_layout(init, shard, i, &names, err);
    free(names.name);
    return good || err_prefix(err, "shard %d", shard);
}
