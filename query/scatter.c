#include "query/scatter.h"

#include "core/clock.h"
#include "core/crash.h"
#include "core/log.h"
#include "core/planted.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { RETRY_AFTER_S = 1 };

/* ---- its end ---- */

static void part_free(struct scatter_part *part)
{
    if (part->free != NULL)
        part->free(part);
    else
        free(part);
}

static void scatter_free(struct scatter *scatter)
{
    for (size_t i = 0; i < scatter->count; i++)
        part_free(scatter->part[i]);
    loop_timer_free(scatter->timer);
    map_unref(scatter->map);
    if (scatter->end != NULL)
        scatter->end(scatter);
    else
        free(scatter);
}

/* The request is answered, or somebody else's. */
static struct http_req *scatter_end_request(struct scatter *scatter)
{
    struct http_req *req = scatter->req;
    assert(req != NULL);
    scatter->req = NULL;
    loop_timer_cancel(scatter->timer);
    return req;
}

static void count_answer(struct query_loop *loop, const struct http_req *req, enum read_kind kind)
{
    int64_t us = clock_boottime_us() - http_req_start_us(req);
    metric_add(loop->query->metrics.requests[kind], 1);
    metric_observe_us(loop->query->metrics.seconds[kind], us > 0 ? (uint64_t)us : 0);
}

void scatter_answer_json(struct scatter *scatter)
{
    if (!scatter_complete(scatter))
        metric_add(scatter->owner->query->metrics.partial, 1);
    struct http_req *req = scatter_end_request(scatter);
    count_answer(scatter->owner, req, scatter->kind);
    CRASH_POINT("query.before_answer");
    http_respond_json(req, 200, &scatter->owner->json);
}

static void respond_fault(struct http_req *req, enum read_kind kind, const struct question_fault *fault)
{
    count_answer(http_req_state(req), req, kind);
    http_respond_problem(req, fault->status, fault->code, fault->detail, fault->status == 503 ? RETRY_AFTER_S : 0);
}

void scatter_answer_fault(struct scatter *scatter, const struct question_fault *fault)
{
    respond_fault(scatter_end_request(scatter), scatter->kind, fault);
}

struct http_req *scatter_give(struct scatter *scatter)
{
    return scatter_end_request(scatter);
}

void scatter_refuse(struct http_req *req, enum read_kind kind, const struct question_fault *fault)
{
    respond_fault(req, kind, fault);
}

void scatter_cancel(struct scatter *scatter, const struct question_fault *fault)
{
    assert(scatter->out == 0);
    scatter_answer_fault(scatter, fault);
    scatter_free(scatter);
}

/* ---- what has come in ---- */

bool scatter_complete(const struct scatter *scatter)
{
    for (size_t i = 0; i < scatter->count; i++)
        if (scatter->part[i]->state != PART_GOOD)
            return false;
    return true;
}

static const struct scatter_part *first_failed(const struct scatter *scatter)
{
    for (size_t i = 0; i < scatter->count; i++) {
        const struct scatter_part *part = scatter->part[i];
        if (part->state == PART_FAILED && (!scatter->tolerant || part->shard == SCATTER_CATALOG || part->asks_too_much))
            return part;
    }
    return NULL;
}

static void answer_failed(struct scatter *scatter, const struct scatter_part *part)
{
    struct question_fault fault = {
        .status = 503, .code = part->shard == SCATTER_CATALOG ? "catalog_unavailable" : "shard_unavailable"};
    if (part->asks_too_much) {
        fault.status = 422;
        fault.code = "question_too_large";
    }
    snprintf(fault.detail, sizeof fault.detail, "%s", part->why);
    scatter_answer_fault(scatter, &fault);
}

/* Answers when it can, and frees when nobody holds the struct any more: `scatter` may be gone afterwards. */
static void scatter_step(struct scatter *scatter)
{
    if (scatter->req != NULL) {
        const struct scatter_part *failed = first_failed(scatter);
        if (failed != NULL) {
            answer_failed(scatter, failed);
        } else if (scatter->waiting == 0 || scatter->late) {
            buf_reset(&scatter->owner->json);
            scatter->answer(scatter);
        }
    }
    assert(scatter->req == NULL || scatter->waiting > 0);
    if (scatter->req == NULL && scatter->out == 0)
        scatter_free(scatter);
}

static const struct pool *pool_of(const struct scatter_part *part)
{
    const struct query *query = part->scatter->owner->query;
    return part->shard == SCATTER_CATALOG ? query->catalog : query->shard[part->shard];
}

/* The database is away or too slow (ERR_OUTAGE), or it answers and cannot answer this. */
static void part_end(struct scatter_part *part, enum err_kind kind, const char *why)
{
    const struct pool *pool = pool_of(part);
    part->state = PLANTED("partial_called_complete") ? PART_GOOD : PART_FAILED;
    snprintf(part->why, sizeof part->why, "%s (%s) %s: %.300s", pool_name(pool), pool_address(pool),
             kind == ERR_OUTAGE ? "did not answer" : "cannot answer", why);
}

static void part_fail(struct scatter_part *part, enum err_kind kind, const char *why)
{
    struct query *query = part->scatter->owner->query;
    part_end(part, kind, why);
    metric_add(
        part->shard == SCATTER_CATALOG ? query->metrics.catalog_errors : query->metrics.shard_errors[part->shard], 1);
    log_warn("a part of a question failed", LOG_STR("why", part->why));
}

static void part_take(struct scatter_part *part, const struct err *err)
{
    part->asks_too_much = err->kind == ERR_USAGE && err->code == 0; /* a server's has a number */
    if (part->asks_too_much)
        part_end(part, err->kind, err->text);
    else
        part_fail(part, err->kind, err->text);
}

static void part_done(struct pool_job *job)
{
    struct scatter_part *part = (struct scatter_part *)job;
    struct scatter *scatter = part->scatter;
    CRASH_POINT("query.after_part");
    scatter->out--;
    if (part->state == PART_WAITING) {
        scatter->waiting--;
        if (job->good)
            part->state = PART_GOOD;
        else if (scatter->req == NULL)
            part->state = PART_FAILED; /* nobody asks why any more, and its pool may be gone (query_stop) */
        else
            part_take(part, &job->err);
    }
    scatter_step(scatter);
}

static void on_deadline(void *arg)
{
    struct scatter *scatter = arg;
    char why[60];
    snprintf(why, sizeof why, "nothing within %" PRId64 " ms", scatter->owner->query->config->deadline_ms);
    scatter->late = true;
    for (size_t i = 0; i < scatter->count; i++) {
        if (scatter->part[i]->state != PART_WAITING)
            continue;
        scatter->waiting--;
        part_fail(scatter->part[i], ERR_OUTAGE, why);
    }
    scatter_step(scatter);
}

void scatter_hold(struct scatter *scatter)
{
    scatter->waiting++;
    scatter->out++;
}

void scatter_release(struct scatter *scatter)
{
    scatter->waiting--;
    scatter->out--;
    scatter_step(scatter);
}

/* ---- its begin ---- */

struct scatter *scatter_new(struct http_req *req, enum read_kind kind, size_t size)
{
    struct query_loop *loop = http_req_state(req);
    struct map *map = map_reader_take(loop->query->map_reader);
    if (map == NULL) {
        static const struct question_fault fault = {
            .status = 503, .code = "catalog_unavailable", .detail = "The catalog's routes could not be read yet."};
        respond_fault(req, kind, &fault);
        return NULL;
    }
    struct scatter *scatter = mem_alloc(size);
    scatter->owner = loop;
    scatter->req = req;
    scatter->kind = kind;
    scatter->map = map;
    scatter->timer = loop_timer_new(loop->loop, on_deadline, scatter);
    scatter->as_of_ms = clock_realtime_ms();
    scatter->deadline_us = http_req_start_us(req) + loop->query->config->deadline_ms * 1000;
    return scatter;
}

struct scatter_part *scatter_add(struct scatter *scatter, int shard, size_t size,
                                 bool (*run)(struct pool_job *job, struct sql *sql, struct err *err))
{
    assert(scatter->count < SCATTER_PARTS_MAX && size >= sizeof(struct scatter_part));
    assert(shard == SCATTER_CATALOG || (shard >= 0 && shard < scatter->owner->query->shard_count));
    struct scatter_part *part = mem_alloc(size);
    part->scatter = scatter;
    part->shard = shard;
    part->job = (struct pool_job){
        .loop = scatter->owner->loop, .deadline_us = scatter->deadline_us, .run = run, .done = part_done};
    scatter->part[scatter->count++] = part;
    return part;
}

void scatter_send(struct scatter *scatter)
{
    int64_t left_us = scatter->deadline_us - clock_boottime_us();
    loop_timer_set(scatter->timer, left_us > 0 ? (uint32_t)(left_us / 1000) : 0);
    scatter_hold(scatter); /* so that nothing is answered before all are sent */
    for (size_t i = 0; i < scatter->count; i++) {
        struct scatter_part *part = scatter->part[i];
        struct err err = {0};
        if (pool_submit((struct pool *)(uintptr_t)pool_of(part), &part->job, &err)) {
            scatter->waiting++;
            scatter->out++;
        } else {
            part_fail(part, err.kind, err.text);
        }
    }
    CRASH_POINT("query.after_scatter");
    scatter_release(scatter);
}

/* ---- helpers ---- */

void scatter_append_tail(const struct scatter *scatter, struct buf *json)
{
    char as_of[CLOCK_TEXT_MAX];
    const char *before = "\"complete\":false,\"failed_shards\":[";
    for (size_t i = 0; i < scatter->count; i++) {
        if (scatter->part[i]->state == PART_GOOD)
            continue;
        buf_printf(json, "%s%d", before, scatter->part[i]->shard);
        before = ",";
    }
    clock_format(scatter->as_of_ms, 0, as_of);
    buf_printf(json, "%s,\"as_of\":\"%s\"", *before == ',' ? "]" : "\"complete\":true", as_of);
}

static bool source_get(const void *arg, const char *name, struct text *ret_value)
{
    return http_req_query(arg, name, ret_value);
}

struct question_source scatter_source(struct http_req *req)
{
    return (struct question_source){.get = source_get, .arg = req};
}
