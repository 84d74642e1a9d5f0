/* How far the rows of a partition are, by their progress, and whether a rebuild may go on from there. */
#ifndef WEIR_INGEST_KEEPER_POSITION_H
#define WEIR_INGEST_KEEPER_POSITION_H

#include "ingest/keeper.h"

struct position {
    int64_t next_offset;
    uint64_t epoch;    /* the highest barrier before it */
    uint64_t checksum; /* of the record before it; 0: not known */
    uint64_t records;
    uint64_t rows; /* OK and VOID */
};

/* False: could not be asked, there is none, or its rows are not all that was sold (err). Any thread. */
WEIR_MUST_USE bool position_read(const struct keeper *keeper, struct sql *sql, int32_t partition,
                                 struct position *ret_position, struct err *err);
/* `record` is the one before it; else ERR_CONFLICT: the log is another one. Any thread. */
WEIR_MUST_USE bool position_is_last(const struct keeper *keeper, const struct position *position,
                                    const struct kafka_record *record, struct err *err);
/* Before RAISE. A rebuild closes every coupon, those with a valid mark too, and can open none before it has appended to
 * every partition and read every shard and log: while one of them is away, or is another one, what is open goes on
 * selling. The keeper's thread. */
WEIR_MUST_USE bool keeper_can_rebuild(struct keeper *keeper, struct err *err);

#endif
