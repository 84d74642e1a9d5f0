#include "query/pool.h"

#include "core/buf.h"
#include "core/clock.h"
#include "query/round_thread.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pool {
    struct pool_options options;
    char name[POOL_NAME_MAX + 1];
    const char *address; /* inside options.url */
    pthread_t thread[POOL_CONNECTIONS_MAX];
    int thread_count;
    /* Under the lock. */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct pool_job *first, **last;
    int64_t waiting;
    bool stopping;
    bool failed; /* the last try to talk to the database */
    int64_t retry_at_us;
    struct err why;
};

/* ---- is the database there? ---- */

/* Under the lock. Lets one job through each retry_ms. */
static bool pool_refuses(struct pool *pool, struct pool_job *job, struct err *err)
{
    int64_t now_us = clock_boottime_us();
    if (!pool->failed || job->probe)
        return false;
    if (now_us < pool->retry_at_us) {
        *err = pool->why;
        return true;
    }
    pool->retry_at_us = now_us + pool->options.retry_ms * 1000;
    job->probe = true;
    return false;
}

static void pool_set_state(struct pool *pool, const struct err *why)
{
    pthread_mutex_lock(&pool->lock);
    pool->failed = why != NULL;
    if (why != NULL) {
        pool->why = *why;
        pool->retry_at_us = clock_boottime_us() + pool->options.retry_ms * 1000;
    }
    pthread_mutex_unlock(&pool->lock);
}

/* ---- a thread ---- */

/* A statement that nobody waits for any more should not go on in the server. It ends there clearly before the socket's
 * timeout: so one that is slow costs its own question alone, and only a server that says nothing has lost its connection,
 * and the database with it. Neither server knows the other's name for it. */
static void limit_statements(struct sql *sql, int64_t query_ms)
{
    char text[100];
    const int64_t ms = query_ms - query_ms / 10;
    struct err ignored = {0};
    snprintf(text, sizeof text, "SET SESSION max_statement_time = %lld.%03d", (long long)(ms / 1000), (int)(ms % 1000));
    if (sql_run_text(sql, text, &ignored) || !sql_alive(sql))
        return;
    snprintf(text, sizeof text, "SET SESSION max_execution_time = %lld", (long long)ms);
    (void)!sql_run_text(sql, text, &ignored);
}

static bool pool_connect(struct pool *pool, struct sql **sql, struct err *err)
{
    struct sql_options options = {.url = pool->options.url,
                                  .connect_timeout_ms = pool->options.connect_ms,
                                  .query_timeout_ms = pool->options.query_ms};
    if (!sql_open(&options, sql, err)) {
        *sql = NULL;
        return false;
    }
    limit_statements(*sql, pool->options.query_ms);
    if (pool->options.check == NULL || pool->options.check(*sql, pool->options.arg, err))
        return true;
    sql_close(*sql);
    *sql = NULL;
    return false;
}

static void drop_dead(struct sql **sql)
{
    if (*sql == NULL || sql_alive(*sql))
        return;
    sql_close(*sql);
    *sql = NULL;
}

/* On a connection that had been idle, a failure says only that the server went away some time ago: once more, on a new
 * one. */
static bool pool_try(struct pool *pool, struct sql **sql, struct pool_job *job, struct err *err)
{
    bool fresh;
    do {
        *err = (struct err){0};
        fresh = *sql == NULL;
        if (fresh && !pool_connect(pool, sql, err)) {
            pool_set_state(pool, err);
            return false;
        }
        bool good = job->run(job, *sql, err);
        drop_dead(sql);
        if (*sql != NULL) {
            if (fresh || job->probe)
                pool_set_state(pool, NULL);
            return good;
        }
    } while (!fresh && clock_boottime_us() < job->deadline_us);
    pool_set_state(pool, err);
    return false;
}

static bool pool_admits(struct pool *pool, struct pool_job *job, struct err *err)
{
    pthread_mutex_lock(&pool->lock);
    bool stopping = pool->stopping;
    bool refused = pool_refuses(pool, job, err);
    pthread_mutex_unlock(&pool->lock);
    if (stopping)
        return err_set(err, ERR_OUTAGE, "the service stops");
    if (refused)
        return false;
    return clock_boottime_us() < job->deadline_us ||
           err_set(err, ERR_OUTAGE, "the question waited for a connection until its deadline");
}

static void on_message(struct loop_msg *msg)
{
    struct pool_job *job = (struct pool_job *)msg;
    job->done(job);
}

static struct pool_job *pool_take(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->first == NULL && !pool->stopping)
        pthread_cond_wait(&pool->wake, &pool->lock);
    struct pool_job *job = pool->first;
    if (job != NULL) {
        pool->first = job->next;
        pool->waiting--;
        if (pool->first == NULL)
            pool->last = &pool->first;
    }
    pthread_mutex_unlock(&pool->lock);
    return job;
}

static void *pool_main(void *arg)
{
    struct pool *pool = arg;
    struct sql *sql = NULL;
    struct pool_job *job;
    while ((job = pool_take(pool)) != NULL) {
        job->good = pool_admits(pool, job, &job->err) && pool_try(pool, &sql, job, &job->err);
        loop_post(job->loop, &job->msg);
    }
    sql_close(sql);
    return NULL;
}

/* ---- from outside ---- */

bool pool_submit(struct pool *pool, struct pool_job *job, struct err *err)
{
    *job = (struct pool_job){
        .msg.fn = on_message, .loop = job->loop, .deadline_us = job->deadline_us, .run = job->run, .done = job->done};
    pthread_mutex_lock(&pool->lock);
    bool taken = !pool->stopping && pool->waiting < pool->options.jobs_max;
    if (!taken)
        (void)err_set(err, ERR_OUTAGE, "%lld questions wait for it already", (long long)pool->waiting);
    else
        taken = !pool_refuses(pool, job, err);
    if (taken) {
        *pool->last = job;
        pool->last = &job->next;
        pool->waiting++;
        pthread_cond_signal(&pool->wake);
    }
    pthread_mutex_unlock(&pool->lock);
    return taken;
}

const char *pool_address(const struct pool *pool)
{
    return pool->address;
}

const char *pool_name(const struct pool *pool)
{
    return pool->name;
}

/* "mysql://user:password@host:port/database" -> "host:port/database" */
static const char *address_of(const char *url)
{
    const char *at = strrchr(url, '@'), *slashes = strstr(url, "://");
    return at ? at + 1 : slashes ? slashes + 3 : url;
}

static void pool_free(struct pool *pool)
{
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

bool pool_start(const struct pool_options *options, struct pool **ret_pool, struct err *err)
{
    assert(options->connections > 0 && options->connections <= POOL_CONNECTIONS_MAX);
    if (!sql_check_url(options->url, err))
        return err_prefix(err, "%s", options->name);
    struct pool *pool = mem_alloc(sizeof *pool);
    pool->options = *options;
    snprintf(pool->name, sizeof pool->name, "%s", options->name);
    pool->address = address_of(options->url);
    pool->last = &pool->first;
    pthread_mutex_init(&pool->lock, NULL);
    round_cond_init(&pool->wake);
    for (; pool->thread_count < options->connections; pool->thread_count++) {
        int code = pthread_create(&pool->thread[pool->thread_count], NULL, pool_main, pool);
        if (code == 0)
            continue;
        (void)err_set(err, ERR_INTERNAL, "%s: a thread cannot be started: %s", pool->name, strerror(code));
        pool_stop(pool);
        return false;
    }
    *ret_pool = pool;
    return true;
}

void pool_stop(struct pool *pool)
{
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->thread_count; i++)
        pthread_join(pool->thread[i], NULL);
    pool_free(pool);
}
