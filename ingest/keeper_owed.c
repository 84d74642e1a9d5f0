/* Whether a rebuild is owed, whether it may be done now, and what is said while it is not. */
#include "ingest/keeper_owed.h"

#include "core/clock.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/service.h"
#include "ingest/keeper_position.h"

#include <inttypes.h>
#include <stdio.h>

void owe_rebuild(struct tally *tally, const struct coupon *coupon)
{
    tally->to_rebuild++;
    tally->example = coupon->coupon_id;
}

void owe_unless_lost(const struct keeper *keeper, const struct coupon *coupon, struct tally *tally)
{
    if (!lost_has(&keeper->lost.list, coupon->coupon_id)) {
        owe_rebuild(tally, coupon);
        return;
    }
    tally->rows_lost++;
    tally->lost_example = coupon->coupon_id;
}

void tally_show(const struct tally *tally)
{
    metric_set(metric_gauge("weir_keeper_coupons", "Coupons by what their mark says.", "state=\"valid\""),
               (double)tally->valid);
    metric_set(metric_gauge("weir_keeper_coupons", "Coupons by what their mark says.", "state=\"not_opened\""),
               (double)tally->not_opened);
    metric_set(metric_gauge("weir_keeper_coupons", "Coupons by what their mark says.", "state=\"to_rebuild\""),
               (double)tally->to_rebuild);
    metric_set(metric_gauge("weir_keeper_coupons", "Coupons by what their mark says.", "state=\"broken\""),
               (double)tally->broken);
    metric_set(metric_gauge("weir_keeper_coupons", "Coupons by what their mark says.", "state=\"rows_lost\""),
               (double)tally->rows_lost);
    metric_set(metric_gauge("weir_stock_left", "Units left in Redis, of all coupons with a valid mark.", NULL),
               (double)tally->left);
    metric_set(metric_gauge("weir_stock_pending", "Grabs that are pending in Redis.", NULL), (double)tally->pending);
}

int64_t keeper_rest_ms(unsigned failed, int64_t tick_ms, int64_t rest_ms_max)
{
    int64_t rest_ms = tick_ms;
    for (unsigned i = 1; i < failed && rest_ms < rest_ms_max; i++)
        rest_ms *= 2;
    return rest_ms < rest_ms_max ? rest_ms : rest_ms_max;
}

/* What rows or log say (conflict, internal) is not said otherwise by trying, and each try that has come so far costs an
 * epoch. */
static void rebuild_failed(struct keeper *keeper, bool folding, struct err *err)
{
    bool mend = folding && (err->kind == ERR_CONFLICT || err->kind == ERR_INTERNAL);
    int64_t rest_ms = keeper_rest_ms(++keeper->rebuilds_failed, keeper->config->tick_ms,
                                     mend ? KEEPER_MEND_MS_MAX : KEEPER_REST_MS_MAX);
    keeper->rebuild_rest_ms = clock_boottime_ms() + rest_ms;
    snprintf(keeper->rebuild_waits, sizeof keeper->rebuild_waits, "a rebuild of the stock is owed: %.300s",
             err->kind == ERR_NONE ? "another one was above it" : err->text);
    log_warn("a rebuild of the stock is owed and did not come through; it is tried again", LOG_INT("rest_ms", rest_ms),
             LOG_INT("failed", keeper->rebuilds_failed), LOG_ERR(err));
    keeper_drop_dead_links(keeper);
}

static void rebuild_now(struct keeper *keeper, const struct tally *tally)
{
    struct err err = {0};
    char reason[100];
    snprintf(reason, sizeof reason, "%zu coupons without a valid mark, among them %" PRIu64, tally->to_rebuild,
             tally->example);
    bool can = keeper_can_rebuild(keeper, &err), good = false;
    if (can && !keeper_lease_held(keeper->lease, &err))
        return; /* it was asleep since the round began: a raise would close what the next leader has opened */
    if (can) {
        sweep_forget_all(keeper);
        keeper->spoilt_coupon = 0;
        good = keeper_rebuild(keeper, reason, &err) == STEP_DONE;
        metric_add(metric_counter("weir_keeper_rebuilds_total", "Rebuilds of the stock.",
                                  good ? "end=\"done\"" : "end=\"stopped\""),
                   1);
    }
    if (!good && !service_stopping())
        rebuild_failed(keeper, can && keeper->progress.stopped_at == REBUILD_FOLD, &err);
    if (good)
        keeper->rebuilds_failed = 0;
}

static bool has_turn(struct keeper *keeper)
{
    uint64_t above = keeper->turn.above;
    int64_t now_ms = clock_boottime_ms();
    if (rebuild_may_raise(&keeper->turn, keeper->epoch, keeper_wait_ms(keeper), now_ms))
        return true;
    snprintf(keeper->rebuild_waits, sizeof keeper->rebuild_waits,
             "a rebuild of the stock is owed: another keeper's, epoch %" PRIu64 ", is given its time", keeper->epoch);
    if (above != keeper->turn.above)
        log_warn("another keeper's rebuild is above this one's: it is given its time to end",
                 LOG_INT("epoch", keeper->epoch), LOG_INT("own", keeper->turn.raised),
                 LOG_INT("rest_ms", keeper->turn.until_ms - now_ms));
    return false;
}

/* Nothing is owed; some may stay closed all the same. */
static void tell_lost(struct keeper *keeper, const struct tally *tally)
{
    char text[LOST_TEXT_MAX];
    lost_text(keeper, &keeper->lost.list, tally->lost_example, text);
    keeper->rebuild_waits[0] = '\0';
    if (tally->rows_lost > 0)
        snprintf(keeper->rebuild_waits, sizeof keeper->rebuild_waits, "rows of %zu coupons are missing: %s",
                 tally->rows_lost, text);
}

void rebuild_if_owed(struct keeper *keeper, const struct tally *tally, bool all)
{
    if (tally->to_rebuild > 0 && clock_boottime_ms() >= keeper->rebuild_rest_ms && has_turn(keeper)) {
        keeper->looked_at_ms = 0; /* look at all of them again when it is done */
        rebuild_now(keeper, tally);
    } else if (tally->to_rebuild == 0 && all) {
        keeper->rebuilds_failed = 0;
        tell_lost(keeper, tally);
        rebuild_all_open(&keeper->turn);
    }
}
