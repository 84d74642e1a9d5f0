/* The sweep of one grab that stayed pending past its hint (I4, I5; model: Keeper, label sweep).
 *
 *     CANCEL  CAS pending -> cancelling, or take one that is cancelling already
 *     WAIT    half the hold and a margin: puts CANCEL behind every GRAB that was answered success
 *     APPEND  a CANCEL record, until it is reported persisted
 *     FOLD    until the fold of that partition has a row of the grab: it is final
 *     FINISH  VOID: CAS -> released, unit and claim back.  OK: CAS -> settled
 *
 * Each step can be repeated; two sweepers do no harm. Nothing here remembers anything that a crash would lose.
 */
#ifndef WEIR_PROTOCOL_SWEEP_H
#define WEIR_PROTOCOL_SWEEP_H

#include "protocol/step.h"
#include <stdbool.h>

enum sweep_step { SWEEP_CANCEL, SWEEP_WAIT, SWEEP_APPEND, SWEEP_FOLD, SWEEP_FINISH, SWEEP_DONE };

/* Whether a pending mark is to be swept: it is cancelling already, or its hint has passed. Both times are Redis's wall
 * clock, `now_ms` read before the marks were. No hint is ever further away than the hold: one that is, was made before
 * that clock was stepped back, and would be waited for as long as the step was. cancel.lua says it again and decides.
 */
enum { SWEEP_SCAN_MS_MAX = 1000 }; /* a grab that was reserved while marks were read is no sign of a stepped clock */
bool sweep_due(bool cancelling, int64_t hint_ms, int64_t now_ms, int64_t hold_ms);

/* From the CAS to cancelling to the CANCEL record, by the sweeper's own CLOCK_BOOTTIME. `hold_ms`: the mark's. */
int64_t sweep_wait_ms(int64_t hold_ms);

/* LOST: the mark is gone, or not ours under this epoch and run id: nothing is left to do for this sweep. */
enum sweep_step sweep_next(enum sweep_step at, enum step_outcome outcome);

#endif
