/* A sweep on its way: the grabs of one coupon that were due when it began. Its life is in keeper_sweep.c, its steps in
 * keeper_sweep_steps.c and keeper_sweep_append.c. The keeper's thread. */
#ifndef WEIR_INGEST_KEEPER_SWEEP_H
#define WEIR_INGEST_KEEPER_SWEEP_H

#include "ingest/keeper.h"
#include "ingest/keeper_swept.h"
#include "protocol/sweep.h"

/* SWEEPS_OF_COUPON_MAX: those that wait out half the hold, begun one after another, one whose partition takes nothing, and
 * one whose rows are not there. SWEEP_REST_MS: what a shard or a partition that was away is left alone, at least. */
enum { SWEEPS_OF_COUPON_MAX = 9, SWEEP_REST_MS = 1000 };

struct sweep {
    struct sweep *next; /* an older one */
    uint64_t coupon_id;
    uint64_t epoch;
    uint32_t room_id;
    enum sweep_step at;
    int64_t looked_ms;     /* when the coupon's pending marks were read for it, or after it; CLOCK_BOOTTIME */
    int64_t wait_until_ms; /* the same clock */
    struct swept_list list;
    size_t produced; /* how far this round of appends has come in the list */
    size_t reports;  /* of this round, still to come */
};

/* Appends what the sweeps at APPEND have not appended yet, and waits for the reports of all; false: none is there. */
bool sweeps_append(struct keeper *keeper);
/* Until when what was away is left alone, after it was waited for since `begun_ms`; both CLOCK_BOOTTIME. */
int64_t sweep_rest_until_ms(int64_t begun_ms);
/* The step that `sweep` is at (of APPEND only whether it is done); what a script says of spoilt keys is noted in the keeper. */
enum step_outcome sweep_run_step(struct keeper *keeper, struct sweep *sweep, struct err *err);

/* Pure: whether a coupon's pending marks are read for a further sweep. The pause between two is such that those that
 * wait never reach the bound, and the two that may be stuck beside them keep nobody out. */
bool sweep_may_begin(const struct sweep *sweeps, uint64_t coupon_id, int64_t now_ms, int64_t hold_ms);
/* Pure: the older sweep that can take over what is left of this one: both fold, or both have only what a partition did
 * not take. NULL: none, it goes on alone. */
struct sweep *sweep_to_join(const struct sweep *sweep, size_t grabs_max);

#endif
