/* Tables of a layout by day on one shard: made ahead (today and the days after it), and when a writer asks for one, but
 * never in place of one that held rows and is gone. A thread and a connection of its own, because DDL commits. Layouts
 * whose tables are made once, by `weir init`, need none of this. */
#ifndef WEIR_WORKERS_TABLES_H
#define WEIR_WORKERS_TABLES_H

#include "schemas/layout.h"

struct tables;

struct tables_options {
    const char *url; /* borrowed */
    const struct stream *stream;
    const struct stream_layout *keys;
    int offset_min;
    int64_t days_ahead; /* after today */
    int64_t connect_timeout_ms;
    int64_t query_timeout_ms;
};

enum { TABLES_ASKED_MAX = 64 };

struct tables *tables_start(const struct tables_options *options); /* options are copied */
/* The table of this slot is not there: make it soon. Any thread. Past TABLES_ASKED_MAX open wishes the caller's next
 * try asks again. NULL is fine. */
void tables_ask(struct tables *tables, int64_t slot);
void tables_stop(struct tables *tables); /* joins; NULL is fine */

#endif
