/* Drawing of requests. Every draw is splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators",
 * 2014) started from the seed and the index. */
#include "bench/storm/scenario.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const scenario_names[] = {
    [SCENARIO_NORMAL] = "normal", [SCENARIO_HOTROOM] = "hotroom", [SCENARIO_CROSSSHARD] = "crossshard",
    [SCENARIO_ADMIN] = "admin",   [SCENARIO_GRAB] = "grab",       [SCENARIO_MIX] = "mix",
};

enum { SCENARIO_NAMES = sizeof scenario_names / sizeof scenario_names[0] };

const char *scenario_name(enum scenario scenario)
{
    return (size_t)scenario < SCENARIO_NAMES ? scenario_names[scenario] : NULL;
}

bool scenario_find(const char *name, enum scenario *ret_scenario)
{
    for (size_t i = 0; i < SCENARIO_NAMES; i++) {
        if (strcmp(name, scenario_names[i]) == 0) {
            *ret_scenario = (enum scenario)i;
            return true;
        }
    }
    return false;
}

static uint64_t draw(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15ull;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

/* 0 to bound - 1. The bias of the remainder is below 2^-30 at our bounds. */
static uint64_t draw_below(uint64_t *state, uint64_t bound)
{
    assert(bound > 0);
    return draw(state) % bound;
}

/* The weights of the mix: 5 normal, 3 hot room, 1 across shards, 1 admin. */
static enum scenario draw_mix(uint64_t *state)
{
    static const enum scenario by_weight[10] = {
        SCENARIO_NORMAL,  SCENARIO_NORMAL,  SCENARIO_NORMAL,  SCENARIO_NORMAL,     SCENARIO_NORMAL,
        SCENARIO_HOTROOM, SCENARIO_HOTROOM, SCENARIO_HOTROOM, SCENARIO_CROSSSHARD, SCENARIO_ADMIN,
    };
    return by_weight[draw_below(state, 10)];
}

/* The seed data's rule; a coupon made later has no room that we know. */
static uint64_t room_of_coupon(uint64_t coupon)
{
    uint64_t room = (coupon - 1) / SCENARIO_COUPONS_A_ROOM + 1;
    return room <= SCENARIO_ROOMS ? room : 0;
}

/* Which try a request belongs to: a double click is one. */
static uint64_t turn_of(const struct scenario_plan *plan, const struct request *r)
{
    return r->scenario == SCENARIO_GRAB ? r->index / plan->clicks : r->index;
}

static void make_grab(const struct scenario_plan *plan, uint64_t *state, uint64_t rooms, struct request *r)
{
    uint64_t room = plan->room > 0 ? plan->room : draw_below(state, rooms) + 1;
    uint64_t drawn = (room - 1) * SCENARIO_COUPONS_A_ROOM + draw_below(state, SCENARIO_COUPONS_A_ROOM) + 1;
    r->kind = REQUEST_GRAB;
    r->coupon = plan->coupon > 0 ? plan->coupon : drawn;
    r->room = plan->room > 0 ? plan->room : room_of_coupon(r->coupon);
    if (plan->try_keys) {
        snprintf(r->try_key, sizeof r->try_key, "%016" PRIx64 "-%" PRIu64, plan->seed, turn_of(plan, r));
    }
}

static void make_read(const struct scenario_plan *plan, uint64_t *state, struct request *r)
{
    static const enum request_kind kinds[] = {REQUEST_ORDERS_RECENT, REQUEST_STATISTICS, REQUEST_ROOM_ORDERS,
                                              REQUEST_USER_COUPONS};
    r->kind = kinds[draw_below(state, sizeof kinds / sizeof kinds[0])];
    r->room = plan->room > 0 ? plan->room : draw_below(state, SCENARIO_ROOMS) + 1;
}

void scenario_make(const struct scenario_plan *plan, uint64_t index, struct request *ret_request)
{
    assert(plan->users > 0 && (plan->scenario != SCENARIO_GRAB || plan->clicks > 0));
    uint64_t state = plan->seed ^ (index + 1) * 0xd1342543de82ef95ull;
    struct request r = {.index = index, .scenario = plan->scenario};
    if (plan->scenario == SCENARIO_MIX) {
        r.scenario = draw_mix(&state);
    }
    r.user = plan->user_first + draw_below(&state, plan->users);
    switch (r.scenario) {
    case SCENARIO_NORMAL:
        make_grab(plan, &state, SCENARIO_ROOMS, &r);
        break;
    case SCENARIO_HOTROOM:
        make_grab(plan, &state, SCENARIO_HOT_ROOMS, &r);
        break;
    case SCENARIO_CROSSSHARD:
        make_read(plan, &state, &r);
        break;
    case SCENARIO_ADMIN:
        r.kind = draw_below(&state, 2) == 0 ? REQUEST_ADMIN_STATS : REQUEST_SHARDS_STATUS;
        break;
    case SCENARIO_GRAB:
        make_grab(plan, &state, SCENARIO_ROOMS, &r);
        r.user = plan->user_first + turn_of(plan, &r);
        break;
    case SCENARIO_MIX:
        assert(!"a request belongs to one scenario");
    }
    *ret_request = r;
}
