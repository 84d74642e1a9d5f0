#include "core/clock.h"
#include "ops/cli/init.h"
#include "schemas/ddl.h"

#include <inttypes.h>
#include <string.h>

/* Makes the row where there is none, and compares it where there is one. */
static bool claim_identity(struct init *init, int shard, struct err *err)
{
    struct sql *sql = init->shard[shard];
    struct value values[] = {value_text(init->meta.cluster, strlen(init->meta.cluster)), value_i64(shard)};
    return sql_run_text(sql, ddl_shard_identity, err) && sql_run(sql, sql_identity_make, values, 2, NULL, err) &&
           identity_check(sql, shard, &init->meta, err);
}

bool init_shard_open(struct init *init, int shard, struct err *err)
{
    return link_open(init->config, shard, &init->shard[shard], err) &&
           (claim_identity(init, shard, err) || err_prefix(err, "shard %d", shard));
}

static bool run_built(struct sql *sql, struct buf *text, struct err *err)
{
    bool done = text->len == 0 || sql_run_text(sql, text->data, err);
    buf_reset(text);
    return done;
}

static bool make_table(const struct init *init, int shard, const struct stream_layout *layout, int64_t slot,
                       struct buf *text, struct err *err)
{
    char table[TABLE_NAME_MAX];
    layout->layout->table(init->stream, slot, table);
    ddl_table(init->stream, layout, table, text);
    return run_built(init->shard[shard], text, err);
}

/* The tables of the slots that are known now: those of its partitions, or of today and the days that come. */
static bool make_layout_tables(const struct init *init, int shard, size_t layout_at, struct buf *text, struct err *err)
{
    const struct stream_layout *layout = &init->stream->layouts[layout_at];
    int32_t partitions[ROUTE_PARTITIONS_MAX];
    size_t count = route_partitions_of(&init->route[layout_at], shard, partitions);
    int64_t today = day_of_ms(clock_realtime_ms(), init->meta.offset_min);
    if (layout->layout->by_day)
        for (int64_t day = today; count > 0 && day <= today + INIT_DAYS_AHEAD; day++)
            if (!make_table(init, shard, layout, day, text, err))
                return false;
    if (!layout->layout->by_day)
        for (size_t i = 0; i < count; i++)
            if (!make_table(init, shard, layout, partitions[i], text, err))
                return false;
    return true;
}

/* The view shows the tables of the first layout whose tables do not come and go. */
static bool make_view(const struct init *init, int shard, struct buf *text, struct err *err)
{
    static char names[ROUTE_PARTITIONS_MAX][TABLE_NAME_MAX];
    static const char *tables[ROUTE_PARTITIONS_MAX];
    size_t at = 0, count = 0;
    while (at < init->stream->layout_count && (!init->chosen[at] || init->stream->layouts[at].layout->by_day))
        at++;
    for (int32_t p = 0; at < init->stream->layout_count && p < init->route[at].partitions; p++) {
        if (route_shard(&init->route[at], p) != shard)
            continue;
        init->stream->layouts[at].layout->table(init->stream, p, names[count]);
        tables[count] = names[count];
        count++;
    }
    ddl_view(init->stream, tables, count, text);
    return run_built(init->shard[shard], text, err);
}

bool init_shard_tables(struct init *init, int shard, struct err *err)
{
    struct sql *sql = init->shard[shard];
    struct buf text = {0};
    bool done = sql_run_text(sql, ddl_progress, err) && sql_run_text(sql, ddl_dead_letters, err);
    if (done) {
        ddl_totals(init->stream, &text);
        done = run_built(sql, &text, err);
    }
    for (size_t i = 0; done && i < init->stream->layout_count; i++)
        done = !init->chosen[i] || make_layout_tables(init, shard, i, &text, err);
    done = done && make_view(init, shard, &text, err);
    buf_free(&text);
    return done || err_prefix(err, "shard %d", shard);
}

bool init_begin_offset(enum init_begin begin, int64_t low, int64_t high, int64_t *ret_offset, struct err *err)
{
    if (begin == INIT_BEGIN_ZERO && low > 0)
        return err_set(err, ERR_CONFLICT,
                       "there is no progress row, and the log begins at offset %" PRId64
                       ": records before it are gone. Give --at-begin to go on without them, or --at-end to begin "
                       "behind offset %" PRId64,
                       low, high);
    *ret_offset = begin == INIT_BEGIN_HIGH ? high : low;
    return true;
}

struct offset_reading {
    int64_t next_offset;
    bool found;
};

static bool take_offset(const struct value *cells, size_t count, void *arg)
{
    struct offset_reading *reading = arg;
    reading->next_offset = count > 0 ? cell_i64(&cells[0]) : 0;
    reading->found = true;
    return false;
}

static bool make_progress(struct init *init, int shard, const struct layout *layout, int32_t partition, struct err *err)
{
    const char *topic = init->stream->name;
    struct offset_reading reading = {0};
    int64_t offset = 0;
    struct value values[] = {value_text(layout->name, strlen(layout->name)), value_text(topic, strlen(topic)),
                             value_i64(partition), value_i64(0)};
    if (!sql_select(init->shard[shard], sql_progress_read, values, 3, take_offset, &reading, err))
        return false;
    if (reading.found && reading.next_offset > init->high[partition])
        return err_set(err, ERR_CONFLICT,
                       "progress is at offset %" PRId64 ", but the log ends at %" PRId64
                       ": the topic was lost or made anew under its rows. Bring the topic back, or see README, \"A log "
                       "that is not the one of progress\"",
                       reading.next_offset, init->high[partition]);
    if (reading.found)
        return true;
    if (!init_begin_offset(init->begin, init->low[partition], init->high[partition], &offset, err))
        return false;
    values[3] = value_i64(offset);
    init->progress_made++;
    return sql_run(init->shard[shard], sql_progress_make, values, 4, NULL, err);
}

bool init_shard_progress(struct init *init, int shard, struct err *err)
{
    for (size_t i = 0; i < init->stream->layout_count; i++) {
        const struct layout *layout = init->stream->layouts[i].layout;
        for (int32_t p = 0; init->chosen[i] && p < init->route[i].partitions; p++) {
            if (route_shard(&init->route[i], p) != shard)
                continue;
            if (!make_progress(init, shard, layout, p, err))
                return err_prefix(err, "shard %d, topic %s, partition %d, layout %s", shard, init->stream->name, (int)p,
                                  layout->name);
        }
    }
    return true;
}
