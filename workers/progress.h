/* The progress row of one (layout, topic, partition), as the worker reads it. One connection, its thread. */
#ifndef WEIR_WORKERS_PROGRESS_H
#define WEIR_WORKERS_PROGRESS_H

#include "core/sql.h"
#include "protocol/fold.h"
#include "workers/batch.h"

struct progress {
    int64_t next_offset;
    char owner[OWNER_LEN + 1]; /* "": nobody yet */
    struct fold_state fold;
    uint64_t checksum; /* of the record at next_offset - 1; 0: not known */
};

struct progress_key {
    const char *layout;
    const char *topic;
    int32_t partition;
};

/* There is no such row; not: its table is away, or the database, which the server says with a number. */
bool progress_is_missing(const struct err *err);
/* progress_is_missing(err): there is no such row. `lock`: FOR UPDATE, inside a transaction. */
WEIR_MUST_USE bool progress_read(struct sql *sql, const struct progress_key *key, bool lock,
                                 struct progress *ret_progress, struct err *err);
/* One transaction: sets the owner and reads what is there. progress_is_missing as above. */
WEIR_MUST_USE bool progress_own(struct sql *sql, const struct progress_key *key, const char owner[OWNER_LEN + 1],
                                struct progress *ret_progress, struct err *err);
/* Moves it past a part's records by compare-and-set on offset and owner; `ret_moved` false: it is not as the part
 * says. */
WEIR_MUST_USE bool progress_move(struct sql *sql, const struct progress_key *key, const struct batch_part *part,
                                 bool *ret_moved, struct err *err);

#endif
