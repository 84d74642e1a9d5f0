/* One request's questions to several databases at once: sends them, waits with one deadline, and answers when all are
 * in; or with the error that names who is missing, or with what there is where the request (or the kind of read) allows
 * that.
 *
 * Belongs to its loop's thread. A scatter lives until the request is answered and every job that was sent has come
 * back, whichever is later. Embed it first in a struct of your own, and `struct scatter_part` first in each part.
 */
#ifndef WEIR_QUERY_SCATTER_H
#define WEIR_QUERY_SCATTER_H

#include "query/query.h"
#include "query/question.h"

enum { SCATTER_CATALOG = -1, SCATTER_PARTS_MAX = ROUTE_SHARDS_MAX + 1 };
enum part_state { PART_WAITING, PART_GOOD, PART_FAILED };

struct scatter_part {
    struct pool_job job;
    struct scatter *scatter;
    int shard; /* or SCATTER_CATALOG */
    enum part_state state;
    bool asks_too_much; /* of PART_FAILED: the question is to blame, so 422, whatever else may be left out */
    char why[400];      /* of PART_FAILED: a sentence that names shard and address */
    void (*free)(struct scatter_part *part); /* NULL: free() */
};

struct scatter {
    struct query_loop *owner;
    struct http_req *req; /* NULL once answered */
    enum read_kind kind;
    struct map *map; /* a reference */
    struct loop_timer *timer;
    int64_t deadline_us;
    int64_t as_of_ms; /* CLOCK_REALTIME before anything was asked: what was committed by then is in the answer */
    bool tolerant;    /* failed shards are left out, and the answer says so */
    bool late;        /* the deadline has passed */
    size_t count;
    size_t waiting; /* parts without a result, and holds */
    size_t out;     /* jobs that have not come back, and holds: the struct may not go before */
    struct scatter_part *part[SCATTER_PARTS_MAX];
    void (*answer)(struct scatter *scatter); /* must end in scatter_answer_*() or scatter_give() */
    void (*end)(struct scatter *scatter);    /* frees the struct that embeds it; NULL: free() */
};

/* Allocates `size` zeroed bytes that begin with a scatter. NULL: answered already (503: the routes were never read). */
struct scatter *scatter_new(struct http_req *req, enum read_kind kind, size_t size);
/* Adds a part of `size` zeroed bytes that begin with a scatter_part. `run` is called on a thread of that database's
 * pool: it may read what does not change of scatter and map, and write its own part. An ERR_USAGE of its own says that
 * the question asks for more than one answer holds. */
struct scatter_part *scatter_add(struct scatter *scatter, int shard, size_t size,
                                 bool (*run)(struct pool_job *job, struct sql *sql, struct err *err));
/* Sends all parts. `scatter` may be gone afterwards. */
void scatter_send(struct scatter *scatter);
/* Something else to wait for (Redis). After the deadline an answer is made without it. */
void scatter_hold(struct scatter *scatter);
void scatter_release(struct scatter *scatter);

/* For `answer`: one of these ends the request. */
void scatter_answer_json(struct scatter *scatter); /* 200 with owner->json */
void scatter_answer_fault(struct scatter *scatter, const struct question_fault *fault);
struct http_req *scatter_give(struct scatter *scatter); /* answered by another scatter, under the same deadline */
/* Ends a scatter that was not sent. */
void scatter_cancel(struct scatter *scatter, const struct question_fault *fault);

/* Appends `"complete":true,"as_of":"…"`, or `"complete":false,"failed_shards":[2],"as_of":"…"`. */
void scatter_append_tail(const struct scatter *scatter, struct buf *json);
bool scatter_complete(const struct scatter *scatter);

/* A request that ends before there is a scatter: counts it and answers. */
void scatter_refuse(struct http_req *req, enum read_kind kind, const struct question_fault *fault);
/* http_req_query() as a question's source. */
struct question_source scatter_source(struct http_req *req);

#endif
