/* Spans of id time for the loops, leased from the catalog before they are needed.
 *
 *     loop: id_maker_wants_span -> asks -> reader's thread: id_lease_take (SQL; id_span_next of protocol/ids.h) -> loop
 *
 * Each span is asked for while the one before it is still in use, and reaches a whole length past it, so ids never run
 * out while the catalog answers once a span. The catalog's row lock decides between two takers of a node. A clean drain
 * gives back what is left: else some quick restarts of many loops with long spans would lease every node an hour ahead. */
#ifndef WEIR_INGEST_ID_LEASE_H
#define WEIR_INGEST_ID_LEASE_H

#include "core/sql.h"
#include "protocol/ids.h"

/* Takes the next span of the node that was used least lately, in one transaction. A commit without an answer leaves a
 * span that nobody uses. */
WEIR_MUST_USE bool id_lease_take(struct sql *sql, int64_t covered_ms, int64_t now_ms, int64_t span_ms,
                                 struct id_span *ret_span, struct err *err);
/* Gives back what a maker did not use and never will (id_maker_give): what is left of it is the node's again. Whoever
 * took the node since keeps it. */
WEIR_MUST_USE bool id_lease_give(struct sql *sql, const struct id_span *unused, struct err *err);

#endif
