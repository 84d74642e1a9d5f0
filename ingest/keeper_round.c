/* A round of the keeper: look at every coupon and do what is owed. */
#include "ingest/keeper_owed.h"

#include "core/clock.h"
#include "core/crash.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/service.h"
#include "schemas/layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void keeper_init(struct keeper *keeper, const struct keeper_config *config)
{
    *keeper = (struct keeper){.config = config, .stream = stream_find("grabs"), .part = service_part("stock")};
    keeper->layout = stream_layout(keeper->stream, config->layout);
    for (int i = 0; i < STOCK_SCRIPTS; i++) {
        keeper->scripts[i] = (struct redis_script){.name = stock_script_name(i), .text = stock_script_text(i)};
        redis_script_init(&keeper->scripts[i]);
    }
}

void keeper_close(struct keeper *keeper)
{
    struct keeper_links *links = &keeper->links;
    keeper_lease_stop(keeper->lease);
    sweep_forget_all(keeper);
    free(keeper->coupons);
    free(keeper->seen);
    lost_free(&keeper->lost.list);
    sql_close(links->catalog);
    redis_sync_close(links->redis);
    for (int i = 0; i < ROUTE_SHARDS_MAX; i++)
        sql_close(links->shard[i]);
    kafka_admin_close(links->admin);
    if (links->producer != NULL)
        kafka_producer_close(links->producer, service_drain_left_ms(), NULL, NULL);
}

/* ---- what the catalog says ---- */

static bool take_meta(const struct value *cells, size_t count, void *arg)
{
    struct keeper *keeper = arg;
    if (count >= 4) {
        keeper->epoch = cells[0].u64;
        if (cells[1].type == VALUE_TEXT && cells[1].len <= CLUSTER_MAX)
            snprintf(keeper->cluster, sizeof keeper->cluster, "%.*s", (int)cells[1].len, cells[1].text);
        keeper->partitions = (int32_t)cells[2].i64;
        keeper->offset_min = (int)cells[3].i64;
    }
    return false;
}

static bool take_route(const struct value *cells, size_t count, void *arg)
{
    struct route *route = arg;
    if (count >= 3 && cells[1].i64 == route->partitions && route->partitions < ROUTE_PARTITIONS_MAX) {
        route->version = (uint32_t)cells[0].i64;
        route->shard[route->partitions++] = (uint8_t)cells[2].i64;
    }
    return true;
}

static bool read_route(struct keeper *keeper, struct sql *catalog, struct err *err)
{
    const char *stream = keeper->stream->name, *layout = keeper->config->layout;
    const struct value values[] = {value_text(stream, strlen(stream)), value_text(layout, strlen(layout))};
    struct route route = {0};
    if (!sql_select(catalog, sql_route_read, values, 2, take_route, &route, err))
        return false;
    if (route.partitions == 0 || route.partitions != keeper->partitions)
        return err_set(err, ERR_MISSING, "the catalog has no whole route of layout %s: run `weir init`", layout);
    if (!route_check(&route, (int)keeper->config->mysql_shards.count, err))
        return false;
    keeper->route = route;
    return true;
}

static bool read_catalog(struct keeper *keeper, struct err *err)
{
    struct sql *catalog = keeper_catalog(keeper, err);
    if (catalog == NULL)
        return false;
    keeper->partitions = 0;
    if (!sql_select(catalog, sql_meta_read, NULL, 0, take_meta, keeper, err))
        return false;
    if (keeper->partitions <= 0 || keeper->partitions > ROUTE_PARTITIONS_MAX)
        return err_set(err, ERR_MISSING, "the catalog at %s has no meta row: run `weir init`", sql_where(catalog));
    return read_route(keeper, catalog, err) && keeper_read_coupons(keeper, err);
}

/* ---- Redis: is it still the one that this connection learnt? ---- */

static bool check_server(struct keeper *keeper, struct err *err)
{
    struct redis_sync *redis = keeper_redis(keeper, err);
    if (redis == NULL)
        return false;
    bool same;
    if (!redis_sync_same_server(redis, &same, err))
        return false;
    if (same)
        return true;
    keeper->looked_at_ms = 0;
    redis_sync_close(redis); /* learn both ids anew: every mark is another server's now, and is rebuilt */
    keeper->links.redis = NULL;
    return keeper_redis(keeper, err) != NULL;
}

/* ---- the round ---- */

/* An admin's change, to Redis. False: no answer. */
static bool carry_change(struct keeper *keeper, const struct coupon *coupon, struct tally *tally, struct err *err)
{
    enum step_outcome outcome = stock_carry(keeper, coupon, err);
    if (outcome == STEP_DONE)
        CRASH_POINT("keeper.carried");
    if (outcome != STEP_NO_ANSWER)
        return true;
    if (err->kind != ERR_DATA)
        return false;
    log_error("the keys of a coupon are not what Weir wrote: a rebuild deletes them", LOG_ERR(err));
    *err = (struct err){0};
    owe_rebuild(tally, coupon);
    return true;
}

static bool serve_valid(struct keeper *keeper, const struct coupon *coupon, const struct stock_look *look,
                        struct tally *tally, struct err *err)
{
    tally->valid++;
    tally->pending += look->pending;
    tally->left += look->left;
    if (coupon->version > look->version && !carry_change(keeper, coupon, tally, err))
        return false;
    if (look->pending > 0)
        sweep_begin(keeper, coupon, look);
    return true;
}

static bool serve_coupon(struct keeper *keeper, const struct coupon *coupon, struct tally *tally, struct err *err)
{
    struct stock_look look;
    if (coupon->opened == 0 && !coupon->gate_open) {
        tally->not_opened++;
        return true;
    }
    if (!stock_look(keeper, coupon->coupon_id, &look, err))
        return false;
    keeper->epoch_seen = rebuild_see_epoch(keeper->epoch_seen, look.mark.epoch);
    if (look.hold_ms > keeper->hold_seen_ms && look.hold_ms <= COUPON_HOLD_MS_MAX)
        keeper->hold_seen_ms = look.hold_ms;
    if (coupon->broken) { /* what was seen of its mark serves a rebuild; the rest waits until its row is mended */
        tally->broken++;
        return true;
    }
    if (coupon->coupon_id == keeper->spoilt_coupon) {
        owe_rebuild(tally, coupon);
        return true;
    }
    switch (coupon_need(coupon->opened, coupon->gate_open, &look.mark, keeper->epoch)) {
    case COUPON_NEEDS_FIRST_OPEN:
        return keeper_first_open(keeper, coupon, err) != STEP_NO_ANSWER;
    case COUPON_NEEDS_REBUILD:
        owe_unless_lost(keeper, coupon, tally);
        return true;
    case COUPON_NEEDS_NOTHING:
        break;
    }
    return serve_valid(keeper, coupon, &look, tally, err);
}

/* A change in the catalog is served in this round; all else is looked at once a second. */
static bool is_due(const struct keeper *keeper, size_t at, bool all)
{
    const struct coupon *coupon = &keeper->coupons[at];
    if (all || at >= keeper->seen_count || (coupon->opened == 0 && coupon->gate_open))
        return true;
    const struct coupon_seen *seen = &keeper->seen[at];
    return seen->coupon_id != coupon->coupon_id || seen->version != coupon->version || seen->opened != coupon->opened;
}

static void remember_seen(struct keeper *keeper)
{
    keeper->seen = mem_grow(keeper->seen, (keeper->coupon_count + 1) * sizeof *keeper->seen);
    keeper->seen_count = keeper->coupon_count;
    for (size_t i = 0; i < keeper->coupon_count; i++) {
        const struct coupon *coupon = &keeper->coupons[i];
        keeper->seen[i] = (struct coupon_seen){coupon->coupon_id, coupon->version, coupon->opened};
    }
}

/* Those that are due. What was refused of one (no memory, no right) is that one's alone, and the first such is told;
 * false: a link is lost (err). */
static bool serve_each(struct keeper *keeper, bool all, struct tally *tally, struct err *err)
{
    for (size_t i = 0; i < keeper->coupon_count && !service_stopping(); i++) {
        struct err why = {0};
        if (!is_due(keeper, i, all) || serve_coupon(keeper, &keeper->coupons[i], tally, &why))
            continue;
        if (why.kind == ERR_OUTAGE || err->kind == ERR_NONE)
            *err = why;
        if (why.kind == ERR_OUTAGE)
            return false;
    }
    return true;
}

/* False: a link is lost. True with err: something was refused. */
static bool serve_coupons(struct keeper *keeper, struct err *err)
{
    struct tally tally = {0};
    int64_t now_ms = clock_boottime_ms();
    bool all = keeper->looked_at_ms == 0 || now_ms - keeper->looked_at_ms >= KEEPER_LOOK_MS;
    if (!serve_each(keeper, all, &tally, err))
        return false;
    if (service_stopping())
        return true;
    remember_seen(keeper);
    if (all) {
        keeper->looked_at_ms = now_ms;
        tally_show(&tally);
    }
    rebuild_if_owed(keeper, &tally, all && err->kind == ERR_NONE);
    return true;
}

/* What this keeper had begun is the next leader's: the marks say how far it came. */
static void stand_down(struct keeper *keeper)
{
    log_warn("this keeper does not lead any more");
    sweep_forget_all(keeper);
    tally_show(&(struct tally){0});
    keeper->looked_at_ms = 0;
    keeper->rebuild_waits[0] = '\0';
    keeper->append_waits[0] = '\0';
    keeper->spoilt_coupon = 0;
}

static void show_leads(bool leads)
{
    metric_set(metric_gauge("weir_keeper_leads", "1 when this keeper holds the lease.", NULL), leads ? 1 : 0);
}

static bool lead(struct keeper *keeper, struct err *err)
{
    bool leads = keeper_lease_held(keeper->lease, err);
    if (leads && !keeper->leads)
        log_info("this keeper leads");
    if (!leads && keeper->leads)
        stand_down(keeper);
    if (leads && !keeper->leads)
        keeper->went_on_ms = 0;
    keeper->leads = leads;
    show_leads(leads);
    return leads;
}

void keeper_goes_on(struct keeper *keeper, int64_t more_ms)
{
    int64_t now_ms = clock_boottime_ms();
    if (more_ms == 0 && now_ms - keeper->went_on_ms < keeper->config->tick_ms)
        return; /* it is asked for each coupon, and the wait is of all of them */
    keeper->went_on_ms = now_ms;
    keeper_lease_go_on(keeper->lease, now_ms + keeper->config->stuck_ms + keeper_wait_ms(keeper) + more_ms);
}

/* False: something did not answer or was refused (err), or this keeper does not lead (err is empty). */
static bool keeper_round(struct keeper *keeper, struct err *err)
{
    if (!lead(keeper, err) || !read_catalog(keeper, err))
        return false;
    if (keeper->went_on_ms == 0) /* its turn begins, and lasts for what a sweep waits, though nothing else goes on */
        keeper_goes_on(keeper, 0);
    if (!keeper_shards_are_ours(keeper, err) || !check_server(keeper, err) || !serve_coupons(keeper, err))
        return false;
    if (!service_stopping()) {
        sweep_advance(keeper);
        keeper_lost_look(keeper);
        if (keeper->rebuilds_failed == 0 && keeper->append_waits[0] == '\0')
            keeper_goes_on(keeper, 0); /* what is owed and cannot be done may be another keeper's to do */
    }
    return err->kind == ERR_NONE;
}

/* Standing by is being ready: the leader does the work. */
static void tell_state(struct keeper *keeper, const struct err *err)
{
    char note[LEASE_TELL_MAX];
    const char *why = err->kind != ERR_NONE              ? err->text
                      : keeper->rebuild_waits[0] != '\0' ? keeper->rebuild_waits
                                                         : keeper->append_waits;
    service_part_set(keeper->part, why[0] == '\0', why);
    show_leads(keeper_lease_tell(keeper->lease, note)); /* first, so that the note and the metric agree */
    service_part_note(keeper->part, note);
}

void keeper_run(struct keeper *keeper)
{
    keeper->lease = keeper_lease_start(keeper->config);
    while (!service_stopping()) {
        struct err err = {0};
        if (!keeper_round(keeper, &err) && err.kind != ERR_NONE) {
            log_warn("a round of the keeper did not come through; it is tried again", LOG_ERR(&err));
            keeper_drop_dead_links(keeper);
        }
        tell_state(keeper, &err);
        clock_sleep_ms(err.kind == ERR_NONE ? keeper->config->tick_ms : keeper->config->tick_ms * 2);
    }
}
