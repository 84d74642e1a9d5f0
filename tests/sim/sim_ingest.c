#include "sim/sim_ingest.h"

#include "core/planted.h"
#include "protocol/grab.h"
#include "protocol/ids.h"
#include "sim/sim_call.h"
#include "sim/sim_check.h"
#include "sim/sim_database.h"
#include "sim/sim_fault.h"
#include "sim/sim_log.h"
#include "sim/sim_people.h"
#include "sim/sim_redis.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { FLIGHTS_MAX = 48 };

/* One request, until nothing is left to do for it. */
struct flight {
    bool used;
    struct sim_ingest *ingest;
    int request;
    enum state state;
    struct grab grab;
};

struct sim_ingest {
    struct process process;
    struct flight flight[FLIGHTS_MAX];
    struct id_maker ids;
    int64_t covered_ms; /* end of the span that came last */
    bool leasing;
    bool connected;
    uint32_t server_life;
    char run_id[16], replid[16];
};

struct sim_ingest *ingest_new(void)
{
    struct sim_ingest *ingest = calloc(1, sizeof *ingest);
    if (ingest == NULL)
        abort();
    return ingest;
}

struct process *ingest_process(struct world *world, int index)
{
    return &world->ingest[index]->process;
}

void ingest_states(struct world *world, int index, enum fault fault)
{
    const struct sim_ingest *ingest = world->ingest[index];
    if (!ingest->process.up)
        return;
    for (int i = 0; i < FLIGHTS_MAX; i++)
        if (ingest->flight[i].used)
            fault_met(world, fault, ingest->flight[i].state);
    if (ingest->leasing)
        fault_met(world, fault, STATE_LEASING);
}

/* ---- answers ---- */

static void answer(struct world *world, struct flight *flight, enum grab_answer kind)
{
    const struct client_request *request = people_request(world, flight->request);
    const struct grab *grab = &flight->grab;
    struct grab_place place = grab_place(grab);
    uint64_t told = kind == ANSWER_REPLAYED ? grab->existing_id : kind == ANSWER_SUCCESS ? grab->grab_id : 0;
    if (kind == ANSWER_UNKNOWN)
        check_unknown(world, told = place.grab_id, place.epoch);
    else if (told != 0)
        check_success(world, told, request->user, request->coupon, request->try_key);
    if (grab->grab_id != 0 && told != grab->grab_id)
        check_refused(world, grab->grab_id);
    people_answered(world, flight->request, kind, told, place.epoch);
}

static void step_do(struct world *world, struct flight *flight, struct grab_step step);

/* ---- the stock ---- */

static bool connected(const struct world *world, const struct sim_ingest *ingest)
{
    return ingest->connected && redis_is_up(world) && ingest->server_life == redis_life(world);
}

static struct call *stock_call(struct world *world, struct flight *flight, enum stock_script script)
{
    struct sim_ingest *ingest = flight->ingest;
    struct call *call = call_begin(world, SERVER_REDIS, &ingest->process, flight->state, flight);
    script_begin(call, script, people_request(world, flight->request)->coupon, ingest->run_id, ingest->replid);
    return call;
}

static void reserved(struct world *world, struct flight *flight, enum reserve_result result, const struct call *call)
{
    uint64_t existing = 0, epoch = 0;
    int64_t hold_ms = 0;
    if (result != RESERVE_NO_ANSWER && result != RESERVE_CLOSED) {
        epoch = (uint64_t)call->answer.item[0].number;
        hold_ms = call->answer.item[1].number;
        existing = strtoull(call->answer.item[4].text, NULL, 10);
    }
    step_do(world, flight,
            grab_on_reserve(&flight->grab, result, epoch, hold_ms, existing,
                            world_boot_us(world, &flight->ingest->process)));
}

static void on_reserved(struct world *world, struct call *call)
{
    struct flight *flight = call->owner;
    enum reserve_result result = RESERVE_NO_ANSWER;
    if (call->answered && call->answer.count == 0)
        result = RESERVE_CLOSED;
    else if (call->answered)
        result = grab_reserve_result(call->answer.item[3].number, strtoull(call->answer.item[4].text, NULL, 10),
                                     flight->grab.grab_id);
    reserved(world, flight, result, call);
}

static void on_send_reserve(struct world *world, void *what, int64_t arg)
{
    struct flight *flight = what;
    const struct client_request *request = people_request(world, flight->request);
    (void)arg;
    if (!connected(world, flight->ingest)) {
        reserved(world, flight, RESERVE_NO_ANSWER, NULL);
        return;
    }
    struct call *call = stock_call(world, flight, STOCK_RESERVE);
    script_number(call, request->user);
    script_number(call, flight->grab.grab_id);
    script_arg(call, request->try_key);
    call_send(world, call, redis_run_script, on_reserved);
}

/* The clock is read before the call is on its way; a process may be stopped between the two. False: no id can be
 * made. */
static bool reserve(struct world *world, struct flight *flight)
{
    struct sim_ingest *ingest = flight->ingest;
    const struct client_request *request = people_request(world, flight->request);
    uint64_t id, before = flight->grab.grab_id;
    if (!id_make(&ingest->ids, world_wall_ms(world, &ingest->process), &id))
        return false;
    grab_begin(&flight->grab, id, world_boot_us(world, &ingest->process));
    if (flight->grab.grab_id == id)
        check_made(world, id, request->user, request->coupon, request->try_key);
    if (before != 0 && before != flight->grab.grab_id)
        check_refused(world, before);
    flight->state = STATE_RESERVING;
    world_at(world, chance_between(world, 0, SIM_MS), &ingest->process, on_send_reserve, flight, 0);
    return true;
}

static void on_ask_again(struct world *world, void *what, int64_t arg)
{
    struct flight *flight = what;
    (void)arg;
    if (!connected(world, flight->ingest) || !reserve(world, flight))
        reserved(world, flight, RESERVE_NO_ANSWER, NULL);
}

static void on_confirmed(struct world *world, struct call *call)
{
    struct flight *flight = call->owner;
    enum confirm_result result = CONFIRM_NO_ANSWER;
    if (call->answered)
        result = call->answer.item[0].number == 1 ? CONFIRM_HELD : CONFIRM_NOT_HELD;
    step_do(world, flight, grab_on_confirm(&flight->grab, result));
}

static void on_ended(struct world *world, struct call *call)
{
    struct flight *flight = call->owner;
    (void)world;
    flight->used = false;
}

static void on_send_end(struct world *world, void *what, int64_t script)
{
    struct flight *flight = what;
    bool confirms = flight->state == STATE_CONFIRMING;
    if (!connected(world, flight->ingest)) {
        if (confirms)
            step_do(world, flight, grab_on_confirm(&flight->grab, CONFIRM_NO_ANSWER));
        flight->used = false;
        return;
    }
    struct call *call = stock_call(world, flight, (enum stock_script)script);
    script_number(call, flight->grab.epoch);
    script_number(call, flight->grab.grab_id);
    call_send(world, call, redis_run_script, confirms ? on_confirmed : on_ended);
}

/* Settles are gathered, and sent later. */
static void end_by(struct world *world, struct flight *flight, enum stock_script script, enum state state)
{
    int64_t wait_us = state == STATE_SETTLING ? chance_between(world, 0, 50 * SIM_MS) : 0;
    flight->state = state;
    world_at(world, wait_us, &flight->ingest->process, on_send_end, flight, script);
}

/* ---- the append ---- */

static void on_reported(struct world *world, void *owner, int64_t arg, enum append_report report)
{
    struct flight *flight = owner;
    (void)arg;
    if (PLANTED("success_before_report"))
        return;
    step_do(world, flight, grab_on_report(&flight->grab, report, world_boot_us(world, &flight->ingest->process)));
}

static void on_append(struct world *world, void *what, int64_t arg)
{
    struct flight *flight = what;
    const struct client_request *request = people_request(world, flight->request);
    struct sim_ingest *ingest = flight->ingest;
    (void)arg;
    struct log_record record = {.kind = RECORD_DATA,
                                .grab_id = flight->grab.grab_id,
                                .user = request->user,
                                .coupon = request->coupon,
                                .epoch = flight->grab.epoch};
    memcpy(record.try_key, request->try_key, TRY_BYTES);
    log_append(world, &ingest->process, STATE_APPENDING, log_partition(request->user), &record, on_reported, flight, 0);
    if (PLANTED("success_before_report"))
        step_do(world, flight, grab_on_report(&flight->grab, APPEND_PERSISTED, flight->grab.reserve_sent_us));
}

/* ---- what the protocol decided ---- */

static void step_do(struct world *world, struct flight *flight, struct grab_step step)
{
    struct process *process = &flight->ingest->process;
    if (step.answer != ANSWER_NOT_YET)
        answer(world, flight, step.answer);
    switch (step.action) {
    case GRAB_DO_NOTHING:
        flight->used = false;
        break;
    case GRAB_DO_APPEND:
        flight->state = STATE_APPENDING;
        world_at(world, chance_delay_us(world) + fault_draw_grab(world), process, on_append, flight, 0);
        break;
    case GRAB_DO_SETTLE:
        end_by(world, flight, STOCK_SETTLE, STATE_SETTLING);
        break;
    case GRAB_DO_CONFIRM:
        end_by(world, flight, STOCK_SETTLE, STATE_CONFIRMING);
        break;
    case GRAB_DO_RELEASE:
        end_by(world, flight, STOCK_RELEASE, STATE_RELEASING);
        break;
    case GRAB_DO_ASK_AGAIN:
        flight->state = STATE_ASKING_AGAIN;
        world_at(world, GRAB_ASK_AGAIN_MS * SIM_MS, process, on_ask_again, flight, 0);
        break;
    }
}

static struct flight *flight_begin(struct sim_ingest *ingest, int request)
{
    for (int i = 0; i < FLIGHTS_MAX; i++) {
        if (ingest->flight[i].used)
            continue;
        ingest->flight[i] = (struct flight){.used = true, .ingest = ingest, .request = request};
        return &ingest->flight[i];
    }
    return NULL;
}

static void on_request(struct world *world, void *what, int64_t request)
{
    struct sim_ingest *ingest = what;
    struct flight *flight = connected(world, ingest) ? flight_begin(ingest, (int)request) : NULL;
    if (flight != NULL && reserve(world, flight))
        return;
    if (flight != NULL)
        flight->used = false;
    people_answered(world, (int)request, ANSWER_UNAVAILABLE, 0, 0);
}

void ingest_take(struct world *world, int index, int request)
{
    struct sim_ingest *ingest = world->ingest[index];
    world_at(world, chance_delay_us(world), &ingest->process, on_request, ingest, request);
}

/* ---- ids ---- */

static void run_lease(struct world *world, struct call *call)
{
    struct catalog *catalog = database_catalog(world);
    uint32_t node = 0;
    for (int i = 1; i < world->setup.nodes; i++)
        if (catalog->node_end_ms[i] < catalog->node_end_ms[node])
            node = (uint32_t)i;
    struct id_span span;
    struct err err = {0};
    call->out[0] =
        id_span_next(node, catalog->node_end_ms[node], call->in[1], call->in[0], 2 * world->setup.hold_ms, &span, &err);
    if (call->out[0] == 0)
        return;
    catalog->node_end_ms[node] = span.end_ms;
    call->out[1] = span.node;
    call->out[2] = span.begin_ms;
    call->out[3] = span.end_ms;
}

static void on_leased(struct world *world, struct call *call)
{
    struct sim_ingest *ingest = call->owner;
    ingest->leasing = false;
    if (!call->answered || call->out[0] == 0)
        return;
    struct id_span span = {.node = (uint32_t)call->out[1], .begin_ms = call->out[2], .end_ms = call->out[3]};
    ingest->covered_ms = span.end_ms;
    TRACE(world, "%s has node %u from %" PRId64 " to %" PRId64, ingest->process.name, span.node, span.begin_ms,
          span.end_ms);
    id_maker_add_span(&ingest->ids, span);
}

static void lease(struct world *world, struct sim_ingest *ingest)
{
    struct call *call = call_begin(world, SERVER_CATALOG, &ingest->process, STATE_LEASING, ingest);
    ingest->leasing = true;
    call->in[0] = world_wall_ms(world, &ingest->process);
    call->in[1] = ingest->covered_ms;
    call_send(world, call, run_lease, on_leased);
}

/* ---- the process ---- */

/* Learns who the server is, on a new connection and, now and then, on the one that lives. */
static void on_heartbeat(struct world *world, void *what, int64_t arg)
{
    struct sim_ingest *ingest = what;
    (void)arg;
    ingest->connected = redis_is_up(world);
    if (ingest->connected) {
        ingest->server_life = redis_life(world);
        snprintf(ingest->run_id, sizeof ingest->run_id, "%s", redis_run_id_now(world));
        snprintf(ingest->replid, sizeof ingest->replid, "%s", redis_replid_now(world));
    }
    if (!ingest->leasing && id_maker_wants_span(&ingest->ids, world_wall_ms(world, &ingest->process)))
        lease(world, ingest);
    world_at(world, chance_between(world, 10 * SIM_MS, 200 * SIM_MS), &ingest->process, on_heartbeat, ingest, 0);
}

static void begin(struct world *world, struct process *process)
{
    struct sim_ingest *ingest = process->owner;
    for (int i = 0; i < FLIGHTS_MAX; i++)
        ingest->flight[i].used = false;
    ingest->ids = (struct id_maker){0};
    ingest->covered_ms = 0;
    ingest->leasing = ingest->connected = false;
    world_at(world, 0, process, on_heartbeat, ingest, 0);
}

void ingest_reset(struct world *world, int index)
{
    struct sim_ingest *ingest = world->ingest[index];
    process_reset(world, &ingest->process, "ingest", index, ingest, begin);
    begin(world, &ingest->process);
}
