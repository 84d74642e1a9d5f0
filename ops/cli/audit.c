#include "ops/cli/audit.h"

#include "core/clock.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPARE_GRABS = 1024 };

void audit_work(struct audit *audit, uint64_t more)
{
    audit->work_done += more;
    progress_line_move(&audit->line, audit->work_done);
}

/* ---- what there is to audit ---- */

static bool open_layouts(struct audit *audit, struct err *err)
{
    audit->layouts = mem_alloc(audit->stream->layout_count * sizeof *audit->layouts);
    for (size_t i = 0; i < audit->stream->layout_count; i++) {
        struct audit_layout *layout = &audit->layouts[audit->layout_count];
        layout->keys = &audit->stream->layouts[i];
        for (size_t shard = 0; shard < ROUTE_SHARDS_MAX; shard++)
            layout->first_day[shard] = INT32_MAX;
        bool there = route_read(audit->catalog, audit->stream, layout->keys->layout, &layout->route, err);
        if (!there && err->kind != ERR_MISSING)
            return false;
        if (!there)
            continue;
        if (!route_check(&layout->route, (int)audit->config->mysql_shards.count, err))
            return false;
        if (layout->route.partitions != audit->partitions)
            return err_set(err, ERR_CONFLICT, "The route of layout %s has %d partitions where the catalog says %d",
                           layout->keys->layout->name, (int)layout->route.partitions, (int)audit->partitions);
        layout->bit = (uint8_t)(1u << audit->layout_count++);
    }
    *err = (struct err){0};
    return audit->layout_count > 0 ||
           err_set(err, ERR_MISSING, "No layout of %s has a route: run weir init", audit->stream->name);
}

static bool take_coupon(const struct value *cells, size_t count, void *arg)
{
    struct audit *audit = arg;
    struct audit_coupon coupon = {.stock = AUDIT_STOCK_UNSEEN};
    struct err why = {0};
    if (!coupon_from_cells(cells, count, &coupon.row, &why)) {
        audit_report_note(&audit->report, "%s; it cannot be judged", why.text);
        audit_report_unchecked(&audit->report, "a coupon (its row in the catalog is broken)");
        if (!coupon_from_broken_cells(cells, count, &coupon.row))
            return true;
    }
    if ((audit->coupon_count & (audit->coupon_count - 1)) == 0) /* grows at powers of two */
        audit->coupons =
            mem_grow(audit->coupons, (audit->coupon_count ? audit->coupon_count * 2 : 1) * sizeof *audit->coupons);
    audit->coupons[audit->coupon_count++] = coupon;
    return true;
}

/* The epoch with the coupons: marks are compared with it. The snapshots come before the cut, the coupons and Redis
 * after. */
static bool open_all(struct audit *audit, struct err *err)
{
    if (!link_open(audit->config, -1, &audit->catalog, err) || !meta_read(audit->catalog, &audit->meta, err))
        return false;
    if (audit->meta.partitions < 1 || audit->meta.partitions > ROUTE_PARTITIONS_MAX)
        return err_set(err, ERR_DATA, "The catalog says that the topic has %d partitions", (int)audit->meta.partitions);
    audit->partitions = audit->meta.partitions;
    audit->today = day_of_ms(clock_realtime_ms(), audit->meta.offset_min);
    return open_layouts(audit, err) &&
           redis_sync_open(audit->config->redis_stock, audit->config->timeout_ms, &audit->redis, err) &&
           audit_shards_open(audit, err) && audit_log_cut(audit, err) && meta_read(audit->catalog, &audit->meta, err) &&
           sql_select(audit->catalog, sql_coupons_read, NULL, 0, take_coupon, audit, err) &&
           audit_stock_look(audit, err);
}

/* ---- passes ---- */

static void plan(struct audit *audit)
{
    audit->slices = audit_slices(audit->records, audit->options->memory_mb);
    progress_line_begin(&audit->line, "audit", audit->records * (1 + audit->layout_count) * audit->slices);
}

static bool pass(struct audit *audit, struct err *err)
{
    audit_grabs_init(&audit->grabs, audit->records / audit->slices / 20 * 21 + SPARE_GRABS);
    bool good = audit_log_fold(audit, err) && audit_shards_rows(audit, err);
    if (good)
        audit_check_missing(audit);
    good = good && audit_stock_scan(audit, err);
    if (good) {
        audit_check_sales(audit);
        audit_check_history(audit);
    }
    audit_grabs_free(&audit->grabs);
    return good;
}

/* ---- at rest? ---- */

static bool not_at_rest(struct audit *audit, const char *format, ...) WEIR_PRINTF(2, 3);
static bool not_at_rest(struct audit *audit, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(audit->why_not, sizeof audit->why_not, format, args);
    va_end(args);
    return false;
}

static bool tables_rest(struct audit *audit)
{
    for (size_t l = 0; l < audit->layout_count; l++)
        for (int32_t p = 0; p < audit->partitions; p++)
            if (audit->layouts[l].progress[p].next_offset != audit->part[p].cut)
                return not_at_rest(audit, "layout %s, partition %d is at offset %" PRId64 " of %" PRId64,
                                   audit->layouts[l].keys->layout->name, (int)p,
                                   audit->layouts[l].progress[p].next_offset, audit->part[p].cut);
    return true;
}

static bool coupon_rests(struct audit *audit, const struct audit_coupon *coupon)
{
    uint64_t id = coupon->row.coupon_id;
    if (coupon->row.broken || coupon->row.opened == 0)
        return true;
    if (coupon->stock != AUDIT_STOCK_VALID)
        return not_at_rest(audit, "coupon %" PRIu64 " has no valid mark: %s", id,
                           coupon->look.valid ? "it was rebuilt meanwhile" : coupon->look.why);
    if (coupon->moved)
        return not_at_rest(audit, "coupon %" PRIu64 " is being sold, or has %" PRId64 " pending grabs", id,
                           coupon->look.pending);
    return coupon->look.version == coupon->row.version ||
           not_at_rest(audit, "a change of coupon %" PRIu64 " has not been carried to Redis", id);
}

static bool rests(struct audit *audit, bool moved)
{
    if (!audit->all_whole)
        return not_at_rest(audit, "the log of a partition has lost its begin");
    if (moved)
        return not_at_rest(audit, "the log is growing");
    if (!tables_rest(audit))
        return false;
    for (size_t i = 0; i < audit->coupon_count; i++)
        if (!coupon_rests(audit, &audit->coupons[i]))
            return false;
    return true;
}

/* ---- all of it ---- */

static void note_others(struct audit *audit)
{
    if (audit->foreign > 0)
        audit_report_note(&audit->report, "%" PRIu64 " OK grabs are of coupons that the catalog does not know",
                          audit->foreign);
    if (audit->misplaced_foreign > 0)
        audit_report_note(&audit->report,
                          "%" PRIu64 " records of coupons that the catalog does not know are not in their user's "
                          "partition",
                          audit->misplaced_foreign);
    if (audit->refused_foreign > 0)
        audit_report_note(&audit->report,
                          "%" PRIu64 " dead letters are good records of coupons that the catalog does not know",
                          audit->refused_foreign);
    if (audit->cut_letters > 0)
        audit_report_note(&audit->report, "%" PRIu64 " dead letters hold the beginning of their record alone",
                          audit->cut_letters);
    for (size_t i = 0; i < audit->layout_count; i++) {
        const struct audit_layout *layout = &audit->layouts[i];
        if (layout->dropped > 0)
            audit_report_note(&audit->report, "layout %s: %" PRIu64 " rows of days whose tables were dropped",
                              layout->keys->layout->name, layout->dropped);
        if (layout->elsewhere > 0)
            audit_report_note(&audit->report, "layout %s: %" PRIu64 " rows where an older route had them",
                              layout->keys->layout->name, layout->elsewhere);
    }
}

static bool run_passes(struct audit *audit, struct err *err)
{
    plan(audit);
    bool good = true;
    for (audit->slice = 0; good && audit->slice < audit->slices; audit->slice++)
        good = pass(audit, err);
    progress_line_end(&audit->line);
    return good;
}

bool audit_run(struct audit *audit, struct err *err)
{
    audit->stream = &stream_grabs;
    audit_report_init(&audit->report, (size_t)audit->options->limit);
    bool moved = false;
    if (audit->options->history && !audit_history_read(audit, audit->options->history, err))
        return false;
    if (!open_all(audit, err))
        return false;
    if (!run_passes(audit, err) || !audit_log_moved(audit, &moved, err))
        return false;
    audit->at_rest = rests(audit, moved);
    if (audit->again && !audit->at_rest)
        return true;
    audit_check_sums(audit);
    audit_check_stock(audit);
    note_others(audit);
    return audit_pending_wait(audit, err) && audit_unknown_wait(audit, err);
}

void audit_free(struct audit *audit)
{
    audit_report_free(&audit->report);
    audit_grabs_free(&audit->grabs);
    sql_close(audit->catalog);
    for (size_t i = 0; i < ROUTE_SHARDS_MAX; i++) {
        sql_close(audit->shard[i]);
        free(audit->tables[i].name);
    }
    redis_sync_close(audit->redis);
    free(audit->layouts);
    free(audit->totals.slot);
    free(audit->letters);
    free(audit->coupons);
    free(audit->suspects);
    free(audit->overdue);
    free(audit->lines);
    free(audit->unknown);
}
