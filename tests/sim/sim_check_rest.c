/* The checks of stock, and of everything at rest. */
#include "sim/sim_check.h"

#include "sim/sim_database.h"
#include "sim/sim_ingest.h"
#include "sim/sim_lost.h"
#include "sim/sim_redis.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bool check_lag_is_zero(const struct world *world)
{
    for (int l = 0; l < SIM_LAYOUTS; l++)
        for (int p = 0; p < SIM_PARTITIONS; p++)
            if (database_shard(world, l)->progress[p].next != log_end(world, p))
                return false;
    return true;
}

static uint64_t number_of(const struct redis_hash *hash, const char *field)
{
    const char *text = hash_get(hash, field);
    return text == NULL ? UINT64_MAX : strtoull(text, NULL, 10);
}

void check_opened(struct world *world, uint64_t coupon)
{
    uint64_t left = number_of(redis_key(world, coupon, STOCK_STOCK), "left");
    uint64_t total = number_of(redis_key(world, coupon, STOCK_MARK), "total"), ok = check_units_sold(world, coupon);
    if (left + ok != total)
        world_violated(world, "I13",
                       "coupon %" PRIu64 " is opened with %" PRIu64 " left of %" PRIu64 ", and has %" PRIu64 " OK rows",
                       coupon, left, total, ok);
}

static bool all_are_up(struct world *world)
{
    bool up = redis_is_up(world);
    for (int i = 0; i < SIM_INGESTS; i++)
        up = up && ingest_process(world, i)->up;
    return up;
}

static bool mark_is_of_now(struct world *world, uint64_t coupon)
{
    const struct catalog *catalog = database_catalog(world);
    const struct redis_hash *mark = redis_key(world, coupon, STOCK_MARK);
    return redis_mark_is_valid(world, coupon) && number_of(mark, "epoch") == catalog->epoch &&
           number_of(mark, "version") == catalog->coupon[coupon - 1].version;
}

bool check_is_at_rest(struct world *world, const char **ret_why)
{
    const struct grab_truth *grab;
    *ret_why = "a server is away";
    if (!all_are_up(world))
        return false;
    *ret_why = "a layout lags behind the log";
    if (!check_lag_is_zero(world))
        return false;
    *ret_why = "rows are to be put back";
    if (lost_rows_are_due(world))
        return false;
    *ret_why = "a coupon is not open";
    for (uint64_t c = 1; c <= (uint64_t)world->setup.coupons; c++)
        if (!mark_is_of_now(world, c) && !lost_rows_close(world, c))
            return false;
    *ret_why = "a grab is pending in Redis";
    for (uint64_t c = 1; c <= (uint64_t)world->setup.coupons; c++)
        if (redis_key(world, c, STOCK_PENDING)->count > 1 && !lost_rows_close(world, c))
            return false;
    *ret_why = "an unknown is still open";
    for (int i = 0; (grab = check_grab_nth(world, i)) != NULL; i++)
        if (grab->unknown && !check_is_final(world, grab))
            return false;
    return true;
}

/* Whether the try of a claim's text, which a space or its end follows, is this one. */
static bool is_try(const char *text, const char *try_key)
{
    size_t length = strcspn(text, " ");
    return length == strlen(try_key) && memcmp(text, try_key, length) == 0;
}

static void check_try(struct world *world, uint64_t grab_id, const char *try_key, void *held)
{
    const struct grab_truth *grab = check_grab(world, grab_id);
    ++*(uint64_t *)held;
    if (grab != NULL && !is_try(try_key, grab->try_key))
        world_violated(world, "I13", "the claim of grab %" PRIu64 " has another try key", grab_id);
}

static void check_claims(struct world *world, uint64_t coupon)
{
    uint64_t held = 0, sold = check_units_sold(world, coupon);
    check_each_claim(world, coupon, check_try, &held);
    if (held != sold)
        world_violated(world, "I13", "coupon %" PRIu64 " has %" PRIu64 " claims and %" PRIu64 " OK rows", coupon, held,
                       sold);
}

static void check_stock(struct world *world, uint64_t coupon)
{
    uint64_t left = number_of(redis_key(world, coupon, STOCK_STOCK), "left");
    uint64_t total = database_catalog(world)->coupon[coupon - 1].total, ok = check_units_sold(world, coupon);
    if (left + ok != total)
        world_violated(world, "I5",
                       "coupon %" PRIu64 ": %" PRIu64 " left in Redis and %" PRIu64 " OK rows, of %" PRIu64, coupon,
                       left, ok, total);
}

void check_at_rest(struct world *world)
{
    const struct grab_truth *grab;
    for (int l = 0; l < SIM_LAYOUTS; l++)
        for (int p = 0; p < SIM_PARTITIONS; p++)
            check_shard(world, l, p);
    for (uint64_t c = 1; c <= (uint64_t)world->setup.coupons; c++) {
        check_redis(world, c);
        if (lost_rows_close(world, c))
            continue;
        check_stock(world, c);
        check_claims(world, c);
    }
    for (int i = 0; (grab = check_grab_nth(world, i)) != NULL; i++)
        if (grab->success && grab->row != ROW_OK)
            world_violated(world, "I2", "grab %" PRIu64 " was answered success, and has no OK row", grab->id);
}

void check_never_quiet(struct world *world)
{
    const char *why = "free stock is not sold";
    (void)check_is_at_rest(world, &why);
    world_violated(world, "I14", "faults ended long ago, and %s", why);
}
