/* What is asked: four scenarios, their mix 5 : 3 : 1 : 1, and `grab` (one coupon, each user one turn of one or
 * more clicks).
 *
 * What: a pure function of (seed, index), so that a run can be repeated and no state is shared or drifts.
 * The world it assumes is the seed data's: 100 rooms, 500 coupons, five a room, rooms 1 to 5 hot. */
#ifndef WEIR_BENCH_STORM_SCENARIO_H
#define WEIR_BENCH_STORM_SCENARIO_H

#include "bench/storm/request.h"

#include <stdbool.h>
#include <stdint.h>

#define SCENARIO_ROOMS          100u
#define SCENARIO_HOT_ROOMS      5u
#define SCENARIO_COUPONS_A_ROOM 5u

struct scenario_plan {
    enum scenario scenario; /* SCENARIO_MIX included */
    uint64_t seed;
    uint64_t user_first;
    uint64_t users;  /* at least 1 */
    uint64_t coupon; /* 0: drawn; else every grab is for this one */
    uint64_t room;   /* 0: drawn; else every request names this one */
    uint64_t clicks; /* at least 1: in scenario grab, how often a user sends the same try, one after the other */
    bool try_keys;   /* send an Idempotency-Key of its own with each try */
};

/* "mix", "normal", … or NULL when there is no such scenario. */
const char *scenario_name(enum scenario scenario);
bool scenario_find(const char *name, enum scenario *ret_scenario);

/* Fills everything of ret_request but its times. */
void scenario_make(const struct scenario_plan *plan, uint64_t index, struct request *ret_request);

#endif
