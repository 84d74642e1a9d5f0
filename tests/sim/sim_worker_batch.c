/* A simulated worker's batch, from the log to its shard. */
#include "sim/sim_worker_parts.h"

#include "protocol/progress.h"
#include "sim/sim_check.h"
#include "sim/sim_database.h"
#include "sim/sim_log.h"

static void on_take(struct world *world, void *what, int64_t arg);
static void on_ask(struct world *world, void *what, int64_t arg);

static bool has_batch(const struct sim_worker *worker)
{
    bool any = false;
    for (int p = 0; p < SIM_PARTITIONS; p++)
        any |= worker->lane[p].count > 0;
    return any;
}

static struct call *batch_call(struct world *world, struct sim_worker *worker, enum state state)
{
    struct call *call = call_begin(world, SERVER_SHARD, &worker->process, state, worker);
    call->shard = worker->layout;
    for (int p = 0; p < SIM_PARTITIONS; p++) {
        struct lane *lane = &worker->lane[p];
        if (lane->count == 0)
            continue;
        lane->state = state;
        call->part[p] =
            (struct part_asked){.next = lane->next, .count = lane->count, .owner = lane->owner, .epoch = lane->epoch};
    }
    return call;
}

static void later(struct world *world, struct sim_worker *worker, event_fn fn)
{
    world_at(world, chance_between(world, PAUSE_US_MIN, PAUSE_US_MAX), &worker->process, fn, worker, 0);
}

void worker_take_later(struct world *world, struct sim_worker *worker)
{
    later(world, worker, on_take);
}

static void batch_stored(struct world *world, struct sim_worker *worker, const struct call *call)
{
    for (int p = 0; p < SIM_PARTITIONS; p++) {
        struct lane *lane = &worker->lane[p];
        if (lane->count > 0)
            lane_go_on(lane, lane->next + lane->count, call->found[p].epoch);
    }
    worker_take_later(world, worker);
}

static void check_batch(struct world *world, const struct sim_worker *worker, const struct call *call, bool taken)
{
    for (int p = 0; p < SIM_PARTITIONS; p++)
        if (worker->lane[p].count > 0)
            check_settled(world, &worker->process, p, taken, call->found[p].moved_by == worker->transaction);
}

/* What became of a batch whose COMMIT had no answer. */
static void batch_settle(struct world *world, struct sim_worker *worker, const struct call *call)
{
    struct lane *lanes[SIM_PARTITIONS];
    enum progress_found found[SIM_PARTITIONS];
    size_t count = 0, lost;
    for (int p = 0; p < SIM_PARTITIONS; p++) {
        struct lane *lane = &worker->lane[p];
        if (lane->count == 0)
            continue;
        lanes[count] = lane;
        found[count++] = progress_settle(call->found[p].owner == lane->owner, call->found[p].next, lane->next,
                                         lane->next + lane->count);
    }
    switch (progress_settle_batch(found, count, &lost)) {
    case PROGRESS_AFTER:
        check_batch(world, worker, call, true);
        batch_stored(world, worker, call);
        break;
    case PROGRESS_BEFORE:
        check_batch(world, worker, call, false);
        worker_take_later(world, worker);
        break;
    case PROGRESS_ELSEWHERE:
    case PROGRESS_OTHERS:
        lane_lost(world, lanes[lost], &call->found[lanes[lost]->partition]);
        later(world, worker, on_ask);
        break;
    }
}

static void on_asked(struct world *world, struct call *call)
{
    struct sim_worker *worker = call->owner;
    if (call->answered && call->out[0] != 0 && has_batch(worker))
        batch_settle(world, worker, call);
    else
        later(world, worker, on_ask);
}

static void on_ask(struct world *world, void *what, int64_t arg)
{
    struct sim_worker *worker = what;
    if (has_batch(worker))
        call_send(world, batch_call(world, worker, STATE_ASKING_PROGRESS), shard_ask_progress, on_asked);
    else
        on_take(world, worker, arg);
}

static void on_committed(struct world *world, struct call *call)
{
    struct sim_worker *worker = call->owner;
    if (call->answered && call->out[0] != 0) {
        batch_stored(world, worker, call);
        return;
    }
    shard_forget(world, call);
    later(world, worker, on_ask);
}

static void batch_commit(struct world *world, struct sim_worker *worker, int64_t transaction)
{
    struct call *call = batch_call(world, worker, STATE_COMMITTING);
    worker->transaction = (uint64_t)transaction;
    call->in[0] = transaction;
    call_send(world, call, shard_commit, on_committed);
}

/* Without an answer nothing can have been committed: the connection goes, and with it the transaction. */
static void on_begun(struct world *world, struct call *call)
{
    struct sim_worker *worker = call->owner;
    struct lane *lane;
    if (!call->answered)
        shard_forget(world, call);
    switch (call->answered ? (enum shard_begun)call->out[0] : BEGUN_LOCKED) {
    case BEGUN_STAGED:
        batch_commit(world, worker, call->out[1]);
        return;
    case BEGUN_LOST:
        lane = &worker->lane[call->out[1]];
        if (lane->count > 0)
            lane_lost(world, lane, &call->found[lane->partition]);
        break;
    case BEGUN_REFUSED:
        worker->lookup = true;
        break;
    case BEGUN_LOCKED:
        break;
    }
    worker_take_later(world, worker);
}

/* What is at hand, of all partitions that run. */
static void batch_gather(struct world *world, struct sim_worker *worker)
{
    worker->lookup = false;
    for (int p = 0; p < SIM_PARTITIONS; p++) {
        struct lane *lane = &worker->lane[p];
        if (lane->state != STATE_TAKING)
            continue;
        int64_t ready = log_end(world, p) - lane->next;
        if (ready > 0)
            lane->count = chance_between(world, 1, ready < BATCH_RECORDS_MAX ? ready : BATCH_RECORDS_MAX);
        else
            lane_look(world, lane);
    }
}

static void on_take(struct world *world, void *what, int64_t arg)
{
    struct sim_worker *worker = what;
    (void)arg;
    if (!has_batch(worker))
        batch_gather(world, worker);
    if (!has_batch(worker)) {
        world_at(world, chance_between(world, 10 * SIM_MS, 120 * SIM_MS), &worker->process, on_take, worker, 0);
        return;
    }
    struct call *call = batch_call(world, worker, STATE_STORING);
    call->in[0] = worker->lookup;
    call_send(world, call, shard_begin, on_begun);
}
