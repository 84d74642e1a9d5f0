/* What the files of transaction share: not for others. */
#ifndef WEIR_WORKERS_TRANSACTION_PARTS_H
#define WEIR_WORKERS_TRANSACTION_PARTS_H

#include "core/buf.h"
#include "workers/transaction.h"

struct transaction {
    const struct stream *stream;
    const struct stream_layout *keys;
    size_t column_count;
    const char *columns[STREAM_COLUMNS_MAX];
    size_t cells_max;
    struct value *cells; /* of one statement */
    char (*days)[11];    /* texts of the totals' days */
    struct buf text;
};

/* Inserts the rows [first, first + count) of batch->rows, one statement a table. On failure `ret_slot` is the
 * table's. */
WEIR_MUST_USE bool rows_insert(struct transaction *t, struct sql *sql, const struct batch *batch, size_t first,
                               size_t count, int64_t *ret_slot, struct err *err);
WEIR_MUST_USE bool totals_insert(struct transaction *t, struct sql *sql, const struct batch *batch, struct err *err);
WEIR_MUST_USE bool dead_letters_insert(struct transaction *t, struct sql *sql, const struct batch *batch,
                                       int64_t now_ms, struct err *err);
/* Sets `exists` of the batch's rows that are in their tables already; on failure `ret_slot` is the table's. Inside a
 * transaction that holds the parts' progress rows. */
WEIR_MUST_USE bool lookup_rows(struct transaction *t, struct sql *sql, struct batch *batch, int64_t *ret_slot,
                               struct err *err);

#endif
