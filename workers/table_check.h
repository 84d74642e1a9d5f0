/* Whether a table is what its stream's description says, asked of the server: before a row is called one that can never
 * be stored, and before a table that is missing is made anew. One connection, its thread.
 */
#ifndef WEIR_WORKERS_TABLE_CHECK_H
#define WEIR_WORKERS_TABLE_CHECK_H

#include "core/sql.h"
#include "schemas/table_day.h"

/* ERR_INTERNAL names the first column that differs, or a unique key or CHECK that was added: a row that they do not
 * take may be good, and the table at fault. Other kinds: could not be asked. A longer text column is fine. */
WEIR_MUST_USE bool table_check(struct sql *sql, const struct stream *stream, const char *table, struct err *err);

/* What this shard knows of a day's table, for table_day_lost(). */
WEIR_MUST_USE bool table_day_read(struct sql *sql, const struct stream *stream, const struct layout *layout,
                                  int32_t day, struct table_day *ret_day, struct err *err);

#endif
