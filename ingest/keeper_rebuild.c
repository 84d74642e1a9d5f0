/* Rebuild of the stock, when Redis restarted, was flushed, came back old, or lost a key: protocol/rebuild.h, step by
 * step. */
#include "ingest/keeper.h"

#include "core/clock.h"
#include "core/crash.h"
#include "core/log.h"
#include "core/service.h"
#include "ingest/keeper_fold.h"
#include "schemas/grabs.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct rebuild {
    struct keeper *keeper;
    const char *reason;
    struct fold_job job;
    char by[33];
    uint64_t *coupon; /* ids that are ours under job.epoch */
    size_t coupon_count;
    struct claims claims;
    int64_t begun_ms;
};

/* rebuild_epoch, in one statement; no two rebuilds ever share an epoch. */
static enum step_outcome raise_epoch(struct rebuild *rebuild, struct err *err)
{
    struct sql *catalog = keeper_catalog(rebuild->keeper, err);
    const struct value seen = value_u64(rebuild->keeper->epoch_seen);
    int64_t epoch;
    if (catalog == NULL || !sql_run(catalog, sql_epoch_raise, &seen, 1, NULL, err) ||
        !sql_select_i64(catalog, "SELECT LAST_INSERT_ID()", NULL, 0, &epoch, err))
        return STEP_NO_ANSWER;
    assert((uint64_t)epoch >= rebuild_epoch(rebuild->keeper->epoch, rebuild->keeper->epoch_seen));
    rebuild->job.epoch = (uint64_t)epoch;
    log_info("rebuild begins", LOG_INT("epoch", epoch), LOG_STR("reason", rebuild->reason));
    return STEP_DONE;
}

static enum step_outcome list_coupons(struct rebuild *rebuild, struct err *err)
{
    struct keeper *keeper = rebuild->keeper;
    if (!keeper_read_coupons(keeper, err))
        return STEP_NO_ANSWER;
    rebuild->coupon = mem_grow(rebuild->coupon, (keeper->coupon_count + 1) * sizeof *rebuild->coupon);
    rebuild->coupon_count = 0;
    for (size_t i = 0; i < keeper->coupon_count; i++)
        if (rebuild_lists(keeper->coupons[i].opened, rebuild->job.epoch))
            rebuild->coupon[rebuild->coupon_count++] = keeper->coupons[i].coupon_id;
    return STEP_DONE;
}

/* Runs `one` on each coupon; one that is lost (its mark has a higher epoch, or it is left closed) leaves the list. */
static enum step_outcome each_coupon(struct rebuild *rebuild,
                                     enum step_outcome (*one)(struct rebuild *, uint64_t, struct err *),
                                     struct err *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < rebuild->coupon_count; i++) {
        enum step_outcome outcome = one(rebuild, rebuild->coupon[i], err);
        if (outcome == STEP_NO_ANSWER)
            return STEP_NO_ANSWER;
        if (outcome == STEP_DONE)
            rebuild->coupon[kept++] = rebuild->coupon[i];
    }
    rebuild->coupon_count = kept;
    return STEP_DONE;
}

static enum step_outcome close_one(struct rebuild *rebuild, uint64_t coupon_id, struct err *err)
{
    return stock_building(rebuild->keeper, coupon_id, rebuild->job.epoch, err);
}

static enum step_outcome wait_out(struct rebuild *rebuild, struct err *err)
{
    int64_t hold_ms = 0;
    for (size_t i = 0; i < rebuild->keeper->coupon_count; i++)
        if (rebuild->keeper->coupons[i].hold_ms > hold_ms)
            hold_ms = rebuild->keeper->coupons[i].hold_ms;
    int64_t until_ms = clock_boottime_ms() + rebuild_wait_ms(hold_ms, rebuild->keeper->hold_seen_ms);
    while (clock_boottime_ms() < until_ms && !service_stopping())
        clock_sleep_ms(20);
    if (service_stopping())
        err_set(err, ERR_OUTAGE, "the keeper is stopping");
    return service_stopping() ? STEP_NO_ANSWER : STEP_DONE;
}

static enum step_outcome append_barriers(struct rebuild *rebuild, struct err *err)
{
    struct grab_event barrier;
    grab_event_barrier(&barrier, rebuild->job.epoch, rebuild->by);
    for (int32_t p = 0; p < rebuild->keeper->partitions; p++) {
        if (service_stopping())
            return STEP_LOST;
        enum step_outcome outcome = keeper_append(rebuild->keeper, p, &barrier, &rebuild->job.barrier[p], err);
        if (outcome != STEP_DONE)
            return outcome;
        CRASH_POINT("keeper.rebuild_barrier");
    }
    return STEP_DONE;
}

static enum step_outcome fold_shards(struct rebuild *rebuild, struct err *err)
{
    for (size_t shard = 0; shard < rebuild->keeper->config->mysql_shards.count; shard++) {
        enum step_outcome outcome =
            keeper_fold_shard(rebuild->keeper, &rebuild->job, (int)shard, &rebuild->claims, err);
        if (outcome != STEP_DONE)
            return outcome;
        log_info("rebuild has folded a shard", LOG_INT("epoch", rebuild->job.epoch), LOG_INT("shard", shard),
                 LOG_INT("of", rebuild->keeper->config->mysql_shards.count));
    }
    claims_sort(&rebuild->claims);
    return STEP_DONE;
}

static enum step_outcome look(struct rebuild *rebuild, struct err *err)
{
    uint64_t epoch;
    if (!keeper_read_epoch(rebuild->keeper, &epoch, err))
        return STEP_NO_ANSWER;
    return epoch == rebuild->job.epoch ? STEP_DONE : STEP_LOST;
}

enum { CLAIM_USERS_MAX = (STOCK_ARGS_MAX - 2) / 2 }; /* of one script call */

/* One call's worth of users, beginning with claim `at`; answers the index behind them by `ret_next`. */
static enum step_outcome claim_slice(struct rebuild *rebuild, const struct coupon_claims *coupon, size_t at,
                                     size_t *ret_next, struct err *err)
{
    struct buf text = {0};
    size_t begin[CLAIM_USERS_MAX * 2 + 1], users = 0;
    while (at < coupon->count && users < CLAIM_USERS_MAX) {
        begin[users * 2] = text.len;
        buf_append_u64(&text, coupon->claim[at].user_id);
        begin[users * 2 + 1] = text.len;
        at = claims_entry(&rebuild->claims, coupon, at, &text);
        begin[++users * 2] = text.len;
    }
    struct redis_arg pairs[CLAIM_USERS_MAX * 2];
    for (size_t i = 0; i < users * 2; i++)
        pairs[i] = (struct redis_arg){.data = text.data + begin[i], .len = begin[i + 1] - begin[i]};
    enum step_outcome outcome =
        stock_claims(rebuild->keeper, coupon->coupon_id, rebuild->job.epoch, pairs, users * 2, err);
    buf_free(&text);
    *ret_next = at;
    return outcome;
}

/* A coupon whose row is none, or gone, or whose keys somebody else writes, stays as it is, building: the others are
 * opened. */
static enum step_outcome left_closed(uint64_t coupon_id, struct err *err)
{
    if (err->kind != ERR_DATA && err->kind != ERR_MISSING)
        return STEP_NO_ANSWER;
    log_error("rebuild leaves out a coupon: it stays closed", LOG_INT("coupon", coupon_id), LOG_ERR(err));
    *err = (struct err){0};
    return STEP_LOST;
}

static enum step_outcome claim_one(struct rebuild *rebuild, uint64_t coupon_id, struct err *err)
{
    const struct coupon_claims *coupon = claims_of(&rebuild->claims, coupon_id);
    enum step_outcome outcome = STEP_DONE;
    for (size_t at = 0; coupon != NULL && at < coupon->count && outcome == STEP_DONE;)
        outcome = claim_slice(rebuild, coupon, at, &at, err);
    return outcome == STEP_NO_ANSWER ? left_closed(coupon_id, err) : outcome;
}

static enum step_outcome open_one(struct rebuild *rebuild, uint64_t coupon_id, struct err *err)
{
    struct coupon coupon;
    if (!keeper_read_coupon(rebuild->keeper, coupon_id, &coupon, err))
        return left_closed(coupon_id, err);
    const struct coupon_claims *sold = claims_of(&rebuild->claims, coupon_id);
    uint64_t left;
    if (!rebuild_left(coupon.total, sold == NULL ? 0 : sold->count, &left)) {
        left = 0; /* I1 is broken: sell no more of it, and do not keep the other coupons closed for it */
        log_error("more OK rows than stock: the coupon is opened as sold out; run `weir audit`",
                  LOG_INT("coupon", coupon_id), LOG_INT("total", coupon.total), LOG_INT("ok", sold->count));
    }
    enum step_outcome outcome = stock_open(rebuild->keeper, &coupon, rebuild->job.epoch, left, err);
    if (outcome == STEP_DONE &&
        !keeper_log_stock(rebuild->keeper, &coupon, "rebuild", (int64_t)left, rebuild->job.epoch, rebuild->reason, err))
        log_warn("rebuild is done, but its stock_logs row could not be written", LOG_INT("coupon", coupon_id),
                 LOG_ERR(err));
    return outcome == STEP_NO_ANSWER ? left_closed(coupon_id, err) : outcome;
}

static enum step_outcome run_step(struct rebuild *rebuild, enum rebuild_step at, struct err *err)
{
    switch (at) {
    case REBUILD_RAISE:
        return raise_epoch(rebuild, err);
    case REBUILD_LIST:
        return list_coupons(rebuild, err);
    case REBUILD_CLOSE:
        return each_coupon(rebuild, close_one, err);
    case REBUILD_WAIT:
        return wait_out(rebuild, err);
    case REBUILD_BARRIER:
        return append_barriers(rebuild, err);
    case REBUILD_FOLD:
        return fold_shards(rebuild, err);
    case REBUILD_LOOK:
        return look(rebuild, err);
    case REBUILD_CLAIMS:
        return each_coupon(rebuild, claim_one, err);
    case REBUILD_OPEN:
        return each_coupon(rebuild, open_one, err);
    case REBUILD_DONE:
    case REBUILD_STOP:
        break;
    }
    return STEP_DONE;
}

static void make_name(char ret_name[33])
{
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        abort(); /* 16 bytes are never cut short once the pool is ready: getrandom(2) */
    for (int i = 0; i < 16; i++)
        snprintf(ret_name + i * 2, 3, "%02x", bytes[i]);
}

static const char *const step_names[] = {"raise", "list",   "close", "wait", "barrier", "fold",
                                         "look",  "claims", "open",  "done", "stop"};

enum step_outcome keeper_rebuild(struct keeper *keeper, const char *reason, struct err *err)
{
    struct rebuild *rebuild = mem_alloc(sizeof *rebuild);
    *rebuild = (struct rebuild){.keeper = keeper, .reason = reason, .begun_ms = clock_boottime_ms()};
    make_name(rebuild->by);
    rebuild->job.by = rebuild->by;
    claims_init(&rebuild->claims);
    enum step_outcome outcome = STEP_DONE;
    enum rebuild_step at = REBUILD_RAISE;
    while (at != REBUILD_DONE && at != REBUILD_STOP) {
        *err = (struct err){0};
        outcome = run_step(rebuild, at, err);
        CRASH_POINT("keeper.rebuild_step");
        if (outcome != STEP_DONE) {
            log_warn("rebuild: a step did not come through", LOG_INT("epoch", rebuild->job.epoch),
                     LOG_STR("step", step_names[at]), LOG_ERR(err));
            keeper_drop_dead_links(keeper, err);
            clock_sleep_ms(keeper->config->tick_ms);
        }
        at = service_stopping() && outcome != STEP_DONE ? REBUILD_STOP : rebuild_next(at, outcome);
    }
    if (at == REBUILD_DONE)
        log_info("rebuild is done", LOG_INT("epoch", rebuild->job.epoch), LOG_INT("coupons", rebuild->coupon_count),
                 LOG_INT("ms", clock_boottime_ms() - rebuild->begun_ms));
    claims_free(&rebuild->claims);
    free(rebuild->coupon);
    free(rebuild);
    return at == REBUILD_DONE ? STEP_DONE : outcome;
}
