/* What people and programs read: the live line, the closing summary, and the JSON object. All render into a buffer;
 * nothing is counted here. */
#ifndef WEIR_BENCH_STORM_REPORT_H
#define WEIR_BENCH_STORM_REPORT_H

#include "bench/storm/tally.h"
#include "core/buf.h"

/* The run as the reports need it. Borrowed. */
struct report {
    const struct client_plan *plan;
    const struct tally_board *board;
    struct client_status status; /* the newest */
    int64_t started_unix_ms;
    bool interrupted;
};

/* One line without its end: elapsed, ETA, rate since `before`, in flight, outcomes so far, p50 and p99 so far. */
void report_progress(const struct report *report, const struct client_status *before, struct buf *out);

/* The closing summary, several lines. */
void report_summary(const struct report *report, struct buf *out);

/* The whole result as one JSON object and a line end. */
void report_json(const struct report *report, struct buf *out);

/* Requests a second over the time in which they were sent. */
double report_rate_sent(const struct report *report);

#endif
