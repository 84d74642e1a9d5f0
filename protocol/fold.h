/* The one rule by which the log becomes rows: the first record of an id in its partition wins.
 *
 *     DATA first      an OK row; a VOID row when its epoch is below the highest BARRIER before it in its partition
 *     CANCEL first    a VOID row, and a later DATA changes nothing
 *
 * (I7; model: land(), land_cancel(), bar[].) Workers, rebuild, replay and audit all apply it from here. Pure: whether
 * the id has a row already is handed in by whoever knows (a set, a table). */
#ifndef WEIR_PROTOCOL_FOLD_H
#define WEIR_PROTOCOL_FOLD_H

#include "core/err.h"
#include <stdint.h>

/* Of a sale epoch: one a rebuild, so none is ever near it, and a double holds each exactly (Lua). A BARRIER above it is no
 * record: the epoch that is to be above it could not be raised, and no rebuild would ever end. */
#define EPOCH_MAX UINT64_C(999999999999999)

enum record_kind { RECORD_DATA, RECORD_CANCEL, RECORD_BARRIER };

enum fold_verdict {
    FOLD_OK,             /* a new row, OK */
    FOLD_VOID_CANCELLED, /* a new row, VOID: its CANCEL came first */
    FOLD_VOID_STALE,     /* a new row, VOID: its epoch is below the highest BARRIER */
    FOLD_DUPLICATE,      /* the id has a row already: nothing changes */
    FOLD_BARRIER,        /* no row: the partition's epoch may have risen */
};

/* What a partition remembers between records; kept in its progress row. */
struct fold_state {
    uint64_t epoch; /* the highest BARRIER so far; 0: none */
};

/* `has_row`: a row of this id exists, from an earlier record of this partition. A BARRIER ignores it. */
enum fold_verdict fold_record(struct fold_state *state, enum record_kind kind, uint64_t epoch, bool has_row);

/* What became of the records of a partition: records = ok + voided + duplicates + dead_letters + barriers (I8). */
struct fold_counts {
    uint64_t records;
    uint64_t ok;
    uint64_t voided;
    uint64_t duplicates;
    uint64_t dead_letters;
    uint64_t barriers;
};
void fold_count(struct fold_counts *counts, enum fold_verdict verdict);
void fold_count_dead_letter(struct fold_counts *counts);
bool fold_counts_hold(const struct fold_counts *counts); /* I8 */

/* The state of a grab as the status endpoint tells it: the row when there is one; without a row, void when its epoch is
 * below the partition's, else still open. */
enum grab_status_word { GRAB_STATUS_OPEN, GRAB_STATUS_OK, GRAB_STATUS_VOID };
enum grab_status_word fold_status(bool has_row, bool row_ok, uint64_t grab_epoch, uint64_t partition_epoch);

#endif
