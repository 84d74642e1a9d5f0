/* A day's table that is not there: was it dropped on purpose, lost, or never made? One rule for all who meet one: a
 * worker, weir init, the audit, a read. Pure; who asks a server runs the statements himself.
 */
#ifndef WEIR_SCHEMAS_TABLE_DAY_H
#define WEIR_SCHEMAS_TABLE_DAY_H

#include "core/buf.h"
#include "schemas/layout.h"

/* What a shard knows of a day's table. */
struct table_day {
    bool exists;
    bool has_older; /* a table of an earlier day is there */
    bool was_used;  /* by the totals, rows of this layout and day were stored; a stream without totals cannot tell */
};

/* One name that the shard has, of whatever kind, as SHOW TABLES gives it; other cells than text are passed over. */
void table_day_see(struct table_day *known, const struct stream *stream, const struct layout *layout, int64_t day,
                   const struct value *name);
/* "SELECT 1 FROM <totals> WHERE …": a row if the day was used. `?` is the layout's name and the day ("2026-11-20").
 * Appends nothing for a stream without totals. */
void table_day_used_sql(const struct stream *stream, struct buf *ret_sql);
/* Its rows went with it and nobody meant that: tables are dropped oldest first, and never today's or yesterday's. Made
 * anew it would be empty, and first-wins blind; passed over, an answer would lack its rows. */
bool table_day_lost(const struct table_day *known, int64_t day, int32_t today);

#endif
