#include "ops/cli/seed_plan.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

enum draw { DRAW_LEVEL, DRAW_TOTAL, DRAW_PRODUCT, DRAW_DISCOUNT };

/* splitmix64's finaliser (G. Steele, D. Lea, C. Flood: Fast Splittable Pseudorandom Number Generators, 2014), over what
 * is asked for. */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

/* 0 .. below - 1; the bias of the modulo is far below what anybody sees in rows. */
static uint64_t draw_below(const struct seed_plan *plan, enum draw what, uint64_t id, uint64_t below)
{
    return mix(mix(mix(plan->seed) ^ (uint64_t)what) ^ id) % below;
}

uint64_t seed_coupon_count(const struct seed_plan *plan)
{
    return plan->rooms * plan->coupons_per_room;
}

void seed_user_make(const struct seed_plan *plan, uint64_t user_id, struct seed_user *ret_user)
{
    uint64_t percent = draw_below(plan, DRAW_LEVEL, user_id, 100);
    ret_user->user_id = user_id;
    ret_user->level = percent < 70 ? "normal" : percent < 95 ? "silver" : "gold";
    snprintf(ret_user->name, sizeof ret_user->name, "user_%06" PRIu64, user_id);
}

void seed_room_make(const struct seed_plan *plan, uint64_t room_id, struct seed_room *ret_room)
{
    (void)plan;
    ret_room->room_id = (uint32_t)room_id;
    ret_room->hot = room_id <= SEED_HOT_ROOMS;
    snprintf(ret_room->title, sizeof ret_room->title, "%s %" PRIu64, ret_room->hot ? "Hot room" : "Room", room_id);
}

static const char *const products[] = {"headphones",  "a kettle", "running shoes", "a rucksack",
                                       "a desk lamp", "tea",      "a rice cooker", "a raincoat"};

void seed_coupon_make(const struct seed_plan *plan, uint64_t coupon_id, struct seed_coupon *ret_coupon)
{
    assert(coupon_id > 0 && plan->coupons_per_room > 0);
    uint32_t room = (uint32_t)((coupon_id - 1) / plan->coupons_per_room + 1);
    bool hot = room <= SEED_HOT_ROOMS;
    uint64_t least = hot ? 5000 : 500, most = hot ? 20000 : 5000;
    uint64_t discount = 5 * (1 + draw_below(plan, DRAW_DISCOUNT, coupon_id, 10));
    const char *product = products[draw_below(plan, DRAW_PRODUCT, coupon_id, sizeof products / sizeof *products)];
    ret_coupon->row = (struct coupon){.coupon_id = coupon_id,
                                      .room_id = room,
                                      .total = least + draw_below(plan, DRAW_TOTAL, coupon_id, most - least + 1),
                                      .per_user_limit = 1,
                                      .hold_ms = plan->hold_ms,
                                      .gate_open = true};
    snprintf(ret_coupon->row.title, sizeof ret_coupon->row.title, "%" PRIu64 " off %s", discount, product);
    snprintf(ret_coupon->description, sizeof ret_coupon->description,
             "%" PRIu64 " off the price of %s, while room %u is live.", discount, product, (unsigned)room);
    snprintf(ret_coupon->terms, sizeof ret_coupon->terms,
             "One a person. Not together with other coupons. Coupon %" PRIu64 " of room %u.", coupon_id,
             (unsigned)room);
}
