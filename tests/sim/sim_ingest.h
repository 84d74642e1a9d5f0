/* Simulated ingest: requests of clients driven by protocol/grab.h, ids by protocol/ids.h. What it decides itself is
 * what a server of requests may decide: when to send and to whom. */
#ifndef WEIR_SIM_INGEST_H
#define WEIR_SIM_INGEST_H

#include "sim/sim_world.h"

struct sim_ingest *ingest_new(void);
void ingest_reset(struct world *world, int index);
struct process *ingest_process(struct world *world, int index);
/* A client's request comes in; `request` is its index at sim_people. Nobody answers when the process is down. */
void ingest_take(struct world *world, int index, int request);
void ingest_states(struct world *world, int index, enum fault fault);

#endif
