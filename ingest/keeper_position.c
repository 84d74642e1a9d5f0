#include "ingest/keeper_position.h"

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
static bool read_shards(struct keeper *keeper, int64_t next_offset[ROUTE_PARTITIONS_MAX], struct err *err)
{
    for (int shard = 0; shard < (int)keeper->config->mysql_shards.count; shard++) {
        int32_t partitions[ROUTE_PARTITIONS_MAX];
        size_t count = route_partitions_of(&keeper->route, shard, partitions);
        struct sql *sql = count > 0 ? keeper_shard(keeper, shard, err) : NULL;
        if (count > 0 && sql == NULL)
            return err_prefix(err, "shard %d", shard);
        for (size_t i = 0; i < count; i++) {
            struct position position = {0};
            if (!position_read(keeper, sql, partitions[i], &position, err))
                return err_prefix(err, "shard %d", shard);
            next_offset[partitions[i]] = position.next_offset;
        }
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

/* The look at the topic comes first, for its time is its own: librdkafka 2.0.2 waits for the requests of watermarks as
 * long as a broker that hangs lets it (socket.timeout.ms, several times). */
static bool logs_fit(struct keeper *keeper, const int64_t next_offset[ROUTE_PARTITIONS_MAX], struct err *err)
{
    struct kafka_admin *admin = keeper_admin(keeper, err);
    int count;
    if (admin == NULL || !kafka_admin_partitions(admin, keeper->stream->name, keeper->config->kafka_ms, &count, err))
        return false;
    for (int32_t p = 0; p < keeper->partitions; p++) {
        int64_t low, high;
        if (!kafka_admin_watermarks(admin, keeper->stream->name, p, keeper->config->kafka_ms, &low, &high, err) ||
            !log_fits(keeper, p, next_offset[p], low, high, err))
            return false;
    }
    return true;
}

bool keeper_can_rebuild(struct keeper *keeper, struct err *err)
{
    int64_t next_offset[ROUTE_PARTITIONS_MAX] = {0};
    return read_shards(keeper, next_offset, err) && logs_fit(keeper, next_offset, err);
}
