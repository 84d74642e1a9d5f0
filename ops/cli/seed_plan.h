/* The seeded data, as a pure function of the seed and the id: the same seed gives the same rows, in any order and any
 * part of them.
 *
 *     users    1 .. users             70 % normal, 25 % silver, 5 % gold
 *     rooms    1 .. rooms             rooms 1 to 5 are hot
 *     coupons  five a room, in order  stock 5,000 to 20,000 in hot rooms, 500 to 5,000 elsewhere
 */
#ifndef WEIR_OPS_CLI_SEED_PLAN_H
#define WEIR_OPS_CLI_SEED_PLAN_H

#include "schemas/catalog.h"
#include <stdint.h>

enum { SEED_HOT_ROOMS = 5, SEED_NAME_MAX = 63, SEED_TEXT_MAX = 500 };

struct seed_plan {
    uint64_t seed;
    uint64_t users;
    uint64_t rooms;
    uint64_t coupons_per_room;
    int64_t hold_ms;
};

struct seed_user {
    uint64_t user_id;
    char name[SEED_NAME_MAX + 1];
    const char *level; /* static */
};

struct seed_room {
    uint32_t room_id;
    bool hot;
    char title[COUPON_TITLE_MAX + 1];
};

struct seed_coupon {
    struct coupon row;
    char description[SEED_TEXT_MAX + 1];
    char terms[SEED_TEXT_MAX + 1];
};

uint64_t seed_coupon_count(const struct seed_plan *plan);
void seed_user_make(const struct seed_plan *plan, uint64_t user_id, struct seed_user *ret_user);
void seed_room_make(const struct seed_plan *plan, uint64_t room_id, struct seed_room *ret_room);
void seed_coupon_make(const struct seed_plan *plan, uint64_t coupon_id, struct seed_coupon *ret_coupon);

#endif
