#include "sim/sim_people.h"

#include "sim/sim_call.h"
#include "sim/sim_check.h"
#include "sim/sim_database.h"
#include "sim/sim_fault.h"
#include "sim/sim_ingest.h"
#include "sim/sim_lost.h"
#include "sim/sim_redis.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { ADMIN_ACTS_MAX = 3, PROBE_USER = 100, LOOK_MS = 50 };

struct sim_people {
    struct process query; /* never killed: it remembers nothing */
    struct client_request request[REQUESTS_MAX];
    int request_count;
    int probe;  /* the probe that is on its way; -1: none */
    int probed; /* coupons whose free stock was shown to be sold */
};

struct sim_people *people_new(void)
{
    struct sim_people *people = calloc(1, sizeof *people);
    if (people == NULL)
        abort();
    return people;
}

int people_requests(const struct world *world)
{
    return world->people->request_count;
}

const struct client_request *people_request(const struct world *world, int request)
{
    return &world->people->request[request];
}

/* ---- the status place: progress first, then the row, on one connection of one layout ---- */

static void on_row(struct world *world, struct call *call)
{
    if (!call->answered || call->out[2] != 0) /* of a row that is lost it knows no better */
        return;
    uint64_t grab_id = (uint64_t)call->in[1];
    enum grab_status_word word =
        fold_status(call->out[0] != 0, call->out[0] == 2, (uint64_t)call->in[2], (uint64_t)call->in[3]);
    TRACE(world, "the status place of layout %d says %s of grab %" PRIu64, call->shard,
          word == GRAB_STATUS_OK     ? "ok"
          : word == GRAB_STATUS_VOID ? "void"
                                     : "open",
          grab_id);
    check_status(world, grab_id, word);
}

static void ask_row(struct world *world, int layout, int64_t partition, int64_t grab_id, int64_t epoch,
                    int64_t partition_epoch, uint32_t life)
{
    struct call *call = call_begin(world, SERVER_SHARD, &world->people->query, STATE_NONE, NULL);
    call->shard = layout;
    call->in[0] = partition;
    call->in[1] = grab_id;
    call->in[2] = epoch;
    call->in[3] = partition_epoch;
    call_send(world, call, shard_read_row, on_row);
    call->server_life = life; /* of the connection that progress was read on */
}

static void on_progress(struct world *world, struct call *call)
{
    if (call->answered)
        ask_row(world, call->shard, call->in[0], call->in[1], call->in[2], call->out[1], call->server_life);
}

static void ask_status(struct world *world, uint64_t grab_id, uint64_t epoch, int layout)
{
    struct call *call = call_begin(world, SERVER_SHARD, &world->people->query, STATE_NONE, NULL);
    call->shard = layout;
    call->in[0] = check_grab(world, grab_id)->partition;
    call->in[1] = (int64_t)grab_id;
    call->in[2] = (int64_t)epoch;
    call_send(world, call, shard_read_row, on_progress);
}

static void on_ask(struct world *world, void *what, int64_t request)
{
    const struct client_request *asked = what;
    (void)request;
    ask_status(world, asked->grab_id, asked->epoch, (int)chance_between(world, 0, SIM_LAYOUTS - 1));
}

/* ---- clients ---- */

void people_answered(struct world *world, int at, enum grab_answer answer, uint64_t grab_id, uint64_t epoch)
{
    static const char *const word[] = {"nothing yet", "success", "success, replayed",
                                       "refused",     "unknown", "unavailable"};
    struct sim_people *people = world->people;
    struct client_request *request = &people->request[at];
    TRACE(world, "request %d of user %" PRIu64 " for coupon %" PRIu64 " is answered %s, grab %" PRIu64, at,
          request->user, request->coupon, word[answer], grab_id);
    request->answered = true;
    request->answer = answer;
    request->grab_id = grab_id;
    request->epoch = epoch;
    for (int i = 0; answer == ANSWER_UNKNOWN && i < 3; i++)
        world_at(world, chance_between(world, SIM_MS, 4 * world_hold_us(world)), NULL, on_ask, request, at);
}

static int request_make(struct sim_people *people, uint64_t user, uint64_t coupon, const char *try_key)
{
    assert(people->request_count < REQUESTS_MAX);
    struct client_request *request = &people->request[people->request_count];
    *request = (struct client_request){.user = user, .coupon = coupon};
    assert(strlen(try_key) < TRY_BYTES);
    memcpy(request->try_key, try_key, strlen(try_key) + 1);
    return people->request_count++;
}

static void on_click(struct world *world, void *what, int64_t request)
{
    (void)what;
    TRACE(world, "request %d: user %" PRIu64 " grabs coupon %" PRIu64 ", key \"%s\"", (int)request,
          world->people->request[request].user, world->people->request[request].coupon,
          world->people->request[request].try_key);
    ingest_take(world, (int)chance_between(world, 0, SIM_INGESTS - 1), (int)request);
}

static void click_again(struct world *world, int request, int64_t at_us)
{
    const struct client_request *first = &world->people->request[request];
    int again = request_make(world->people, first->user, first->coupon, first->try_key);
    int64_t long_us = chance_permille(world, 300) ? 2 * world_hold_us(world) : 20 * SIM_MS;
    world_at(world, at_us + chance_between(world, 0, long_us), NULL, on_click, NULL, again);
}

/* Clicks come in bursts: what is rare needs several grabs at once. */
static void draw_clicks(struct world *world)
{
    static const char *const keys[] = {"", "a", "b"};
    int64_t bursts = chance_between(world, 1, 3), burst_us[3];
    for (int64_t i = 0; i < bursts; i++)
        burst_us[i] = chance_between(world, 20 * SIM_MS, world->setup.active_us / 2);
    for (int i = 0; i < world->setup.requests; i++) {
        const char *key = keys[chance_between(world, 0, 2)];
        int request = request_make(world->people, (uint64_t)chance_between(world, 1, world->setup.users),
                                   (uint64_t)chance_between(world, 1, world->setup.coupons), key);
        int64_t at_us =
            burst_us[chance_between(world, 0, bursts - 1)] + chance_between(world, 0, world_hold_us(world) / 2);
        world_at(world, at_us, NULL, on_click, NULL, request);
        if (chance_permille(world, 400))
            click_again(world, request, at_us);
    }
}

/* ---- admins: the coupon's row and its version, nothing else ---- */

static void act(struct world *world, int64_t coupon, bool gate_open, uint64_t more)
{
    struct coupon_row *row = &database_catalog(world)->coupon[coupon];
    row->gate_open = gate_open;
    row->total += more;
    row->version++;
    TRACE(world, "an admin: coupon %d has a total of %" PRIu64 " and is %s", (int)coupon + 1, row->total,
          gate_open ? "open" : "closed");
}

static void on_admin(struct world *world, void *what, int64_t coupon)
{
    (void)what;
    if (world->healed || database_catalog_is_away(world))
        return;
    const struct coupon_row *row = &database_catalog(world)->coupon[coupon];
    if (chance_permille(world, 500))
        act(world, coupon, row->gate_open, 1);
    else
        act(world, coupon, !row->gate_open, 0);
}

/* ---- after the faults: a unit that is free can be sold; every unknown is asked for; then it is quiet ---- */

static bool probe_next(struct world *world)
{
    struct sim_people *people = world->people;
    while (people->probed < world->setup.coupons) {
        uint64_t coupon = (uint64_t)people->probed + 1;
        const char *left = hash_get(redis_key(world, coupon, STOCK_STOCK), "left");
        if (lost_rows_close(world, coupon))
            left = NULL;
        if (left != NULL && atoll(left) > 0 && people->request_count == REQUESTS_MAX)
            return true; /* tried often enough */
        if (left != NULL && atoll(left) > 0) {
            people->probe = request_make(people, PROBE_USER + (uint64_t)people->request_count, coupon, "");
            people->request[people->probe].probe = true;
            on_click(world, NULL, people->probe);
            return true;
        }
        people->probed++;
    }
    return false;
}

static void ask_all(struct world *world)
{
    for (int i = 0; i < world->people->request_count; i++) {
        const struct client_request *request = &world->people->request[i];
        for (int l = 0; request->answer == ANSWER_UNKNOWN && l < SIM_LAYOUTS; l++) {
            const struct shard_data *data = database_shard(world, l);
            const struct shard_row *row = shard_find(data, request->grab_id);
            if (row == NULL && shard_has_lost(data, request->grab_id))
                continue;
            enum grab_status_word word =
                fold_status(row != NULL, row != NULL && row->ok, request->epoch,
                            data->progress[check_grab(world, request->grab_id)->partition].fold.epoch);
            check_status(world, request->grab_id, word);
            if (word == GRAB_STATUS_OPEN)
                world_violated(world, "I4", "grab %" PRIu64 " is still open at rest", request->grab_id);
        }
    }
}

/* A probe that was not sold, although its unit was free, is tried again: by then it must be. */
static void on_look(struct world *world, void *what, int64_t arg)
{
    struct sim_people *people = what;
    const char *why;
    (void)arg;
    world_at(world, LOOK_MS * SIM_MS, NULL, on_look, people, 0);
    if (!check_is_at_rest(world, &why))
        return;
    if (people->probe >= 0 && people->request[people->probe].answer == ANSWER_SUCCESS)
        people->probed++;
    if (people->probe >= 0 && !people->request[people->probe].answered)
        return;
    if (people->probed == 0 && people->probe < 0)
        check_at_rest(world);
    if (probe_next(world))
        return;
    check_at_rest(world);
    ask_all(world);
    world->quiet = true;
}

void people_heal(struct world *world)
{
    for (int i = 0; i < world->setup.coupons; i++)
        if (!database_catalog(world)->coupon[i].gate_open)
            act(world, i, true, 0);
    world_at(world, 0, NULL, on_look, world->people, 0);
}

static void no_restart(struct world *world, struct process *process)
{
    (void)world;
    (void)process;
    abort(); /* it is never killed */
}

void people_reset(struct world *world)
{
    struct sim_people *people = world->people;
    people->request_count = people->probed = 0;
    people->probe = -1;
    process_reset(world, &people->query, "query", 0, people, no_restart);
    draw_clicks(world);
    for (int64_t i = chance_between(world, 0, ADMIN_ACTS_MAX); i > 0; i--)
        world_at(world, chance_between(world, 0, world->setup.active_us), NULL, on_admin, NULL,
                 chance_between(world, 0, world->setup.coupons - 1));
}
