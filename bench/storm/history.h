/* The history file: one JSON line a grab, in the order in which they ended. It is what a checker compares with the
 * tables.
 *
 * {"index", "due_us", "sent_us", "answered_us", "user", "coupon", "try_key", "outcome", "status", "grab_status",
 * "reason", "grab_id", "location"}; times in us since the start of the run (CLOCK_BOOTTIME); null where there is
 * nothing. */
#ifndef WEIR_BENCH_STORM_HISTORY_H
#define WEIR_BENCH_STORM_HISTORY_H

#include "bench/storm/outcome.h"
#include "core/buf.h"

#include <stdio.h>

struct history {
    FILE *file;       /* NULL: no history was asked for */
    const char *path; /* borrowed */
    struct buf line;
};

/* Opens (and empties) `path`; NULL is fine and writes nothing. ERR_USAGE when it cannot be opened. */
bool history_open(const char *path, struct history *ret_history, struct err *err) WEIR_MUST_USE;

/* Writes a grab; reads are left out. A failed write is kept by stdio and told by history_close(). */
void history_add(struct history *history, const struct request *request, const struct client_result *result,
                 const struct outcome *outcome);

/* Flushes and closes. ERR_INTERNAL when any line could not be written. */
bool history_close(struct history *history, struct err *err) WEIR_MUST_USE;

#endif
