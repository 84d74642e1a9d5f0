/* What the files of a simulated worker share: not for others.
 *
 *     sim_worker.c        its partitions: assigned, owned, looked at, moved away
 *     sim_worker_batch.c  records of all of them, in one transaction; what became of it
 */
#ifndef WEIR_SIM_WORKER_PARTS_H
#define WEIR_SIM_WORKER_PARTS_H

#include "sim/sim_call.h"
#include "sim/sim_worker.h"

enum { PAUSE_US_MIN = 2 * SIM_MS, PAUSE_US_MAX = 60 * SIM_MS }; /* before the next try */

/* One partition, as its worker sees it. */
struct lane {
    struct sim_worker *worker;
    int partition;
    enum state state; /* STATE_NONE: not assigned, or let go */
    uint64_t owner;   /* its token */
    int64_t next;
    uint64_t epoch;    /* the highest BARRIER so far */
    int64_t count;     /* records in the worker's batch; 0: it has no part in it */
    int64_t looked_us; /* when progress was last looked at */
    uint32_t turn;     /* rises when the lane begins anew: what was under way before is nobody's */
};

/* It has one batch at a time. A lane that leaves the batch has its records dropped from it, and has a part again in the
 * next one at the earliest: what a call of a batch finds is of the lanes that are in it yet. */
struct sim_worker {
    struct process process;
    int index, layout;
    struct lane lane[SIM_PARTITIONS];
    bool lookup;          /* the batch goes the slow way */
    uint64_t transaction; /* for the checks: the last one that was begun for it */
};

void lane_go_on(struct lane *lane, int64_t next, uint64_t epoch);
/* Progress is not where the lane thinks: goes on there, or lets it go. */
void lane_lost(struct world *world, struct lane *lane, const struct part_found *found);
/* It has nothing to store: looks at progress now and then, for a failover may have taken it back. */
void lane_look(struct world *world, struct lane *lane);
void worker_take_later(struct world *world, struct sim_worker *worker);

#endif
