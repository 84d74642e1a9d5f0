#include "ingest/admin_work.h"

#include "core/buf.h"
#include "core/log.h"
#include "core/sql.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct admin_worker {
    const char *catalog_url;
    int64_t mysql_ms;
    struct sql *sql; /* the thread's */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct admin_job *first, *last; /* under the lock, like all below */
    int waiting;
    bool stopping;
};

static bool worker_sql(struct admin_worker *worker, struct err *err)
{
    if (worker->sql != NULL && sql_alive(worker->sql))
        return true;
    sql_close(worker->sql);
    worker->sql = NULL;
    struct sql_options options = {
        .url = worker->catalog_url, .connect_timeout_ms = 2000, .query_timeout_ms = worker->mysql_ms};
    return sql_open(&options, &worker->sql, err);
}

/* ---- the writes; each inside the transaction that admin_write holds ---- */

static bool coupon_insert(struct sql *sql, struct admin_job *job, struct err *err)
{
    const struct admin_create *create = &job->create;
    const struct coupon *coupon = &create->coupon;
    struct value row[] = {
        coupon->coupon_id ? value_u64(coupon->coupon_id) : value_null(),
        value_u64(coupon->room_id),
        value_text(coupon->title, strlen(coupon->title)),
        value_u64(coupon->total),
        value_u64(coupon->per_user_limit),
        value_i64(coupon->opens_at_ms),
        value_i64(coupon->ends_at_ms),
        coupon->gate_open ? value_text("open", 4) : value_text("closed", 6),
        value_i64(coupon->hold_ms),
    };
    int64_t made_id = (int64_t)coupon->coupon_id;
    if (!sql_run(sql, sql_coupon_make, row, sizeof row / sizeof *row, NULL, err))
        return false;
    if (made_id == 0 && !sql_select_i64(sql, "SELECT LAST_INSERT_ID()", NULL, 0, &made_id, err))
        return false;
    job->coupon_id = (uint64_t)made_id;
    struct value details[] = {value_u64(job->coupon_id), value_text(create->description, strlen(create->description)),
                              value_text(create->terms, strlen(create->terms))};
    return sql_run(sql, sql_coupon_details_make, details, 3, NULL, err);
}

/* The row's own lock is taken by the UPDATE, so what is read after it is this operation's. */
static bool coupon_update(struct sql *sql, struct admin_job *job, struct err *err)
{
    uint64_t rows = 0;
    struct value id = value_u64(job->coupon_id);
    struct value restock[] = {value_u64(job->add), id};
    struct value gate[] = {job->action == ADMIN_OPEN ? value_text("open", 4) : value_text("closed", 6), id};
    bool restocks = job->action == ADMIN_RESTOCK;
    if (!sql_run(sql, restocks ? sql_coupon_restock : sql_coupon_gate, restocks ? restock : gate, 2, &rows, err))
        return false;
    if (rows == 1)
        return true;
    job->result = ADMIN_NO_COUPON;
    return err_set(err, ERR_MISSING, "There is no coupon %llu.", (unsigned long long)job->coupon_id);
}

struct coupon_read {
    struct coupon coupon;
    struct err *err;
    bool found;
};

static bool on_coupon(const struct value *cells, size_t count, void *arg)
{
    struct coupon_read *read = arg;
    read->found = coupon_from_cells(cells, count, &read->coupon, read->err);
    return false;
}

static bool coupon_read_back(struct sql *sql, struct admin_job *job, struct err *err)
{
    struct coupon_read read = {.err = err};
    struct value id = value_u64(job->coupon_id);
    if (!sql_select(sql, sql_coupon_read, &id, 1, on_coupon, &read, err))
        return false;
    if (!read.found)
        return err->kind != ERR_NONE ? false : err_set(err, ERR_INTERNAL, "the coupon just written is not there");
    job->coupon = read.coupon;
    if (job->coupon.total <= ADMIN_TOTAL_MAX)
        return true;
    job->result = ADMIN_TOO_MANY;
    return err_set(err, ERR_USAGE, "The total would be over %llu.", (unsigned long long)ADMIN_TOTAL_MAX);
}

static bool stock_log_write(struct sql *sql, const struct admin_job *job, struct err *err)
{
    static const char *const action[] = {
        [ADMIN_CREATE] = "create", [ADMIN_RESTOCK] = "restock", [ADMIN_OPEN] = "open", [ADMIN_CLOSE] = "close"};
    int64_t epoch = 0;
    if (!sql_select_i64(sql, sql_epoch_read, NULL, 0, &epoch, err))
        return false;
    uint64_t total = job->coupon.total;
    uint64_t before = job->action == ADMIN_CREATE ? 0 : total - job->add;
    const char *word = action[job->action];
    struct value row[] = {value_u64(job->coupon_id),
                          value_text(word, strlen(word)),
                          value_u64(before),
                          value_u64(total),
                          value_null(),
                          value_null(),
                          value_i64(epoch),
                          value_text("admin request", 13)};
    return sql_run(sql, sql_stock_log, row, sizeof row / sizeof *row, NULL, err);
}

static bool write_in_transaction(struct sql *sql, struct admin_job *job, struct err *err)
{
    bool written = job->action == ADMIN_CREATE ? coupon_insert(sql, job, err) : coupon_update(sql, job, err);
    if (!written || !coupon_read_back(sql, job, err) || !stock_log_write(sql, job, err))
        return false;
    if (sql_commit(sql, err))
        return true;
    job->result = ADMIN_NOT_KNOWN; /* even where the connection lives the server may have done it */
    return false;
}

/* Nothing has been written yet, so a connection that ended while it was idle is replaced, once. */
static bool transaction_begin(struct admin_worker *worker, struct err *err)
{
    if (!worker_sql(worker, err))
        return false;
    if (sql_begin(worker->sql, err))
        return true;
    return !sql_alive(worker->sql) && worker_sql(worker, err) && sql_begin(worker->sql, err);
}

static void admin_write(struct admin_worker *worker, struct admin_job *job)
{
    struct err *err = &job->err;
    job->result = ADMIN_AWAY;
    if (!transaction_begin(worker, err))
        return;
    if (write_in_transaction(worker->sql, job, err)) {
        job->result = ADMIN_DONE;
        return;
    }
    if (err->kind == ERR_DUPLICATE)
        job->result = ADMIN_EXISTS;
    sql_rollback(worker->sql);
}

/* The client hears what became of it; why, a person here must know. */
static void tell_failed(const struct admin_job *job)
{
    if (job->result == ADMIN_AWAY)
        log_warn("an admin's change was not written", LOG_INT("coupon", job->coupon_id), LOG_ERR(&job->err));
    if (job->result == ADMIN_NOT_KNOWN)
        log_warn("an admin's change may have been written, or not: its COMMIT had no answer",
                 LOG_INT("coupon", job->coupon_id), LOG_ERR(&job->err));
}

/* ---- the thread ---- */

/* NULL: the worker stops and nothing waits. */
static struct admin_job *job_take(struct admin_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    while (worker->first == NULL && !worker->stopping)
        pthread_cond_wait(&worker->wake, &worker->lock);
    struct admin_job *job = worker->first;
    if (job != NULL) {
        worker->first = job->next;
        worker->waiting--;
        if (worker->first == NULL)
            worker->last = NULL;
    }
    pthread_mutex_unlock(&worker->lock);
    return job;
}

static void *worker_main(void *arg)
{
    struct admin_worker *worker = arg;
    for (struct admin_job *job; (job = job_take(worker)) != NULL;) {
        admin_write(worker, job);
        tell_failed(job);
        loop_post(job->loop, &job->done);
    }
    sql_close(worker->sql);
    return NULL;
}

bool admin_worker_give(struct admin_worker *worker, struct admin_job *job)
{
    pthread_mutex_lock(&worker->lock);
    bool room = worker->waiting < ADMIN_JOBS_MAX && !worker->stopping;
    if (room) {
        job->next = NULL;
        if (worker->last != NULL)
            worker->last->next = job;
        else
            worker->first = job;
        worker->last = job;
        worker->waiting++;
        pthread_cond_signal(&worker->wake);
    }
    pthread_mutex_unlock(&worker->lock);
    return room;
}

bool admin_worker_start(const char *catalog_url, int64_t mysql_ms, struct admin_worker **ret_worker, struct err *err)
{
    struct admin_worker *worker = mem_alloc(sizeof *worker);
    worker->catalog_url = catalog_url;
    worker->mysql_ms = mysql_ms;
    pthread_mutex_init(&worker->lock, NULL);
    pthread_cond_init(&worker->wake, NULL);
    int code = pthread_create(&worker->thread, NULL, worker_main, worker);
    if (code != 0) {
        free(worker);
        return err_set(err, ERR_INTERNAL, "the admin thread cannot be started: %s", strerror(code));
    }
    *ret_worker = worker;
    return true;
}

void admin_worker_stop(struct admin_worker *worker)
{
    if (worker == NULL)
        return;
    pthread_mutex_lock(&worker->lock);
    worker->stopping = true;
    pthread_cond_signal(&worker->wake);
    pthread_mutex_unlock(&worker->lock);
    pthread_join(worker->thread, NULL);
    assert(worker->first == NULL);
    pthread_cond_destroy(&worker->wake);
    pthread_mutex_destroy(&worker->lock);
    free(worker);
}
