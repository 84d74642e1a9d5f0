/* The planted bugs that the simulator can make: each must be found, by checks that know nothing of it. */
#ifndef WEIR_SIM_PLANTED_H
#define WEIR_SIM_PLANTED_H

#include "sim/sim_jobs.h"

bool sim_knows_planted(const char *name);
/* Before any script is asked for: a script with a bug in it is made once. */
void sim_choose_planted(const char *name);
/* Runs each until it is found, and the seed that found it again alone; prints who found it. The exit code: 0 when all
 * were, and were the same again. */
int sim_planted_all(const struct jobs_options *options, bool json);

#endif
