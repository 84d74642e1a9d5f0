/* Rebuild of the stock, when Redis restarted, was flushed, came back old, or lost a key: protocol/rebuild.h, step by
 * step. */
#include "ingest/keeper.h"

#include "core/clock.h"
#include "core/crash.h"
#include "core/log.h"
#include "core/service.h"
#include "core/token.h"
#include "ingest/keeper_fold.h"
#include "protocol/fold.h"
#include "schemas/grabs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One that is ours under the rebuild's epoch. */
struct rebuilt {
    uint64_t coupon_id;
    uint64_t sold; /* OK rows in the shards that are folded */
};

/* What a coupon was opened with. */
struct opened {
    struct coupon coupon;
    uint64_t left;
};

struct rebuild {
    struct keeper *keeper;
    const char *reason;
    struct fold_job job;
    char by[TOKEN_LEN + 1];
    struct rebuilt *coupon;
    size_t coupon_count;
    struct opened *opened; /* as many as coupon_count at most */
    size_t opened_count;
    size_t folded;                          /* shards */
    struct claims claims[KEEPER_FOLDS_MAX]; /* of the last of them, which were folded together */
    struct lost_list lost;                  /* of all that are folded */
    struct rebuild_progress *progress;      /* the keeper's */
    int64_t begun_ms;
};

/* rebuild_epoch, in one statement; no two rebuilds ever share an epoch. */
static enum step_outcome raise_epoch(struct rebuild *rebuild, struct err *err)
{
    struct sql *catalog = keeper_catalog(rebuild->keeper, err);
    const struct value seen = value_u64(rebuild->keeper->epoch_seen);
    int64_t epoch;
    if (rebuild_epoch(rebuild->keeper->epoch, rebuild->keeper->epoch_seen) > EPOCH_MAX) {
        err_set(err, ERR_CONFLICT, "the epoch of the catalog is %" PRIu64 ", and a rebuild's ends at %" PRIu64,
                rebuild->keeper->epoch, EPOCH_MAX);
        return STEP_NO_ANSWER;
    }
    if (catalog == NULL || !sql_run(catalog, sql_epoch_raise, &seen, 1, NULL, err) ||
        !sql_select_i64(catalog, "SELECT LAST_INSERT_ID()", NULL, 0, &epoch, err))
        return STEP_NO_ANSWER;
    rebuild->job.epoch = rebuild->progress->epoch = (uint64_t)epoch;
    rebuild_raised(&rebuild->keeper->turn, rebuild->job.epoch);
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
            rebuild->coupon[rebuild->coupon_count++] = (struct rebuilt){keeper->coupons[i].coupon_id, 0};
    rebuild->progress->coupons = rebuild->coupon_count;
    return STEP_DONE;
}

/* Runs `one` on each coupon; one that is lost (its mark has a higher epoch, or it is left closed) leaves the list. */
static enum step_outcome each_coupon(struct rebuild *rebuild,
                                     enum step_outcome (*one)(struct rebuild *, const struct rebuilt *, struct err *),
                                     struct err *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < rebuild->coupon_count; i++) {
        enum step_outcome outcome = one(rebuild, &rebuild->coupon[i], err);
        if (outcome == STEP_NO_ANSWER)
            return STEP_NO_ANSWER;
        if (outcome == STEP_DONE)
            rebuild->coupon[kept++] = rebuild->coupon[i];
        keeper_goes_on(rebuild->keeper, 0);
        progress_tell(rebuild->progress, rebuild->keeper->part);
    }
    rebuild->coupon_count = kept;
    return STEP_DONE;
}

static enum step_outcome close_one(struct rebuild *rebuild, const struct rebuilt *coupon, struct err *err)
{
    enum step_outcome outcome = stock_building(rebuild->keeper, coupon->coupon_id, rebuild->job.epoch, err);
    CRASH_POINT("keeper.rebuild_closed");
    return outcome;
}

int64_t keeper_wait_ms(const struct keeper *keeper)
{
    int64_t hold_ms = 0;
    for (size_t i = 0; i < keeper->coupon_count; i++)
        if (keeper->coupons[i].hold_ms > hold_ms)
            hold_ms = keeper->coupons[i].hold_ms;
    return rebuild_wait_ms(hold_ms, keeper->hold_seen_ms);
}

static enum step_outcome wait_out(struct rebuild *rebuild, struct err *err)
{
    int64_t until_ms = clock_boottime_ms() + keeper_wait_ms(rebuild->keeper);
    rebuild->progress->wait_until_ms = until_ms;
    while (clock_boottime_ms() < until_ms && !service_stopping()) {
        progress_tell(rebuild->progress, rebuild->keeper->part);
        clock_sleep_ms(20);
    }
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
        if (outcome != STEP_DONE) { /* for ever, it may be: only as long as this keeper has its turn */
            struct err ignored;
            return keeper_lease_held(rebuild->keeper->lease, &ignored) ? outcome : STEP_LOST;
        }
        CRASH_POINT("keeper.rebuild_barrier");
    }
    return STEP_DONE;
}

static void claims_of_none(struct rebuild *rebuild)
{
    for (size_t i = 0; i < KEEPER_FOLDS_MAX; i++) {
        claims_free(&rebuild->claims[i]);
        claims_init(&rebuild->claims[i]);
    }
}

/* The memory of the shards before these goes first: their claims are written, and of what was sold only the sums are
 * needed. */
static enum step_outcome fold_shards(struct rebuild *rebuild, struct err *err)
{
    const struct keeper_config *config = rebuild->keeper->config;
    size_t left = config->mysql_shards.count - rebuild->folded, most = (size_t)config->fold_shards_max;
    size_t count = left < most ? left : most;
    claims_of_none(rebuild);
    enum step_outcome outcome =
        keeper_fold_shards(rebuild->keeper, &rebuild->job, rebuild->folded, count, rebuild->claims, err);
    for (size_t i = 0; outcome == STEP_DONE && i < count; i++) {
        const struct claims *claims = &rebuild->claims[i];
        rebuild->progress->claims_all += claims_count(claims);
        lost_add(&rebuild->lost, &rebuild->job.lost[rebuild->folded + i]);
        for (size_t j = 0; j < rebuild->coupon_count; j++) {
            const struct coupon_claims *coupon = claims_of(claims, rebuild->coupon[j].coupon_id);
            rebuild->coupon[j].sold += coupon == NULL ? 0 : coupon->count;
        }
    }
    rebuild->folded += count;
    return outcome;
}

static bool all_folded(const struct rebuild *rebuild)
{
    return rebuild->folded == rebuild->keeper->config->mysql_shards.count;
}

static enum step_outcome look(struct rebuild *rebuild, struct err *err)
{
    uint64_t epoch;
    if (!keeper_read_epoch(rebuild->keeper, &epoch, err)) { /* its connection was idle for as long as the fold took */
        keeper_drop_dead_links(rebuild->keeper);
        *err = (struct err){0};
        if (!keeper_read_epoch(rebuild->keeper, &epoch, err))
            return STEP_NO_ANSWER;
    }
    return epoch == rebuild->job.epoch ? STEP_DONE : STEP_LOST;
}

enum { CLAIM_USERS_MAX = (STOCK_ARGS_MAX - 2) / 2 }; /* of one script call */

/* One call's worth of users, beginning with claim `at`; `ret_next` becomes the index behind them. */
static enum step_outcome claim_slice(struct rebuild *rebuild, const struct claims *claims,
                                     const struct coupon_claims *coupon, size_t at, size_t *ret_next, struct err *err)
{
    struct buf text = {0};
    size_t begin[CLAIM_USERS_MAX * 2 + 1], users = 0;
    while (at < coupon->count && users < CLAIM_USERS_MAX) {
        begin[users * 2] = text.len;
        buf_append_u64(&text, coupon->claim[at].user_id);
        begin[users * 2 + 1] = text.len;
        at = claims_entry(claims, coupon, at, &text);
        begin[++users * 2] = text.len;
    }
    struct redis_arg pairs[CLAIM_USERS_MAX * 2];
    for (size_t i = 0; i < users * 2; i++)
        pairs[i] = (struct redis_arg){.data = text.data + begin[i], .len = begin[i + 1] - begin[i]};
    enum step_outcome outcome =
        stock_claims(rebuild->keeper, coupon->coupon_id, rebuild->job.epoch, pairs, users * 2, err);
    buf_free(&text);
    rebuild->progress->claims += at - *ret_next;
    *ret_next = at;
    keeper_goes_on(rebuild->keeper, 0);
    progress_tell(rebuild->progress, rebuild->keeper->part);
    CRASH_POINT("keeper.rebuild_claims");
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

/* A user's grabs are all in one partition, so on one shard: no two shards' claims meet. */
static enum step_outcome claim_one(struct rebuild *rebuild, const struct rebuilt *rebuilt, struct err *err)
{
    enum step_outcome outcome = STEP_DONE;
    for (size_t i = 0; i < KEEPER_FOLDS_MAX && outcome == STEP_DONE; i++) {
        const struct claims *claims = &rebuild->claims[i];
        const struct coupon_claims *coupon = claims_of(claims, rebuilt->coupon_id);
        for (size_t at = 0; coupon != NULL && at < coupon->count && outcome == STEP_DONE;)
            outcome = claim_slice(rebuild, claims, coupon, at, &at, err);
    }
    return outcome == STEP_NO_ANSWER ? left_closed(rebuilt->coupon_id, err) : outcome;
}

/* What was sold of it is not known: it is left as CLOSE made it, and is not owed a rebuild before its rows are back. */
static bool rows_are_lost(const struct rebuild *rebuild, uint64_t coupon_id)
{
    char text[LOST_TEXT_MAX];
    lost_text(rebuild->keeper, &rebuild->lost, coupon_id, text);
    if (text[0] != '\0')
        log_error("rows are missing", LOG_INT("coupon", coupon_id), LOG_STR("error", text));
    return text[0] != '\0';
}

static enum step_outcome open_one(struct rebuild *rebuild, const struct rebuilt *rebuilt, struct err *err)
{
    struct coupon coupon;
    if (rows_are_lost(rebuild, rebuilt->coupon_id))
        return STEP_LOST;
    if (!keeper_read_coupon(rebuild->keeper, rebuilt->coupon_id, &coupon, err))
        return left_closed(rebuilt->coupon_id, err);
    uint64_t left;
    if (!rebuild_left(coupon.total, rebuilt->sold, &left)) {
        left = 0; /* I1 is broken: sell no more of it, and do not keep the other coupons closed for it */
        log_error("more OK rows than stock: the coupon is opened as sold out; run `weir audit`",
                  LOG_INT("coupon", coupon.coupon_id), LOG_INT("total", coupon.total), LOG_INT("ok", rebuilt->sold));
    }
    enum step_outcome outcome = stock_open(rebuild->keeper, &coupon, rebuild->job.epoch, left, err);
    CRASH_POINT("keeper.rebuild_opened");
    if (outcome == STEP_DONE)
        rebuild->opened[rebuild->opened_count++] = (struct opened){.coupon = coupon, .left = left};
    rebuild->progress->coupons_done = rebuild->opened_count;
    return outcome == STEP_NO_ANSWER ? left_closed(rebuilt->coupon_id, err) : outcome;
}

/* In one transaction, when all are open: a commit for each would keep the last of many coupons closed for seconds. */
static void log_opened(struct rebuild *rebuild)
{
    struct err err = {0};
    struct sql *catalog = keeper_catalog(rebuild->keeper, &err);
    bool good = catalog != NULL && sql_begin(catalog, &err);
    for (size_t i = 0; good && i < rebuild->opened_count; i++)
        good = keeper_log_stock(rebuild->keeper, &rebuild->opened[i].coupon, "rebuild",
                                (int64_t)rebuild->opened[i].left, rebuild->job.epoch, rebuild->reason, &err);
    if (good && sql_commit(catalog, &err))
        return;
    log_warn("coupons were opened, but their stock_logs rows could not be written",
             LOG_INT("epoch", rebuild->job.epoch), LOG_INT("coupons", rebuild->opened_count), LOG_ERR(&err));
    if (catalog != NULL)
        sql_rollback(catalog);
    keeper_drop_dead_links(rebuild->keeper);
}

static enum step_outcome open_all(struct rebuild *rebuild, struct err *err)
{
    rebuild->opened = mem_grow(rebuild->opened, (rebuild->coupon_count + 1) * sizeof *rebuild->opened);
    rebuild->opened_count = 0;
    enum step_outcome outcome = each_coupon(rebuild, open_one, err);
    log_opened(rebuild);
    return outcome;
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
        return open_all(rebuild, err);
    case REBUILD_DONE:
    case REBUILD_STOP:
        break;
    }
    return STEP_DONE;
}

static struct rebuild *rebuild_new(struct keeper *keeper, const char *reason)
{
    struct rebuild *rebuild = mem_alloc(sizeof *rebuild);
    *rebuild = (struct rebuild){
        .keeper = keeper, .reason = reason, .progress = &keeper->progress, .begun_ms = clock_boottime_ms()};
    token_make(rebuild->by);
    rebuild->job.by = rebuild->by;
    rebuild->job.progress = rebuild->progress;
    claims_of_none(rebuild);
    *rebuild->progress = (struct rebuild_progress){.shards = keeper->config->mysql_shards.count};
    return rebuild;
}

static void rebuild_free(struct rebuild *rebuild)
{
    progress_end(rebuild->progress);
    for (size_t i = 0; i < KEEPER_FOLDS_MAX; i++)
        claims_free(&rebuild->claims[i]);
    for (size_t i = 0; i < ROUTE_SHARDS_MAX; i++)
        lost_free(&rebuild->job.lost[i]);
    lost_free(&rebuild->lost);
    free(rebuild->coupon);
    free(rebuild->opened);
    free(rebuild);
}

static void step_failed(struct rebuild *rebuild, enum rebuild_step at, const struct err *err)
{
    log_warn("rebuild: a step did not come through", LOG_INT("epoch", rebuild->job.epoch),
             LOG_STR("step", rebuild_step_name(at)), LOG_ERR(err));
    keeper_drop_dead_links(rebuild->keeper);
    clock_sleep_ms(rebuild->keeper->config->tick_ms);
}

enum step_outcome keeper_rebuild(struct keeper *keeper, const char *reason, struct err *err)
{
    struct rebuild *rebuild = rebuild_new(keeper, reason);
    enum step_outcome outcome = STEP_DONE;
    enum rebuild_step at = REBUILD_RAISE;
    while (at != REBUILD_DONE && at != REBUILD_STOP) {
        *err = (struct err){0};
        progress_step(rebuild->progress, at, keeper->part);
        outcome = run_step(rebuild, at, err);
        CRASH_POINT("keeper.rebuild_step");
        if (outcome == STEP_DONE)
            keeper_goes_on(keeper, 0);
        else
            step_failed(rebuild, at, err);
        const enum rebuild_step was = at;
        at = service_stopping() && outcome != STEP_DONE ? REBUILD_STOP : rebuild_next(at, outcome, all_folded(rebuild));
        if (at == REBUILD_STOP)
            rebuild_stopped(&keeper->turn, was, outcome);
    }
    if (at == REBUILD_DONE)
        log_info("rebuild is done", LOG_INT("epoch", rebuild->job.epoch), LOG_INT("coupons", rebuild->coupon_count),
                 LOG_INT("claims", rebuild->progress->claims), LOG_INT("ms", clock_boottime_ms() - rebuild->begun_ms));
    if (at == REBUILD_DONE)
        keeper_lost_keep(keeper, &rebuild->lost);
    rebuild_free(rebuild);
    return at == REBUILD_DONE ? STEP_DONE : outcome;
}
