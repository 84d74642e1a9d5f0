#include "workers/tables.h"

#include "core/buf.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/sql.h"
#include "core/thread.h"
#include "schemas/ddl.h"
#include "workers/retry.h"
#include "workers/table_check.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { LOOK_MS = 30000, RETRY_MS_MIN = 100, RETRY_MS_MAX = 5000, MADE_MAX = 64 };

struct tables {
    struct tables_options options;
    pthread_t thread;
    pthread_mutex_t lock; /* of `stop` and `asked` */
    pthread_cond_t changed;
    bool stop;
    size_t asked_count;
    int64_t asked[TABLES_ASKED_MAX];
    /* The thread's own. */
    struct sql *sql;
    int64_t made[MADE_MAX]; /* a ring: what was made lately is not made again */
    size_t made_count;
};

static bool made_has(const struct tables *tables, int64_t slot)
{
    const size_t count = tables->made_count < MADE_MAX ? tables->made_count : MADE_MAX;
    for (size_t i = 0; i < count; i++)
        if (tables->made[i] == slot)
            return true;
    return false;
}

static bool tables_connect(struct tables *tables, struct err *err)
{
    if (tables->sql && sql_alive(tables->sql))
        return true;
    sql_close(tables->sql);
    tables->sql = NULL;
    const struct sql_options options = {.url = tables->options.url,
                                        .connect_timeout_ms = tables->options.connect_timeout_ms,
                                        .query_timeout_ms = tables->options.query_timeout_ms};
    return sql_open(&options, &tables->sql, err);
}

/* A table that rows were stored in and that is gone must be put back, not made anew. */
static bool table_check_not_lost(struct tables *tables, int64_t slot, const char *name, struct err *err)
{
    const struct tables_options *o = &tables->options;
    struct table_day known;
    if (!table_day_read(tables->sql, o->stream, o->keys->layout, (int32_t)slot, &known, err))
        return false;
    if (!table_day_lost(&known, (int32_t)slot, day_of_ms(clock_realtime_ms(), o->offset_min)))
        return true;
    return err_set(err, ERR_CONFLICT,
                   "The table %s on %s is gone, but its totals say that rows were stored in it: put it back. It is not "
                   "made anew, and its partitions wait.",
                   name, sql_where(tables->sql));
}

static bool table_make(struct tables *tables, int64_t slot, struct err *err)
{
    char name[TABLE_NAME_MAX];
    struct buf text = {0};
    tables->options.keys->layout->table(tables->options.stream, slot, name);
    ddl_table(tables->options.stream, tables->options.keys, name, &text);
    const bool made = tables_connect(tables, err) && table_check_not_lost(tables, slot, name, err) &&
                      sql_run_text(tables->sql, text.data, err);
    buf_free(&text);
    if (made && !made_has(tables, slot)) {
        tables->made[tables->made_count++ % MADE_MAX] = slot;
        log_info("table is there", LOG_STR("table", name), LOG_STR("shard", sql_where(tables->sql)));
    }
    return made;
}

static bool tables_make_ahead(struct tables *tables, struct err *err)
{
    const int32_t today = day_of_ms(clock_realtime_ms(), tables->options.offset_min);
    for (int32_t day = today; day <= today + tables->options.days_ahead; day++)
        if (!made_has(tables, day) && !table_make(tables, day, err))
            return false;
    return true;
}

static bool tables_make_asked(struct tables *tables, struct err *err)
{
    pthread_mutex_lock(&tables->lock);
    while (tables->asked_count > 0) {
        const int64_t slot = tables->asked[tables->asked_count - 1];
        pthread_mutex_unlock(&tables->lock);
        if (!table_make(tables, slot, err))
            return false;
        pthread_mutex_lock(&tables->lock);
        for (size_t i = 0; i < tables->asked_count; i++)
            if (tables->asked[i] == slot)
                tables->asked[i] = tables->asked[--tables->asked_count];
    }
    pthread_mutex_unlock(&tables->lock);
    return true;
}

/* Until stop, a wish (unless `failed`: then the wishes are old), or `ms`. False: stop. */
static bool tables_wait(struct tables *tables, int64_t ms, bool failed)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&tables->lock);
    while (!tables->stop && (failed || tables->asked_count == 0))
        if (pthread_cond_timedwait(&tables->changed, &tables->lock, &until) == ETIMEDOUT)
            break;
    const bool stop = tables->stop;
    pthread_mutex_unlock(&tables->lock);
    return !stop;
}

static void *tables_run(void *arg)
{
    struct tables *tables = arg;
    struct retry retry;
    retry_init(&retry, RETRY_MS_MIN, RETRY_MS_MAX, (uint64_t)clock_boottime_us());
    bool done;
    do {
        struct err err = {0};
        done = tables_make_asked(tables, &err) && tables_make_ahead(tables, &err);
        if (done)
            retry_reset(&retry);
        else
            log_warn("cannot make the tables of days; trying again", LOG_ERR(&err));
    } while (tables_wait(tables, done ? LOOK_MS : retry_next_ms(&retry), !done));
    sql_close(tables->sql);
    return NULL;
}

struct tables *tables_start(const struct tables_options *options)
{
    struct tables *tables = mem_alloc(sizeof *tables);
    tables->options = *options;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&tables->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&tables->lock, NULL);
    thread_start(&tables->thread, tables_run, tables, "the tables of days");
    return tables;
}

void tables_ask(struct tables *tables, int64_t slot)
{
    if (!tables)
        return;
    pthread_mutex_lock(&tables->lock);
    bool there = tables->asked_count == TABLES_ASKED_MAX;
    for (size_t i = 0; i < tables->asked_count; i++)
        there |= tables->asked[i] == slot;
    if (!there)
        tables->asked[tables->asked_count++] = slot;
    pthread_cond_signal(&tables->changed);
    pthread_mutex_unlock(&tables->lock);
}

void tables_stop(struct tables *tables)
{
    if (!tables)
        return;
    pthread_mutex_lock(&tables->lock);
    tables->stop = true;
    pthread_cond_signal(&tables->changed);
    pthread_mutex_unlock(&tables->lock);
    pthread_join(tables->thread, NULL);
    pthread_cond_destroy(&tables->changed);
    pthread_mutex_destroy(&tables->lock);
    free(tables);
}
