/* Simulated workers: each partition of a layout is carried from the log to its shard by one worker, together with its
 * others in one transaction, until it is moved to the other one, which the first does not hear of. What they conclude is
 * protocol/progress.h's. */
#ifndef WEIR_SIM_WORKER_H
#define WEIR_SIM_WORKER_H

#include "sim/sim_world.h"

struct sim_worker *worker_new(void);
void worker_reset(struct world *world, int index);
struct process *worker_process(struct world *world, int index);
void worker_states(struct world *world, int index, enum fault fault);
/* One partition of this worker goes to its twin. Nothing happens when `process` is no worker's. */
void workers_move(struct world *world, const struct process *process);

#endif
