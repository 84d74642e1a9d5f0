#include "ingest/keeper_position.h"

#include "core/clock.h"
#include "protocol/fold.h"
#include "protocol/progress.h"
#include "schemas/ddl.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

struct position_cells {
    struct position position;
    bool found;
};

static bool take_progress(const struct value *cells, size_t count, void *arg)
{
    struct position_cells *read = arg;
    assert(count >= 7);
    read->found = true;
    read->position = (struct position){.next_offset = cells[0].i64,
                                       .epoch = cells[2].u64,
                                       .checksum = cells[3].u64,
                                       .records = cells[4].u64,
                                       .rows = cells[5].u64 + cells[6].u64};
    return false;
}

bool position_read(const struct keeper *keeper, struct sql *sql, int32_t partition, struct position *ret_position,
                   struct err *err)
{
    const char *layout = keeper->layout->layout->name, *topic = keeper->stream->name;
    struct value values[] = {value_text(layout, strlen(layout)), value_text(topic, strlen(topic)),
                             value_u64((uint64_t)partition)};
    struct position_cells read = {0};
    if (!sql_select(sql, sql_progress_read, values, 3, take_progress, &read, err))
        return false;
    if (!read.found)
        return err_set(err, ERR_MISSING, "%s has no progress row of layout %s, partition %d: run `weir init`",
                       sql_where(sql), layout, (int)partition);
    if (!rebuild_knows_all(read.position.next_offset, read.position.records))
        return err_set(err, ERR_CONFLICT,
                       "progress of layout %s, partition %d, is at offset %" PRId64 ", but counts %" PRIu64
                       " records: what others have sold may have no row here, and no stock is rebuilt without them; "
                       "see README, \"A log that is not the one of progress\"",
                       layout, (int)partition, read.position.next_offset, read.position.records);
    if (read.position.epoch > EPOCH_MAX)
        return err_set(err, ERR_CONFLICT,
                       "progress of layout %s, partition %d, has the epoch %" PRIu64
                       ", which no rebuild can be above: set it to the catalog's",
                       layout, (int)partition, read.position.epoch);
    *ret_position = read.position;
    return true;
}

/* Only those that the route uses: another one holds nothing that a rebuild reads. */
static bool read_shards(struct keeper *keeper, struct position position[ROUTE_PARTITIONS_MAX], struct err *err)
{
    for (int shard = 0; shard < (int)keeper->config->mysql_shards.count; shard++) {
        int32_t partitions[ROUTE_PARTITIONS_MAX];
        size_t count = route_partitions_of(&keeper->route, shard, partitions);
        struct sql *sql = count > 0 ? keeper_shard(keeper, shard, err) : NULL;
        if (count > 0 && sql == NULL)
            return err_prefix(err, "shard %d", shard);
        for (size_t i = 0; i < count; i++)
            if (!position_read(keeper, sql, partitions[i], &position[partitions[i]], err))
                return err_prefix(err, "shard %d", shard);
    }
    return true;
}

static bool log_fits(const struct keeper *keeper, int32_t partition, int64_t next, int64_t low, int64_t high,
                     struct err *err)
{
    return progress_fits_log(next, low, high) == LOG_FITS ||
           err_set(err, ERR_CONFLICT,
                   "the log of %s[%d] goes from offset %" PRId64 " to %" PRId64
                   ", and progress of layout %s is at %" PRId64
                   ": it is not the log that was folded; see README, \"A log that is not the one of progress\"",
                   keeper->stream->name, (int)partition, low, high, keeper->layout->layout->name, next);
}

bool position_is_last(const struct keeper *keeper, const struct position *position, const struct kafka_record *record,
                      struct err *err)
{
    return progress_is_last(position->next_offset, position->checksum, record->offset, kafka_record_checksum(record)) ||
           err_set(err, ERR_CONFLICT,
                   "the record at offset %lld of %s[%d] is not the one that layout %s stored last: it is not the log "
                   "that was folded; see README, \"A log that is not the one of progress\"",
                   (long long)record->offset, keeper->stream->name, (int)record->partition,
                   keeper->layout->layout->name);
}

/* ---- the record before progress ---- */

/* Looked at side by side, for each is a connection that has to be made; few, for each fetches up to a megabyte. */
enum { LAST_TOGETHER = 4 };

struct last_look {
    const struct position *position;
    struct kafka_reader *reader;
    int32_t partition;
};

static bool last_open(const struct keeper *keeper, struct last_look *look, struct err *err)
{
    return kafka_reader_open(keeper->config->kafka_brokers, "weir-keeper", keeper->stream->name, look->partition,
                             look->position->next_offset - 1, &look->reader, err);
}

static bool last_fits(const struct keeper *keeper, const struct last_look *look, int64_t deadline_ms, struct err *err)
{
    struct kafka_record record;
    int got = 0;
    while (got == 0 && clock_boottime_ms() < deadline_ms)
        got = kafka_reader_take(look->reader, 200, &record, err);
    if (got < 0 && err->kind == ERR_MISSING) { /* retention has just taken it */
        *err = (struct err){0};
        return true;
    }
    bool fits = got == 1 && position_is_last(keeper, look->position, &record, err);
    if (got == 1)
        kafka_record_free(&record);
    if (got == 0)
        err_set(err, ERR_OUTAGE, "the record before progress in partition %d was not read in time",
                (int)look->partition);
    return fits;
}

static bool lasts_fit(const struct keeper *keeper, struct last_look *looks, size_t count, struct err *err)
{
    const int64_t deadline_ms = clock_boottime_ms() + keeper->config->kafka_ms;
    bool fit = true;
    for (size_t i = 0; fit && i < count; i++)
        fit = last_open(keeper, &looks[i], err);
    for (size_t i = 0; fit && i < count; i++)
        fit = last_fits(keeper, &looks[i], deadline_ms, err);
    for (size_t i = 0; i < count; i++)
        kafka_reader_close(looks[i].reader);
    return fit;
}

/* Of those whose record retention has left. */
static bool records_fit(const struct keeper *keeper, const struct position position[ROUTE_PARTITIONS_MAX],
                        const int64_t low[ROUTE_PARTITIONS_MAX], struct err *err)
{
    struct last_look looks[LAST_TOGETHER];
    size_t count = 0;
    for (int32_t p = 0; p < keeper->partitions; p++) {
        if (progress_has_last(position[p].next_offset, position[p].checksum, low[p]))
            looks[count++] = (struct last_look){.position = &position[p], .partition = p};
        if (count < LAST_TOGETHER && p + 1 < keeper->partitions)
            continue;
        if (!lasts_fit(keeper, looks, count, err))
            return false;
        count = 0;
    }
    return true;
}

/* ---- before RAISE ---- */

/* The look at the topic comes first: where no broker answers it takes the time of one call. */
static bool logs_fit(struct keeper *keeper, const struct position position[ROUTE_PARTITIONS_MAX], struct err *err)
{
    struct kafka_admin *admin = keeper_admin(keeper, err);
    int64_t low[ROUTE_PARTITIONS_MAX] = {0};
    int count;
    if (admin == NULL || !kafka_admin_partitions(admin, keeper->stream->name, keeper->config->kafka_ms, &count, err))
        return false;
    for (int32_t p = 0; p < keeper->partitions; p++) {
        int64_t high;
        if (!kafka_admin_watermarks(admin, keeper->stream->name, p, keeper->config->kafka_ms, &low[p], &high, err) ||
            !log_fits(keeper, p, position[p].next_offset, low[p], high, err))
            return false;
    }
    return records_fit(keeper, position, low, err);
}

bool keeper_can_rebuild(struct keeper *keeper, struct err *err)
{
    struct position position[ROUTE_PARTITIONS_MAX] = {0};
    return read_shards(keeper, position, err) && logs_fit(keeper, position, err);
}
