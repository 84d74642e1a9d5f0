/* Day tables of a stream: which there are, and which may be dropped. */
#ifndef WEIR_OPS_CLI_TABLES_H
#define WEIR_OPS_CLI_TABLES_H

#include "ops/cli/status.h"

enum { TABLES_MAX = 100000 };

struct day_table {
    char name[TABLE_NAME_MAX];
    int shard;
    int32_t day;          /* since 1970, in the sale's time zone */
    uint64_t rows, bytes; /* the server's estimates */
};

struct day_tables {
    struct day_table *item; /* owned */
    size_t count, cap;
};

/* Appends the day tables of one layout on one shard, oldest first. */
WEIR_MUST_USE bool tables_read(struct sql *sql, int shard, const struct stream *stream, const struct layout *layout,
                               struct day_tables *tables, struct err *err);
void tables_free(struct day_tables *tables);

/* ---- pure ---- */

/* May tables of days before `before` be dropped? Only days older than yesterday, and only when all that is in the log
 * is in the tables: a record that is still to come would bring its table back with nothing else in it. */
WEIR_MUST_USE bool tables_check_drop(int32_t before, int32_t today, const struct status_layout *layout,
                                     struct err *err);
/* A rebuild of the stock reads the rows of the keeper's layout: a coupon that a dropped table had rows of would stay
 * closed for ever. So the keeper must read another one than `dropped`, one that has a route, and whoever drops must know
 * that it does: `keeper_layout` is what he says, NULL when he does not. A stream without barriers has no keeper. */
WEIR_MUST_USE bool tables_check_keeper(const struct status *status, const struct layout *dropped,
                                       const char *keeper_layout, struct err *err);
void tables_render_text(const struct day_tables *tables, struct buf *ret_text);
/* [{"shard", "table", "day", "rows", "bytes"}] */
void tables_render_json(const struct day_tables *tables, struct buf *ret_json);

#endif
