#include "ingest/coupon_rows.h"

#include "core/clock.h"
#include "core/log.h"
#include "core/metrics.h"

void coupon_rows_begin(struct coupon_rows *rows)
{
    rows->broken = 0;
    rows->first = (struct err){0};
}

bool coupon_rows_take(struct coupon_rows *rows, const struct value *cells, size_t count, struct coupon *ret_coupon)
{
    struct err err = {0};
    if (coupon_from_cells(cells, count, ret_coupon, &err))
        return true;
    if (rows->broken++ == 0)
        rows->first = err;
    return coupon_from_broken_cells(cells, count, ret_coupon);
}

bool coupon_rows_say(struct coupon_rows *rows, int64_t now_ms)
{
    if (rows->broken == rows->said && (rows->broken == 0 || now_ms - rows->said_at_ms < COUPON_ROWS_SAY_MS))
        return false;
    rows->said = rows->broken;
    rows->said_at_ms = now_ms;
    return true;
}

void coupon_rows_end(struct coupon_rows *rows)
{
    metric_set(metric_gauge("weir_catalog_broken_coupons",
                            "Rows of the catalog's table coupons that are none; they are left out.", NULL),
               (double)rows->broken);
    if (!coupon_rows_say(rows, clock_boottime_ms()))
        return;
    if (rows->broken == 0)
        log_info("all rows of the table coupons are coupons again");
    else
        log_error("rows of the table coupons are none: they are left out until they are mended",
                  LOG_INT("rows", rows->broken), LOG_STR("first", rows->first.text));
}
