/* The simulated keeper's rebuild: protocol/rebuild.h, step by step. */
#include "sim/sim_fault.h"
#include "sim/sim_keeper_parts.h"
#include "sim/sim_redis.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void rebuild_run(struct world *world, struct sim_keeper *keeper);

static void on_again(struct world *world, void *what, int64_t arg)
{
    (void)arg;
    rebuild_run(world, what);
}

static void outcome_is(struct world *world, struct sim_keeper *keeper, enum step_outcome outcome)
{
    struct rebuild *rebuild = &keeper->rebuild;
    enum rebuild_step was = rebuild->at;
    rebuild->at = rebuild_next(was, outcome, rebuild->folded == SIM_PARTITIONS);
    if (rebuild->at == REBUILD_STOP)
        rebuild_stopped(&keeper->turn, was, outcome);
    if (rebuild->at == REBUILD_DONE || rebuild->at == REBUILD_STOP) {
        TRACE(world, "%s: rebuild %" PRIu64 " %s", keeper->process.name, rebuild->epoch,
              rebuild->at == REBUILD_DONE ? "is done" : "stops");
        if (rebuild->at == REBUILD_DONE)
            keeper_lost_keep(world, keeper);
        keeper_rest(world, keeper);
        return;
    }
    rebuild->coupon = -1;
    rebuild->partition = 0;
    int64_t pause_us = outcome == STEP_DONE ? 0 : world->setup.round_us;
    world_at(world, pause_us, &keeper->process, on_again, keeper, 0);
}

/* ---- RAISE, LIST, LOOK ---- */

static void run_raise(struct world *world, struct call *call)
{
    struct catalog *catalog = database_catalog(world);
    catalog->epoch = rebuild_epoch(catalog->epoch, (uint64_t)call->in[0]);
    call->out[0] = (int64_t)catalog->epoch;
}

static void on_raised(struct world *world, struct call *call)
{
    struct sim_keeper *keeper = call->owner;
    if (call->answered) {
        keeper->rebuild.epoch = (uint64_t)call->out[0];
        rebuild_raised(&keeper->turn, keeper->rebuild.epoch);
        TRACE(world, "%s begins rebuild %" PRIu64, keeper->process.name, keeper->rebuild.epoch);
    }
    outcome_is(world, keeper, call->answered ? STEP_DONE : STEP_NO_ANSWER);
}

static void raise_epoch(struct world *world, struct sim_keeper *keeper)
{
    struct call *call = call_begin(world, SERVER_CATALOG, &keeper->process, keeper->state, keeper);
    call->in[0] = (int64_t)keeper->epoch_seen;
    call_send(world, call, run_raise, on_raised);
}

static void on_listed(struct world *world, struct call *call)
{
    struct sim_keeper *keeper = call->owner;
    if (call->answered) {
        keeper_take_coupons(keeper, call);
        for (int i = 0; i < SIM_COUPONS_MAX; i++)
            keeper->rebuild.listed[i] = rebuild_lists(keeper->coupon[i].opened, keeper->rebuild.epoch);
    }
    outcome_is(world, keeper, call->answered ? STEP_DONE : STEP_NO_ANSWER);
}

static void on_look(struct world *world, struct call *call)
{
    struct sim_keeper *keeper = call->owner;
    bool same = (uint64_t)call->out[0] == keeper->rebuild.epoch;
    outcome_is(world, keeper, !call->answered ? STEP_NO_ANSWER : same ? STEP_DONE : STEP_LOST);
}

/* ---- CLOSE, CLAIMS, OPEN: one script a coupon; a coupon that is lost leaves the list ---- */

static void next_coupon(struct world *world, struct sim_keeper *keeper);

static void on_coupon_done(struct world *world, struct call *call)
{
    struct sim_keeper *keeper = call->owner;
    enum step_outcome outcome = keeper_held(call);
    if (outcome == STEP_NO_ANSWER) {
        outcome_is(world, keeper, STEP_NO_ANSWER);
        return;
    }
    keeper->rebuild.listed[keeper->rebuild.coupon] = outcome == STEP_DONE;
    next_coupon(world, keeper);
}

static uint64_t sold_of(const struct rebuild *rebuild, uint64_t coupon)
{
    uint64_t sold = 0;
    for (int i = 0; i < rebuild->sold_count; i++)
        sold += rebuild->sold[i].coupon == coupon;
    return sold;
}

static void on_row(struct world *world, struct call *call)
{
    struct sim_keeper *keeper = call->owner;
    struct rebuild *rebuild = &keeper->rebuild;
    uint64_t coupon = (uint64_t)rebuild->coupon + 1, left = 0;
    if (call->answered)
        keeper_take_coupons(keeper, call);
    if (call->answered && !rebuild_left(keeper->coupon[coupon - 1].total, sold_of(rebuild, coupon), &left))
        left = 0; /* oversold: the checks have said so */
    if (!call->answered ||
        !keeper_send_open(world, keeper, keeper->state, coupon, rebuild->epoch, left, on_coupon_done))
        outcome_is(world, keeper, STEP_NO_ANSWER);
}

/* "grab:try grab:try" of one user. */
static void user_claims(struct call *call, const struct rebuild *rebuild, uint64_t coupon, uint64_t user)
{
    char text[HASH_VALUE_MAX] = "";
    size_t len = 0;
    for (int i = 0; i < rebuild->sold_count; i++) {
        const struct shard_row *row = &rebuild->sold[i];
        if (row->coupon == coupon && row->user == user && len < sizeof text)
            len += (size_t)snprintf(text + len, sizeof text - len, "%s%" PRIu64 ":%s", len > 0 ? " " : "", row->grab_id,
                                    row->try_key);
    }
    assert(len < sizeof text);
    script_number(call, user);
    script_arg(call, text);
}

static bool is_first_of_user(const struct rebuild *rebuild, int at, uint64_t coupon)
{
    if (rebuild->sold[at].coupon != coupon)
        return false;
    for (int i = rebuild->sold_before; i < at; i++)
        if (rebuild->sold[i].coupon == coupon && rebuild->sold[i].user == rebuild->sold[at].user)
            return false;
    return true;
}

/* False: there is no connection. */
static bool send_script(struct world *world, struct sim_keeper *keeper, enum stock_script script)
{
    struct rebuild *rebuild = &keeper->rebuild;
    uint64_t coupon = (uint64_t)rebuild->coupon + 1;
    struct call *call = keeper_script(world, keeper, keeper->state, script, coupon);
    if (call == NULL)
        return false;
    script_number(call, rebuild->epoch);
    for (int i = rebuild->sold_before; script == STOCK_CLAIM_MANY && i < rebuild->sold_count; i++)
        if (is_first_of_user(rebuild, i, coupon))
            user_claims(call, rebuild, coupon, rebuild->sold[i].user);
    call_send(world, call, redis_run_script, on_coupon_done);
    return true;
}

/* A coupon of which the last fold found nothing sold has no claims to be written; one whose rows are missing is left
 * as CLOSE made it. */
static bool is_next(const struct rebuild *rebuild, int at)
{
    bool sold = false;
    if (rebuild->at == REBUILD_OPEN && rebuild->lost[at])
        return false;
    for (int i = rebuild->sold_before; i < rebuild->sold_count; i++)
        sold |= rebuild->sold[i].coupon == (uint64_t)at + 1;
    return rebuild->listed[at] && (sold || rebuild->at != REBUILD_CLAIMS);
}

static void next_coupon(struct world *world, struct sim_keeper *keeper)
{
    struct rebuild *rebuild = &keeper->rebuild;
    do
        rebuild->coupon++;
    while (rebuild->coupon < SIM_COUPONS_MAX && !is_next(rebuild, rebuild->coupon));
    if (rebuild->coupon >= SIM_COUPONS_MAX) {
        outcome_is(world, keeper, STEP_DONE);
        return;
    }
    if (rebuild->at == REBUILD_OPEN)
        keeper_read_coupons(world, keeper, keeper->state, on_row);
    else if (!send_script(world, keeper, rebuild->at == REBUILD_CLOSE ? STOCK_BUILDING : STOCK_CLAIM_MANY))
        outcome_is(world, keeper, STEP_NO_ANSWER);
}

/* ---- WAIT ---- */

static void on_waited(struct world *world, void *what, int64_t arg)
{
    (void)arg;
    outcome_is(world, what, STEP_DONE);
}

static int64_t wait_ms(const struct world *world, const struct sim_keeper *keeper)
{
    return rebuild_wait_ms(world->setup.hold_ms, keeper->hold_seen_ms);
}

static void wait_out(struct world *world, struct sim_keeper *keeper)
{
    int64_t wait_us = wait_ms(world, keeper) * SIM_MS;
    world_at(world, wait_us, &keeper->process, on_waited, keeper, 0);
    fault_draw_process(world, &keeper->process, STATE_REBUILD_WAIT, wait_us);
}

/* ---- BARRIER ---- */

static void append_barrier(struct world *world, struct sim_keeper *keeper);

static void on_barrier(struct world *world, void *owner, int64_t partition, enum append_report report)
{
    struct sim_keeper *keeper = owner;
    struct rebuild *rebuild = &keeper->rebuild;
    if (report != APPEND_PERSISTED) { /* for ever, it may be: only as long as this keeper leads */
        outcome_is(world, keeper, keeper_leads(world, keeper) ? STEP_NO_ANSWER : STEP_LOST);
        return;
    }
    rebuild->barrier[partition] = log_find_barrier(world, (int)partition, rebuild->by);
    assert(rebuild->barrier[partition] >= 0);
    rebuild->partition++;
    if (rebuild->partition < SIM_PARTITIONS)
        append_barrier(world, keeper);
    else
        outcome_is(world, keeper, STEP_DONE);
}

static void append_barrier(struct world *world, struct sim_keeper *keeper)
{
    struct rebuild *rebuild = &keeper->rebuild;
    struct log_record record = {.kind = RECORD_BARRIER, .epoch = rebuild->epoch, .by = rebuild->by};
    log_append(world, &keeper->process, keeper->state, rebuild->partition, &record, on_barrier, keeper,
               rebuild->partition);
}

/* ---- FOLD ---- */

static bool known_row(const struct rebuild *rebuild, uint64_t grab_id)
{
    return shard_find(&rebuild->snapshot, grab_id) != NULL;
}

/* The snapshot's rows are folded on: what the log adds is added to them. */
static void add_row(struct rebuild *rebuild, const struct log_record *record, bool ok)
{
    struct shard_data *data = &rebuild->snapshot;
    struct shard_row row = {.grab_id = record->grab_id, .user = record->user, .coupon = record->coupon, .ok = ok};
    memcpy(row.try_key, record->try_key, TRY_BYTES);
    for (int i = 0; i < data->row_count; i++) {
        if (data->row[i].grab_id == row.grab_id) { /* only a planted bug gives a grab a second verdict */
            data->row[i] = row;
            return;
        }
    }
    assert(data->row_count < ROWS_MAX);
    data->row[data->row_count++] = row;
}

static enum step_outcome met_foreign(struct sim_keeper *keeper, uint64_t epoch)
{
    if (keeper->epoch_seen < epoch)
        keeper->epoch_seen = epoch;
    return STEP_LOST;
}

static enum step_outcome fold_log(struct world *world, struct sim_keeper *keeper, int partition)
{
    struct rebuild *rebuild = &keeper->rebuild;
    struct shard_progress *progress = &rebuild->snapshot.progress[partition];
    for (int64_t at = progress->next; at <= rebuild->barrier[partition]; at++) {
        const struct log_record *record = log_at(world, partition, at);
        if (record->kind == RECORD_BARRIER &&
            rebuild_meets_foreign(record->epoch, rebuild->epoch, record->by == rebuild->by))
            return met_foreign(keeper, record->epoch);
        bool has_row = record->kind != RECORD_BARRIER && known_row(rebuild, record->grab_id);
        enum fold_verdict verdict = fold_record(&progress->fold, record->kind, record->epoch, has_row);
        if (verdict != FOLD_BARRIER && verdict != FOLD_DUPLICATE)
            add_row(rebuild, record, verdict == FOLD_OK);
    }
    return STEP_DONE;
}

static enum step_outcome fold_partition(struct world *world, struct sim_keeper *keeper, int partition)
{
    struct rebuild *rebuild = &keeper->rebuild;
    const struct shard_progress *progress = &rebuild->snapshot.progress[partition];
    switch (rebuild_fold_begin(progress->next, progress->fold.epoch, rebuild->barrier[partition], rebuild->epoch)) {
    case FOLD_FOREIGN:
        return met_foreign(keeper, progress->fold.epoch);
    case FOLD_OTHER_LOG:
        return STEP_NO_ANSWER;
    case FOLD_HAS_ALL:
        return STEP_DONE;
    case FOLD_READ_LOG:
        break;
    }
    return fold_log(world, keeper, partition);
}

static void on_snapshot(struct world *world, struct call *call)
{
    struct sim_keeper *keeper = call->owner;
    struct rebuild *rebuild = &keeper->rebuild;
    int first = rebuild->folded, end = first + rebuild->at_once;
    enum step_outcome outcome = call->answered ? keeper_lost_find(keeper, first, end) : STEP_NO_ANSWER;
    for (int p = first; p < end && outcome == STEP_DONE; p++)
        outcome = fold_partition(world, keeper, p);
    rebuild->sold_before = rebuild->sold_count;
    for (int i = 0; outcome == STEP_DONE && i < rebuild->snapshot.row_count; i++) {
        const struct shard_row *row = &rebuild->snapshot.row[i];
        int p = log_partition(row->user);
        if (row->ok && p >= first && p < end)
            rebuild->sold[rebuild->sold_count++] = *row;
    }
    if (outcome == STEP_DONE)
        rebuild->folded = end;
    outcome_is(world, keeper, outcome);
}

/* Rows and progress at one moment. What runs after it was given up is nobody's. */
static void run_snapshot(struct world *world, struct call *call)
{
    struct sim_keeper *keeper = call->owner;
    if (call->waited && keeper->process.life == call->from_life)
        shard_read(database_shard(world, call->shard), &keeper->rebuild.snapshot);
}

void keeper_read_shard(struct world *world, struct sim_keeper *keeper, call_fn done)
{
    struct call *call = call_begin(world, SERVER_SHARD, &keeper->process, keeper->state, keeper);
    call->shard = keeper->layout;
    call_send(world, call, run_snapshot, done);
}

/* ---- the order ---- */

static void rebuild_run(struct world *world, struct sim_keeper *keeper)
{
    struct rebuild *rebuild = &keeper->rebuild;
    keeper->state = (enum state)(STATE_REBUILD_RAISE + rebuild->at);
    switch (rebuild->at) {
    case REBUILD_RAISE:
        raise_epoch(world, keeper);
        break;
    case REBUILD_LIST:
        keeper_read_coupons(world, keeper, keeper->state, on_listed);
        break;
    case REBUILD_CLOSE:
    case REBUILD_CLAIMS:
    case REBUILD_OPEN:
        next_coupon(world, keeper);
        break;
    case REBUILD_WAIT:
        wait_out(world, keeper);
        break;
    case REBUILD_BARRIER:
        append_barrier(world, keeper);
        break;
    case REBUILD_FOLD:
        keeper_read_shard(world, keeper, on_snapshot);
        break;
    case REBUILD_LOOK:
        keeper_read_epoch(world, keeper, keeper->state, on_look);
        break;
    case REBUILD_DONE:
    case REBUILD_STOP:
        break;
    }
}

bool keeper_has_turn(const struct world *world, struct sim_keeper *keeper)
{
    return rebuild_may_raise(&keeper->turn, keeper->epoch, wait_ms(world, keeper),
                             world_boot_us(world, &keeper->process) / SIM_MS);
}

void keeper_rebuild(struct world *world, struct sim_keeper *keeper)
{
    for (int i = 0; i < SWEEPS_MAX; i++)
        keeper->sweep[i].used = false; /* their marks are gone with the rebuild */
    keeper->rebuild.at = REBUILD_RAISE;
    keeper->rebuild.coupon = -1;
    keeper->rebuild.partition = 0;
    keeper->rebuild.at_once = chance_permille(world, 500) ? 1 : SIM_PARTITIONS;
    keeper->rebuild.folded = keeper->rebuild.sold_count = keeper->rebuild.sold_before = 0;
    memset(keeper->rebuild.lost, 0, sizeof keeper->rebuild.lost);
    keeper->rebuild.by = chance_next(world);
    rebuild_run(world, keeper);
}
