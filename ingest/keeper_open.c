/* First open of a coupon, and the keeper's reads and notes in the catalog. */
#include "ingest/keeper.h"

#include "core/crash.h"
#include "core/log.h"

#include <inttypes.h>
#include <string.h>

bool keeper_read_epoch(struct keeper *keeper, uint64_t *ret_epoch, struct err *err)
{
    int64_t epoch;
    struct sql *catalog = keeper_catalog(keeper, err);
    if (catalog == NULL || !sql_select_i64(catalog, sql_epoch_read, NULL, 0, &epoch, err))
        return false;
    *ret_epoch = (uint64_t)epoch;
    return true;
}

static void keep_coupon(struct keeper *keeper, const struct coupon *coupon)
{
    if (keeper->coupon_count == keeper->coupon_cap) {
        keeper->coupon_cap = keeper->coupon_cap == 0 ? 512 : keeper->coupon_cap * 2;
        keeper->coupons = mem_grow(keeper->coupons, keeper->coupon_cap * sizeof *keeper->coupons);
    }
    keeper->coupons[keeper->coupon_count++] = *coupon;
}

static bool take_coupon_of_all(const struct value *cells, size_t count, void *arg)
{
    struct keeper *keeper = arg;
    struct coupon coupon;
    if (coupon_rows_take(&keeper->rows, cells, count, &coupon))
        keep_coupon(keeper, &coupon);
    return true;
}

bool keeper_read_coupons(struct keeper *keeper, struct err *err)
{
    struct sql *catalog = keeper_catalog(keeper, err);
    keeper->coupon_count = 0;
    coupon_rows_begin(&keeper->rows);
    if (catalog == NULL || !sql_select(catalog, sql_coupons_read, NULL, 0, take_coupon_of_all, keeper, err))
        return false;
    coupon_rows_end(&keeper->rows);
    return true;
}

struct coupon_read {
    struct coupon coupon;
    bool found;
    struct err err;
};

static bool take_coupon(const struct value *cells, size_t count, void *arg)
{
    struct coupon_read *read = arg;
    read->found = coupon_from_cells(cells, count, &read->coupon, &read->err);
    return false;
}

bool keeper_read_coupon(struct keeper *keeper, uint64_t coupon_id, struct coupon *ret_coupon, struct err *err)
{
    struct coupon_read read = {0};
    struct value id = value_u64(coupon_id);
    struct sql *catalog = keeper_catalog(keeper, err);
    if (catalog == NULL || !sql_select(catalog, sql_coupon_read, &id, 1, take_coupon, &read, err))
        return false;
    if (read.err.kind != ERR_NONE)
        *err = read.err;
    else if (!read.found)
        err_set(err, ERR_MISSING, "coupon %" PRIu64 " is not in the catalog any more", coupon_id);
    if (read.found)
        *ret_coupon = read.coupon;
    return read.found;
}

bool keeper_log_stock(struct keeper *keeper, const struct coupon *coupon, const char *action, int64_t left,
                      uint64_t epoch, const char *reason, struct err *err)
{
    struct sql *catalog = keeper_catalog(keeper, err);
    const struct value values[] = {
        value_u64(coupon->coupon_id),
        value_text(action, strlen(action)),
        value_u64(coupon->total),
        value_u64(coupon->total),
        value_null(), /* what Redis held before is lost with it */
        value_i64(left),
        value_u64(epoch),
        value_text(reason, strlen(reason)),
    };
    return catalog != NULL && sql_run(catalog, sql_stock_log, values, sizeof values / sizeof *values, NULL, err);
}

/* CAS of the catalog's `opened` 0 -> E: who loses it stops. */
static enum step_outcome claim_opening(struct keeper *keeper, const struct coupon *coupon, uint64_t epoch,
                                       struct err *err)
{
    struct sql *catalog = keeper_catalog(keeper, err);
    const struct value values[] = {value_u64(epoch), value_u64(coupon->coupon_id)};
    uint64_t affected = 0;
    if (catalog == NULL || !sql_run(catalog, sql_coupon_claim, values, 2, &affected, err))
        return STEP_NO_ANSWER;
    return affected == 1 ? STEP_DONE : STEP_LOST;
}

static enum step_outcome look_at_epoch(struct keeper *keeper, uint64_t epoch, struct err *err)
{
    uint64_t now;
    if (!keeper_read_epoch(keeper, &now, err))
        return STEP_NO_ANSWER;
    return now == epoch ? STEP_DONE : STEP_LOST;
}

/* Total, gate, window, limit and version from one read of the catalog's row. */
static enum step_outcome write_stock(struct keeper *keeper, uint64_t coupon_id, uint64_t epoch, struct err *err)
{
    struct coupon coupon;
    if (!keeper_read_coupon(keeper, coupon_id, &coupon, err))
        return STEP_NO_ANSWER;
    enum step_outcome outcome = stock_open(keeper, &coupon, epoch, coupon.total, err);
    if (outcome == STEP_DONE && !keeper_log_stock(keeper, &coupon, "first_open", (int64_t)coupon.total, epoch,
                                                  coupon.gate_open ? "gate is open" : "gate was open", err))
        log_warn("first open is done, but its stock_logs row could not be written", LOG_INT("coupon", coupon_id),
                 LOG_ERR(err));
    return outcome;
}

enum step_outcome keeper_first_open(struct keeper *keeper, const struct coupon *coupon, struct err *err)
{
    uint64_t epoch = 0;
    enum step_outcome outcome = STEP_DONE;
    for (enum open_step at = OPEN_READ; at != OPEN_DONE && at != OPEN_STOP; at = open_next(at, outcome)) {
        switch (at) {
        case OPEN_READ:
            outcome = keeper_read_epoch(keeper, &epoch, err) ? STEP_DONE : STEP_NO_ANSWER;
            break;
        case OPEN_CLAIM:
            outcome = claim_opening(keeper, coupon, epoch, err);
            CRASH_POINT("keeper.open_claimed");
            break;
        case OPEN_BUILDING:
            outcome = stock_building(keeper, coupon->coupon_id, epoch, err);
            CRASH_POINT("keeper.open_building");
            break;
        case OPEN_LOOK:
            outcome = look_at_epoch(keeper, epoch, err);
            break;
        case OPEN_WRITE:
            outcome = write_stock(keeper, coupon->coupon_id, epoch, err);
            CRASH_POINT("keeper.open_written");
            break;
        case OPEN_DONE:
        case OPEN_STOP:
            break;
        }
    }
    return outcome;
}
