/* The same seed is the same run: what a run of many seeds saw of one must be seen again when it runs alone, in a process
 * that has run nothing before. */
#ifndef WEIR_SIM_REPLAY_H
#define WEIR_SIM_REPLAY_H

#include "sim/sim_jobs.h"

/* The seed that failed: the same violation, in the same words, of a world that ended the same. True when it did; says on
 * stderr what was not so. */
bool replay_failed(const struct jobs_options *options, const struct jobs_result *result);
/* The samples of a run that found nothing: nothing again, and the same ends. `ret_count`: how many ran. */
bool replay_samples(const struct jobs_options *options, const struct jobs_result *result, int *ret_count);

#endif
