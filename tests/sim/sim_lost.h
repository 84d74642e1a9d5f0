/* Rows that a shard loses on purpose, without its progress or totals: a table that was dropped and made anew, or rows
 * that somebody deleted; and what the checks may forgive for it. A row that is lost is kept, marked, so that it is known
 * for ever which they are, in each copy of the shard.
 *
 *     lost       the row itself (I7), and what a reader concludes from its absence (I4): of these rows alone
 *     closed     a coupon that lacks rows where the keepers read them, and that a rebuild has left so: it may stay so
 *     never      a coupon that is opened with other stock than the log leaves: a rebuild believed what is left (I13)
 *
 * Only rows of grabs that have their end are lost. The CANCEL of one that is still pending would find no OK row, become
 * a VOID row, and give back a unit that was sold, without any rebuild: row_counts.h does not prevent that.
 */
#ifndef WEIR_SIM_LOST_H
#define WEIR_SIM_LOST_H

#include "sim/sim_world.h"

/* One shard loses a table's or some of all. False: there is none that it could lose. */
bool lost_rows_take(struct world *world);
/* After the faults: somebody puts them back, in some runs. */
void lost_rows_heal(struct world *world);
bool lost_rows_are_due(const struct world *world); /* they are to be put back yet */
/* Rows of this coupon are lost where the keepers read them, and a rebuild has left it closed. */
bool lost_rows_close(const struct world *world, uint64_t coupon);

#endif
