/* I4 in time: when the faults have ended, every unknown has its end within two holds of the parts being back.
 *
 *     back      every process and server runs, the last message of a keeper or worker that a fault held up has arrived
 *               or was given up, no rebuild is owed (each mark is valid under the catalog's epoch), and both layouts
 *               have caught up: their progress is the end of the log. Counted anew when a process, a server or a mark
 *               is lost again; new records that are not stored yet change nothing
 *     begin     when all is back; of an unknown that is told later, when it is told
 *     end       the status place of each layout says ok or void, as a client would hear it
 *
 * Two holds, and why: a mark is due a hold after its RESERVE at the latest, its CANCEL follows half a hold and a margin
 * later, and the last half is for the keeper to see that the one and the other has come, and for the workers. Where half
 * a hold is not enough for that (small holds, a keeper of slow rounds), it may take what it needs, and no more. A mark
 * from before Redis's clock was stepped back is due later by up to the margin of the scan (protocol/sweep.h).
 *
 * Looked at behind each event, so that virtual time is told to the microsecond. */
#ifndef WEIR_SIM_UNKNOWN_H
#define WEIR_SIM_UNKNOWN_H

#include "sim/sim_world.h"

void unknown_reset(struct world *world);
/* A message of this process is sent; nothing of it is under way any more in so long. */
void unknown_held(struct world *world, const struct process *from, int64_t for_us);
void unknown_look(struct world *world);

#endif
