/* What a run ended as, in one number: the log, the tables, the catalog, Redis, what clients were told, how many events
 * ran until when, and how far chance has come. The same seed must end in the same one, whatever ran before it. */
#ifndef WEIR_SIM_DIGEST_H
#define WEIR_SIM_DIGEST_H

#include "sim/sim_world.h"

uint64_t world_digest(struct world *world);

#endif
