/* Spans of id time for the loops, leased from the catalog before they are needed.
 *
 *     loop: id_maker_wants_span -> asks -> reader's thread: id_lease_span (pure) + id_lease_take (SQL) -> loop
 *
 * Each span is asked for while the one before it is still in use, and reaches a whole length past it, so ids never run
 * out while the catalog answers once a span. Spans of a node never overlap: a span begins where the node's last one
 * ended, or now, whichever is later, and the catalog's row lock decides between two takers. */
#ifndef WEIR_INGEST_ID_LEASE_H
#define WEIR_INGEST_ID_LEASE_H

#include "core/sql.h"
#include "protocol/ids.h"

enum { ID_LEASE_AHEAD_MS_MAX = 3600000 }; /* ids are dated at most this far ahead of the clock */

/* Pure. `node_end_ms`: where the node's last span ended; `covered_ms`: end of the span that this taker has (0: none).
 * ERR_OUTAGE when the node is leased too far ahead (every node is in use), and when the clock is outside of the time
 * that ids can name (2024 to 2093): whatever comes out can be given to an id_maker. */
WEIR_MUST_USE bool id_lease_span(uint32_t node, int64_t node_end_ms, int64_t covered_ms, int64_t now_ms,
                                 int64_t span_ms, struct id_span *ret_span, struct err *err);
/* Takes one, in one transaction. A commit without an answer leaves a span that nobody uses. */
WEIR_MUST_USE bool id_lease_take(struct sql *sql, int64_t covered_ms, int64_t now_ms, int64_t span_ms,
                                 struct id_span *ret_span, struct err *err);

#endif
