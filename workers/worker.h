/* The worker: one member of the group `weir-<stream>-<layout>`, with a writer for each shard.
 *
 *     worker_start -> thread: plan (catalog) -> topic -> group, writers, monitor -> polls, until stop or another plan
 *                          -> writers end, group is left
 *
 * It starts and stays up when servers are away; what it waits for is in /readyz.
 */
#ifndef WEIR_WORKERS_WORKER_H
#define WEIR_WORKERS_WORKER_H

#include "workers/worker_config.h"

struct worker;

struct worker *worker_start(const struct worker_config *config); /* borrowed; service_start must have been called */
/* Stores what is in hand, leaves the group, joins. */
void worker_stop(struct worker *worker);

#endif
