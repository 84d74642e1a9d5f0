/* Where faults come from: what a seed may use, which call or append meets one, when a process or a server does. */
#ifndef WEIR_SIM_FAULT_H
#define WEIR_SIM_FAULT_H

#include "sim/sim_world.h"

struct call;
enum call_fate { CALL_GOES_WELL, CALL_REQUEST_LOST, CALL_ANSWER_LOST, CALL_LATE, CALL_FATES };
enum append_fate {
    APPEND_GOES_WELL,
    APPEND_REFUSED,
    APPEND_POSSIBLY_NEVER,
    APPEND_POSSIBLY_LANDED,
    APPEND_POSSIBLY_LATER,
    APPEND_REPORT_LATE,
    APPEND_FATES
};

enum { AIMED_PERMILLE = 250 }; /* of what could meet the state that a seed aims at */

void setup_draw(struct world *world);  /* sim_setup.c */
void fault_reset(struct world *world); /* schedules those that come by the clock */
void fault_heal(struct world *world);  /* wakes and restarts everybody; nothing is drawn any more */
enum call_fate fault_draw_call(struct world *world, const struct call *call,
                               enum fault (*fault_of)(const struct call *, enum call_fate));
enum append_fate fault_draw_append(struct world *world, enum state state);
/* The caller of something that is under way for `within_us` may be killed or stopped meanwhile, or a server may
 * fail. */
void fault_draw_caller(struct world *world, const struct call *call, int64_t within_us);
void fault_draw_process(struct world *world, struct process *process, enum state state, int64_t within_us);
/* A unit was taken. A server may fail before the grab has its end; the grab that this is aimed at is held up by as long
 * as is answered, so that it is met. */
int64_t fault_draw_grab(struct world *world);
/* `fault` meets `state`. */
void fault_met(struct world *world, enum fault fault, enum state state);

#endif
