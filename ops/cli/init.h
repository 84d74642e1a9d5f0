/* What weir init makes, step by step; each step leaves what is there and refuses what contradicts it.
 *
 *     init_catalog    tables, leases -> the meta row if there is one
 *     init_topic      the topic (or its partition count, compared)
 *     init_meta       the meta row
 *     init_routes     a route a layout that init.layouts names; those have workers, and query asks no other
 *     init_lost       a look at all shards: no table is gone that rows were stored in
 *     init_shard      identity | tables | day tables | view | progress rows, a shard at a time
 */
#ifndef WEIR_OPS_CLI_INIT_H
#define WEIR_OPS_CLI_INIT_H

#include "core/kafka.h"
#include "ops/cli/links.h"
#include "schemas/layout.h"
#include "schemas/route.h"
#include "schemas/stream.h"

/* Where a progress row begins that is missing while the log has lost its first records. */
enum init_begin { INIT_BEGIN_ZERO /* refuse then */, INIT_BEGIN_LOW, INIT_BEGIN_HIGH };

enum { INIT_DAYS_AHEAD = 2 };

struct init {
    const struct cli_config *config;
    const struct stream *stream;
    enum init_begin begin;
    struct sql *catalog;
    struct sql *shard[CONFIG_LIST_MAX];
    struct kafka_admin *admin;
    struct meta meta;
    bool meta_found;
    bool chosen[STREAM_LAYOUTS_MAX];        /* by init.layouts; the others are left as they are */
    struct route route[STREAM_LAYOUTS_MAX]; /* of the chosen ones */
    int64_t low[ROUTE_PARTITIONS_MAX], high[ROUTE_PARTITIONS_MAX]; /* watermarks */
    uint64_t progress_made;                                        /* rows */
};

WEIR_MUST_USE bool init_catalog(struct init *init, struct err *err);
WEIR_MUST_USE bool init_meta(struct init *init, struct err *err);
WEIR_MUST_USE bool init_routes(struct init *init, struct err *err);
/* Connects, and compares whose the database is; writes nothing but that. */
WEIR_MUST_USE bool init_shard_open(struct init *init, int shard, struct err *err);
/* ERR_CONFLICT names the first table that would be made anew, empty, though rows were stored in it. */
WEIR_MUST_USE bool init_shard_whole(const struct init *init, int shard, struct err *err);
WEIR_MUST_USE bool init_shard_tables(struct init *init, int shard, struct err *err);
WEIR_MUST_USE bool init_shard_progress(struct init *init, int shard, struct err *err);

/* Pure: of a partition's table, by the counts of its progress row. */
bool init_partition_lost(bool exists, uint64_t ok_rows, uint64_t void_rows);
/* Pure: takes the next name out of "hash, daily", cut to fit; false at the end. */
WEIR_MUST_USE bool layouts_next(const char **text, char ret_name[LAYOUT_NAME_MAX]);
/* Pure: which layouts of the stream `text` names; ERR_USAGE when it names one that the stream does not have, or
 * none. */
WEIR_MUST_USE bool init_layouts_choose(const char *text, const struct stream *stream,
                                       bool ret_chosen[STREAM_LAYOUTS_MAX], struct err *err);

/* Pure: the offset a missing progress row begins at; ERR_CONFLICT when records before it are lost and nobody said what
 * to do. */
WEIR_MUST_USE bool init_begin_offset(enum init_begin begin, int64_t low, int64_t high, int64_t *ret_offset,
                                     struct err *err);

#endif
