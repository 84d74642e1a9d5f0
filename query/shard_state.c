#include "query/shard_state.h"

#include "core/clock.h"
#include "schemas/ddl.h"
#include <inttypes.h>
#include <string.h>

enum { PROGRESS_CELLS = 12 };

struct state_taker {
    struct shard_state *state;
    const struct map *map;
    struct lag *lag;
    int shard;
};

static bool cell_is(const struct value *cell, const char *word)
{
    return cell->type == VALUE_TEXT && cell->len == strlen(word) && memcmp(cell->text, word, cell->len) == 0;
}

/* SIZE_MAX: no layout of that name. */
static size_t layout_index(const struct map *map, const struct value *name)
{
    for (size_t i = 0; i < map->stream->layout_count; i++)
        if (cell_is(name, map->layouts[i].keys->layout->name))
            return i;
    return SIZE_MAX;
}

/* Left behind by an older route: the partition's rows are elsewhere now. */
static bool routed_here(const struct map_layout *layout, int64_t partition, int shard)
{
    return layout->there && partition >= 0 && partition < layout->route.partitions &&
           route_shard(&layout->route, (int32_t)partition) == shard;
}

/* layout, topic, partition, next_offset, epoch, records, ok, void, duplicates, dead letters, barriers, updated_at */
static void progress_from_cells(const struct value *cells, struct lag *lag, struct layout_state *ret_state)
{
    int64_t end;
    *ret_state = (struct layout_state){
        .partitions = 1,
        .next_offset = cells[3].i64,
        .epoch = cells[4].u64,
        .updated_at_ms = cells[11].type == VALUE_TIME_MS ? cells[11].i64 : 0,
        .counts = {.records = cells[5].u64,
                   .ok = cells[6].u64,
                   .voided = cells[7].u64,
                   .duplicates = cells[8].u64,
                   .dead_letters = cells[9].u64,
                   .barriers = cells[10].u64},
    };
    ret_state->lag_known = lag_end_offset(lag, (int32_t)cells[2].i64, &end);
    if (ret_state->lag_known && end > ret_state->next_offset)
        ret_state->lag = end - ret_state->next_offset;
}

static bool take_progress(const struct value *cells, size_t count, void *arg)
{
    struct state_taker *taker = arg;
    size_t at = count == PROGRESS_CELLS ? layout_index(taker->map, &cells[0]) : SIZE_MAX;
    struct layout_state row;
    if (at == SIZE_MAX || !cell_is(&cells[1], taker->map->stream->name) ||
        !routed_here(&taker->map->layouts[at], cells[2].i64, taker->shard))
        return true;
    progress_from_cells(cells, taker->lag, &row);
    layout_state_add(&taker->state->layouts[at], &row);
    return true;
}

bool shard_state_select(struct shard_state *state, const struct map *map, int shard, struct lag *lag, struct sql *sql,
                        struct err *err)
{
    struct state_taker taker = {.state = state, .map = map, .lag = lag, .shard = shard};
    *state = (struct shard_state){0};
    for (size_t i = 0; i < map->stream->layout_count; i++)
        state->layouts[i].lag_known = true; /* of no partition: nothing is unknown */
    return sql_select(sql, sql_progress_all, NULL, 0, take_progress, &taker, err);
}

void layout_state_add(struct layout_state *state, const struct layout_state *more)
{
    state->partitions += more->partitions;
    state->next_offset += more->next_offset;
    state->epoch = more->epoch > state->epoch ? more->epoch : state->epoch;
    state->updated_at_ms = more->updated_at_ms > state->updated_at_ms ? more->updated_at_ms : state->updated_at_ms;
    state->counts.records += more->counts.records;
    state->counts.ok += more->counts.ok;
    state->counts.voided += more->counts.voided;
    state->counts.duplicates += more->counts.duplicates;
    state->counts.dead_letters += more->counts.dead_letters;
    state->counts.barriers += more->counts.barriers;
    state->lag += more->lag;
    state->lag_known = state->lag_known && more->lag_known;
}

void layout_state_json(const struct layout_state *state, struct buf *ret_json)
{
    const struct fold_counts *counts = &state->counts;
    char time[CLOCK_TEXT_MAX];
    buf_printf(ret_json, "{\"partitions\":%zu,\"next_offset\":%" PRId64, state->partitions, state->next_offset);
    buf_printf(ret_json, ",\"epoch\":%" PRIu64 ",\"records\":%" PRIu64 ",\"ok\":%" PRIu64 ",\"void\":%" PRIu64,
               state->epoch, counts->records, counts->ok, counts->voided);
    buf_printf(ret_json, ",\"duplicates\":%" PRIu64 ",\"dead_letters\":%" PRIu64 ",\"barriers\":%" PRIu64,
               counts->duplicates, counts->dead_letters, counts->barriers);
    buf_append_str(ret_json, ",\"lag\":");
    if (state->lag_known)
        buf_append_i64(ret_json, state->lag);
    else
        buf_append_str(ret_json, "null");
    clock_format(state->updated_at_ms, 0, time);
    if (state->updated_at_ms > 0)
        buf_printf(ret_json, ",\"updated_at\":\"%s\"}", time);
    else
        buf_append_str(ret_json, ",\"updated_at\":null}");
}
