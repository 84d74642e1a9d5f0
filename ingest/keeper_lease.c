#include "ingest/keeper_lease.h"

#include "core/clock.h"
#include "core/crash.h"
#include "core/log.h"
#include "core/sql.h"
#include "core/thread.h"
#include "core/token.h"
#include "schemas/catalog.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* In one length of the lease; how long one that stands by may miss that the lease was given back; how long one that was
 * stuck asks no more. A call takes half a lease at most, and never more than LEASE_CALL_MS_MAX: a keeper that ends waits
 * for the one that runs. */
enum { LEASE_RENEWALS = 3, LEASE_LOOK_MS_MAX = 500, LEASE_TURN_MS = 3 * LEASE_LOOK_MS_MAX, LEASE_CALL_MS_MAX = 2500 };

struct keeper_lease {
    const struct keeper_config *config;
    char holder[TOKEN_LEN + 1];
    char place[LEASE_PLACE_MAX + 1];
    struct sql *catalog; /* of the thread; before it starts and after it ended, of the caller */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    /* ---- under the lock ---- */
    bool ending;
    int64_t until_ms;                 /* CLOCK_BOOTTIME; 0: not held */
    int64_t stuck_at_ms;              /* of the work, when nothing more is heard of it */
    int64_t rest_ms;                  /* it was stuck: it asks no more before this, CLOCK_BOOTTIME */
    struct err err;                   /* of the last round */
    char leader[LEASE_PLACE_MAX + 1]; /* the place of another one that leads; "" : not known */
};

static struct value text_value(const char *text)
{
    return value_text(text, strlen(text));
}

/* Makes the role's row, too. A connection that could not is closed: the row is there whenever the connection is, or no
 * keeper would ever lead. */
static bool connect_catalog(struct keeper_lease *lease, struct err *err)
{
    if (lease->catalog != NULL)
        return true;
    int64_t half_ms = lease->config->lease_ms / 2;
    int64_t timeout_ms = half_ms < LEASE_CALL_MS_MAX ? half_ms : LEASE_CALL_MS_MAX;
    struct sql_options options = {
        .url = lease->config->mysql_catalog, .connect_timeout_ms = timeout_ms, .query_timeout_ms = timeout_ms};
    struct value role = text_value(LEADER_KEEPER);
    if (!sql_open(&options, &lease->catalog, err)) {
        lease->catalog = NULL;
        return false;
    }
    if (sql_run(lease->catalog, sql_leader_make, &role, 1, NULL, err))
        return true;
    sql_close(lease->catalog);
    lease->catalog = NULL;
    if (err->kind == ERR_MISSING)
        err_prefix(err, "the catalog is older than this keeper, run `weir init`");
    return false;
}

static bool take_leader(const struct value *cells, size_t count, void *arg)
{
    char *place = arg;
    if (count == 3 && cells[1].type == VALUE_TEXT && cells[1].len <= LEASE_PLACE_MAX) {
        memcpy(place, cells[1].text, cells[1].len);
        place[cells[1].len] = '\0';
    }
    return false;
}

/* `ret_held`: it is ours from before the statement was sent. */
static bool ask(struct keeper_lease *lease, bool *ret_held, char ret_leader[LEASE_PLACE_MAX + 1], struct err *err)
{
    uint64_t affected = 0;
    struct value lease_ms = value_i64(lease->config->lease_ms), role = text_value(LEADER_KEEPER);
    const struct value values[] = {text_value(lease->holder), text_value(lease->place), lease_ms, lease_ms, role,
                                   text_value(lease->holder)};
    if (!connect_catalog(lease, err) ||
        !sql_run(lease->catalog, sql_leader_take, values, sizeof values / sizeof *values, &affected, err))
        return false;
    *ret_held = affected == 1;
    return *ret_held || sql_select(lease->catalog, sql_leader_read, &role, 1, take_leader, ret_leader, err);
}

static void give_back(struct keeper_lease *lease)
{
    struct err err = {0};
    const struct value values[] = {text_value(LEADER_KEEPER), text_value(lease->holder)};
    if (lease->catalog == NULL)
        return;
    if (!sql_run(lease->catalog, sql_leader_give, values, 2, NULL, &err))
        log_warn("the lease of the keeper was not given back; it runs out by itself", LOG_ERR(&err));
}

/* One that stands by asks within LEASE_LOOK_MS_MAX: it has its turn, when there is one. */
static bool rests(struct keeper_lease *lease)
{
    int64_t now_ms = clock_boottime_ms();
    pthread_mutex_lock(&lease->lock);
    bool stuck = lease->until_ms > 0 && now_ms >= lease->stuck_at_ms;
    if (stuck) {
        lease->until_ms = 0;
        lease->rest_ms = now_ms + LEASE_TURN_MS;
    }
    bool resting = now_ms < lease->rest_ms;
    pthread_mutex_unlock(&lease->lock);
    if (stuck) {
        log_warn("this keeper comes no further: another one has its turn");
        give_back(lease);
    }
    return resting;
}

/* A round that failed takes nothing away: what is held runs out by itself. */
static void renew(struct keeper_lease *lease)
{
    if (rests(lease))
        return;
    struct err err = {0};
    char leader[LEASE_PLACE_MAX + 1] = "";
    bool held = false;
    int64_t sent_ms = clock_boottime_ms();
    bool good = ask(lease, &held, leader, &err);
    if (good && held)
        CRASH_POINT("keeper.lease_taken");
    if (!good && lease->catalog != NULL && !sql_alive(lease->catalog)) {
        sql_close(lease->catalog);
        lease->catalog = NULL;
    }
    pthread_mutex_lock(&lease->lock);
    if (good && held && lease->until_ms == 0)
        lease->stuck_at_ms = sent_ms + lease->config->stuck_ms; /* its turn begins */
    if (good)
        lease->until_ms = held ? sent_ms + lease->config->lease_ms : 0;
    lease->err = err;
    memcpy(lease->leader, leader, sizeof leader);
    pthread_mutex_unlock(&lease->lock);
    if (!good)
        log_warn("the lease of the keeper could not be asked for; it is tried again", LOG_ERR(&err));
}

/* Lock held. False: it is ending. */
static bool rest(struct keeper_lease *lease)
{
    struct timespec until;
    int64_t rest_ms = lease->config->lease_ms / LEASE_RENEWALS;
    if (lease->until_ms == 0 && rest_ms > LEASE_LOOK_MS_MAX)
        rest_ms = LEASE_LOOK_MS_MAX;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + rest_ms % 1000 * 1000000;
    until.tv_sec += rest_ms / 1000 + ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    while (!lease->ending && pthread_cond_timedwait(&lease->wake, &lease->lock, &until) == 0)
        ;
    return !lease->ending;
}

static void *run(void *arg)
{
    struct keeper_lease *lease = arg;
    pthread_mutex_lock(&lease->lock);
    while (rest(lease)) {
        pthread_mutex_unlock(&lease->lock);
        renew(lease);
        pthread_mutex_lock(&lease->lock);
    }
    pthread_mutex_unlock(&lease->lock);
    return NULL;
}

struct keeper_lease *keeper_lease_start(const struct keeper_config *config)
{
    struct keeper_lease *lease = mem_alloc(sizeof *lease);
    pthread_condattr_t attributes;
    *lease = (struct keeper_lease){.config = config};
    token_make(lease->holder);
    snprintf(lease->place, sizeof lease->place, "%s:%lld", config->http_host, (long long)config->http_port);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&lease->lock, NULL);
    pthread_cond_init(&lease->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    renew(lease);
    thread_start(&lease->thread, run, lease, "the keeper's lease");
    return lease;
}

bool keeper_lease_held(struct keeper_lease *lease, struct err *err)
{
    pthread_mutex_lock(&lease->lock);
    bool held = clock_boottime_ms() < lease->until_ms;
    if (!held && lease->err.kind != ERR_NONE)
        *err = lease->err;
    pthread_mutex_unlock(&lease->lock);
    return held;
}

void keeper_lease_go_on(struct keeper_lease *lease, int64_t until_ms)
{
    pthread_mutex_lock(&lease->lock);
    if (lease->stuck_at_ms < until_ms)
        lease->stuck_at_ms = until_ms;
    pthread_mutex_unlock(&lease->lock);
}

bool keeper_lease_tell(struct keeper_lease *lease, char ret_text[LEASE_TELL_MAX])
{
    pthread_mutex_lock(&lease->lock);
    bool held = clock_boottime_ms() < lease->until_ms;
    if (held)
        snprintf(ret_text, LEASE_TELL_MAX, "leads");
    else
        snprintf(ret_text, LEASE_TELL_MAX, "stands by: %s leads", lease->leader[0] != '\0' ? lease->leader : "nobody");
    pthread_mutex_unlock(&lease->lock);
    return held;
}

void keeper_lease_stop(struct keeper_lease *lease)
{
    if (lease == NULL)
        return;
    pthread_mutex_lock(&lease->lock);
    lease->ending = true;
    pthread_cond_signal(&lease->wake);
    pthread_mutex_unlock(&lease->lock);
    pthread_join(lease->thread, NULL);
    if (lease->until_ms > 0)
        give_back(lease);
    sql_close(lease->catalog);
    pthread_mutex_destroy(&lease->lock);
    pthread_cond_destroy(&lease->wake);
    free(lease);
}
