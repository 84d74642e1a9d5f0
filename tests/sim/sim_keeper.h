/* Simulated keepers: rounds of looks, first opens, carries, sweeps and rebuilds, driven by protocol/rebuild.h and
 * protocol/sweep.h, one call at a time. */
#ifndef WEIR_SIM_KEEPER_H
#define WEIR_SIM_KEEPER_H

#include "sim/sim_world.h"

struct sim_keeper *keeper_new(void);
void keeper_reset(struct world *world, int index);
struct process *keeper_process(struct world *world, int index);
void keeper_states(struct world *world, int index, enum fault fault);
int keeper_layout(const struct world *world, int index);                        /* whose rows it reads */
bool keeper_left_closed(const struct world *world, int index, uint64_t coupon); /* by its last rebuild: rows are lost */
bool keeper_sweeps(const struct world *world, int index, uint64_t grab_id);

#endif
