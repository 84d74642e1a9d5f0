#include "ingest/catalog_reader.h"

#include "core/clock.h"
#include "core/kafka.h"
#include "core/log.h"
#include "core/service.h"
#include "core/sql.h"
#include "ingest/coupon_rows.h"
#include "ingest/id_lease.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    CATALOG_LOOPS_MAX = 64,
    CATALOG_CONNECT_MS = 2000,
    PARTITIONS_ASK_MS = 10000,     /* between two questions, once the answer is known */
    PARTITIONS_FIRST_MS = 1000,    /* deadline while it is not: no grab is taken then */
    PARTITIONS_DEADLINE_MS = 200,  /* and after: copies wait for it */
    CATALOG_READ_PAUSE_MS_MIN = 20 /* also when a read takes longer than read_ms */
};

struct catalog_reader {
    struct catalog_reader_options options;
    struct service_part *catalog_part, *ids_part;
    struct sql *sql;
    struct kafka_admin *admin;
    int64_t catalog_partitions; /* of the last copy */
    int broker_partitions;      /* 0: not known yet */
    struct coupon_rows rows;
    int64_t partitions_asked_ms;
    int64_t covered_ms[CATALOG_LOOPS_MAX]; /* end of the last span of each loop */
    bool was_good;                         /* the last round read the catalog, or an outage came after one that did */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping; /* under the lock */
};

static bool reader_sql(struct catalog_reader *reader, struct err *err)
{
    if (reader->sql != NULL && sql_alive(reader->sql))
        return true;
    sql_close(reader->sql);
    reader->sql = NULL;
    struct sql_options options = {.url = reader->options.catalog_url,
                                  .connect_timeout_ms = CATALOG_CONNECT_MS,
                                  .query_timeout_ms = reader->options.mysql_ms};
    return sql_open(&options, &reader->sql, err);
}

struct meta {
    int64_t partitions;
    bool found;
};

static bool on_meta(const struct value *cells, size_t count, void *arg)
{
    struct meta *meta = arg;
    if (count >= 3)
        *meta = (struct meta){.partitions = cells[2].i64, .found = true};
    return false;
}

struct coupons_read {
    struct coupon_rows *rows;
    struct catalog_copy *copy;
    struct err *err;
    bool failed;
};

static bool on_coupon(const struct value *cells, size_t count, void *arg)
{
    struct coupons_read *read = arg;
    struct coupon coupon;
    if (coupon_rows_take(read->rows, cells, count, &coupon) && !catalog_copy_add(read->copy, &coupon))
        read->failed = !err_set(read->err, ERR_DATA, "the catalog has more than %d coupons", CATALOG_COPY_COUPONS_MAX);
    return !read->failed;
}

/* The broker's count is asked for until it is known, and then now and then: a recreated topic may have another. */
static bool partitions_learn(struct catalog_reader *reader, struct err *err)
{
    int64_t now_ms = clock_boottime_ms();
    bool known = reader->broker_partitions > 0;
    if (known && now_ms - reader->partitions_asked_ms < PARTITIONS_ASK_MS)
        return true;
    reader->partitions_asked_ms = now_ms;
    if (reader->admin == NULL && !kafka_admin_open(reader->options.brokers, "weir-ingest-admin", &reader->admin, err))
        return false;
    int count = 0;
    if (kafka_admin_partitions(reader->admin, reader->options.topic,
                               known ? PARTITIONS_DEADLINE_MS : PARTITIONS_FIRST_MS, &count, err)) {
        reader->broker_partitions = count;
        return true;
    }
    if (err->kind == ERR_MISSING)
        reader->broker_partitions = 0;
    if (reader->broker_partitions > 0)
        *err = (struct err){0}; /* away for a while: what was known still holds */
    return reader->broker_partitions > 0;
}

static bool copy_read(struct catalog_reader *reader, struct catalog_copy *copy, struct err *err)
{
    struct meta meta = {0};
    if (!reader_sql(reader, err) || !sql_select(reader->sql, sql_meta_read, NULL, 0, on_meta, &meta, err))
        return false;
    if (!meta.found || meta.partitions <= 0)
        return err_set(err, ERR_MISSING, "%s has no row in meta; run weir init", sql_where(reader->sql));
    struct coupons_read read = {.rows = &reader->rows, .copy = copy, .err = err};
    coupon_rows_begin(&reader->rows);
    if (!sql_select(reader->sql, sql_coupons_read, NULL, 0, on_coupon, &read, err) || read.failed)
        return false;
    coupon_rows_end(&reader->rows);
    catalog_copy_sort(copy);
    reader->catalog_partitions = meta.partitions;
    return true;
}

/* A copy with partitions 0 is handed out too: what it says of coupons holds, but no grab is taken on it. */
static bool copy_publish(struct catalog_reader *reader, struct err *err)
{
    struct catalog_copy *copy = catalog_copy_new(clock_boottime_us());
    bool good = copy_read(reader, copy, err);
    if (good) {
        bool same = reader->broker_partitions == reader->catalog_partitions;
        copy->partitions = same ? reader->broker_partitions : 0;
        reader->options.on_copy(copy, reader->options.arg);
    }
    catalog_copy_unref(copy);
    return good;
}

/* The copy of this round is out already: what is learnt here goes out with the next one, which then comes at once. */
static bool partitions_agree(struct catalog_reader *reader, bool *ret_news, struct err *err)
{
    int before = reader->broker_partitions;
    bool known = partitions_learn(reader, err);
    *ret_news = reader->broker_partitions != before;
    if (!known || reader->broker_partitions == reader->catalog_partitions)
        return known;
    return err_set(err, ERR_CONFLICT,
                   "topic %s has %d partitions, the catalog says %d; they must be equal, and no grab is taken",
                   reader->options.topic, reader->broker_partitions, (int)reader->catalog_partitions);
}

static bool span_take(struct catalog_reader *reader, int loop, struct err *err)
{
    struct id_span span;
    if (!reader_sql(reader, err) ||
        !id_lease_take(reader->sql, reader->covered_ms[loop], clock_realtime_ms(), reader->options.span_ms, &span, err))
        return false;
    reader->covered_ms[loop] = span.end_ms;
    reader->options.on_span(loop, &span, reader->options.arg);
    log_debug("span of ids leased", LOG_INT("loop", loop), LOG_INT("node", span.node),
              LOG_INT("begin_ms", span.begin_ms), LOG_INT("end_ms", span.end_ms));
    return true;
}

static void spans_take(struct catalog_reader *reader)
{
    struct err err = {0};
    bool all_covered = true;
    for (int i = 0; i < reader->options.loops; i++) {
        if (reader->options.span_wanted(i, reader->options.arg))
            (void)span_take(reader, i, &err);
        all_covered = all_covered && reader->covered_ms[i] > clock_realtime_ms();
    }
    service_part_set(reader->ids_part, all_covered, err.text);
}

/* A catalog that goes away later takes no readiness with it: grabs of known coupons go on for as long as there are
 * ids. */
static void reader_round(struct catalog_reader *reader, bool *ret_news)
{
    struct err err = {0};
    bool good = copy_publish(reader, &err) && partitions_agree(reader, ret_news, &err);
    bool outage = !good && err.kind == ERR_OUTAGE && reader->was_good;
    service_part_away(reader->catalog_part, outage ? "grabs go on with what was read before" : NULL, err.text);
    if (!outage)
        service_part_set(reader->catalog_part, good, err.text);
    reader->was_good = good || outage;
    spans_take(reader);
}

/* True when the reader shall stop. */
static bool reader_wait(struct catalog_reader *reader, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + ms % 1000 * 1000000;
    until.tv_sec += ms / 1000 + ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    pthread_mutex_lock(&reader->lock);
    int waited = 0;
    while (!reader->stopping && waited == 0)
        waited = pthread_cond_timedwait(&reader->wake, &reader->lock, &until);
    bool stopping = reader->stopping;
    pthread_mutex_unlock(&reader->lock);
    return stopping;
}

static void *reader_main(void *arg)
{
    struct catalog_reader *reader = arg;
    int64_t pause_ms;
    do {
        int64_t begun_ms = clock_boottime_ms();
        bool news = false;
        reader_round(reader, &news);
        pause_ms = begun_ms + (news ? 0 : reader->options.read_ms) - clock_boottime_ms();
    } while (!reader_wait(reader, pause_ms > CATALOG_READ_PAUSE_MS_MIN ? pause_ms : CATALOG_READ_PAUSE_MS_MIN));
    sql_close(reader->sql);
    if (reader->admin != NULL)
        kafka_admin_close(reader->admin);
    return NULL;
}

static void reader_free(struct catalog_reader *reader)
{
    pthread_cond_destroy(&reader->wake);
    pthread_mutex_destroy(&reader->lock);
    free(reader);
}

bool catalog_reader_start(const struct catalog_reader_options *options, struct catalog_reader **ret_reader,
                          struct err *err)
{
    if (options->loops > CATALOG_LOOPS_MAX)
        return err_set(err, ERR_USAGE, "more than %d loops", CATALOG_LOOPS_MAX);
    struct catalog_reader *reader = mem_alloc(sizeof *reader);
    reader->options = *options;
    reader->catalog_part = service_part("catalog");
    reader->ids_part = service_part("ids");
    pthread_mutex_init(&reader->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&reader->wake, &attr);
    pthread_condattr_destroy(&attr);
    int code = pthread_create(&reader->thread, NULL, reader_main, reader);
    if (code != 0) {
        reader_free(reader);
        return err_set(err, ERR_INTERNAL, "the catalog's thread cannot be started: %s", strerror(code));
    }
    *ret_reader = reader;
    return true;
}

void catalog_reader_stop(struct catalog_reader *reader)
{
    if (reader == NULL)
        return;
    pthread_mutex_lock(&reader->lock);
    reader->stopping = true;
    pthread_cond_signal(&reader->wake);
    pthread_mutex_unlock(&reader->lock);
    pthread_join(reader->thread, NULL);
    reader_free(reader);
}
