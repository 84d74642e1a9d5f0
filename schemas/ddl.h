/* DDL and SQL text of the shards, made from the stream's description. All `CREATE … IF NOT EXISTS`; one statement a
 * call. */
#ifndef WEIR_SCHEMAS_DDL_H
#define WEIR_SCHEMAS_DDL_H

#include "core/buf.h"
#include "schemas/layout.h"

void ddl_table(const struct stream *stream, const struct stream_layout *layout, const char *table, struct buf *ret_sql);
/* PRIMARY KEY (layout, `partition`, day, column); ok_rows, void_rows. Appends nothing when there are no totals. */
void ddl_totals(const struct stream *stream, struct buf *ret_sql);
/* CREATE OR REPLACE VIEW of one layout's tables; appends nothing without a view or tables. */
void ddl_view(const struct stream *stream, const char *const *tables, size_t count, struct buf *ret_sql);
extern const char ddl_progress[];     /* table progress, see below */
extern const char ddl_dead_letters[]; /* PRIMARY KEY (layout, topic, `partition`, `offset`): `key`, value, reason, at */
/* One row: which shard this database is, of which cluster; a worker with another shard map stops here. */
extern const char ddl_shard_identity[];
extern const char sql_identity_make[]; /* cluster, shard: leaves an existing row as it is */
extern const char sql_identity_read[]; /* -> cluster, shard */

/* progress: PRIMARY KEY (layout, topic, `partition`); next_offset, owner CHAR(32), epoch, checksum, records, ok_rows,
 * void_rows, duplicates, dead_letters, barriers, updated_at. The statements below name their parameters in order. */

/* layout, topic, partition, next_offset: leaves an existing row as it is (and does not use IGNORE) */
extern const char sql_progress_make[];
extern const char sql_progress_own[]; /* owner, layout, topic, partition */
/* layout, topic, partition -> next_offset, owner, epoch, checksum, records, ok, void, duplicates, dead_letters,
 * barriers */
extern const char sql_progress_read[];
extern const char sql_progress_lock[]; /* the same FOR UPDATE */
/* next_offset, epoch, checksum, +records, +ok, +void, +duplicates, +dead_letters, +barriers, layout, topic, partition,
 * old next_offset, owner: 1 row, or it is not ours */
extern const char sql_progress_move[];
extern const char sql_progress_move_by_anyone[]; /* without its last clause: a planted bug's, in its builds alone */
/* -> layout, topic, partition, next_offset, epoch, records, ok_rows, void_rows, duplicates, dead_letters, barriers,
 * updated_at: every row of the shard */
extern const char sql_progress_all[];

#endif
