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

enum sweep_step { SWEEP_CANCEL, SWEEP_WAIT, SWEEP_APPEND, SWEEP_FOLD, SWEEP_FINISH, SWEEP_DONE };

/* LOST: the mark is gone, or not ours under this epoch and run id: nothing is left to do for this sweep. */
enum sweep_step sweep_next(enum sweep_step at, enum step_outcome outcome);

#endif
