/* What one shard says of itself, for /admin: the progress of each layout and what it counts. Pure but for
 * shard_state_select. */
#ifndef WEIR_QUERY_SHARD_STATE_H
#define WEIR_QUERY_SHARD_STATE_H

#include "core/buf.h"
#include "core/sql.h"
#include "protocol/fold.h"
#include "query/lag.h"
#include "query/map.h"

struct layout_state {
    size_t partitions;         /* with a progress row, of those that the route puts here */
    int64_t next_offset;       /* sum */
    uint64_t epoch;            /* the highest barrier */
    int64_t updated_at_ms;     /* of the progress that moved last; 0: none */
    struct fold_counts counts; /* of the progress rows: as many as the tables have, without a scan */
    int64_t lag;               /* records that the log has and the tables have not */
    bool lag_known;
};

struct shard_state {
    struct layout_state layouts[STREAM_LAYOUTS_MAX]; /* as in stream->layouts */
};

/* Replaces `state`. On a pool's thread; `lag` may be NULL. */
WEIR_MUST_USE bool shard_state_select(struct shard_state *state, const struct map *map, int shard, struct lag *lag,
                                      struct sql *sql, struct err *err);
void layout_state_add(struct layout_state *state, const struct layout_state *more); /* lag is known when both are */
/* Appends one object. */
void layout_state_json(const struct layout_state *state, struct buf *ret_json);

#endif
