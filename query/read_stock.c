/* GET /api/coupon/{id}/stock: total (the catalog's), left (Redis's), sold (the totals'), asked at once. The three are
 * of slightly different moments, which is why each has its own as_of. Without Redis, or without a valid mark there,
 * left is null: nothing is worked out in its place. */
#include "core/clock.h"
#include "query/plan.h"
#include "query/scatter.h"
#include "query/totals_part.h"
#include "schemas/catalog.h"
#include "schemas/stock.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct stock_read {
    struct scatter scatter;
    uint64_t coupon_id;
    const struct map_layout *layout;
    bool looked; /* Redis has answered with a mark of this server and all its keys */
    bool open;
    uint64_t mark_epoch;
    int64_t left;
    int64_t left_at_ms;
};

struct total_part {
    struct scatter_part part;
    bool found;
    uint64_t epoch; /* the catalog's */
    struct coupon coupon;
};

/* ---- total: the catalog's ---- */

struct total_taker {
    struct total_part *part;
    struct err *err;
    bool failed;
};

static bool take_coupon(const struct value *cells, size_t count, void *arg)
{
    struct total_taker *taker = arg;
    taker->failed = !coupon_from_cells(cells, count, &taker->part->coupon, taker->err);
    taker->part->found = !taker->failed;
    return false;
}

static bool total_run(struct pool_job *job, struct sql *sql, struct err *err)
{
    struct total_part *part = (struct total_part *)job;
    struct value id = value_u64(((const struct stock_read *)part->part.scatter)->coupon_id);
    struct total_taker taker = {.part = part, .err = err};
    int64_t epoch;
    part->found = false;
    if (!sql_select(sql, sql_coupon_read, &id, 1, take_coupon, &taker, err) || taker.failed ||
        !sql_select_i64(sql, sql_epoch_read, NULL, 0, &epoch, err))
        return false;
    part->epoch = (uint64_t)epoch;
    return true;
}

/* ---- left: Redis's ---- */

enum { LOOK_STATE, LOOK_EPOCH, LOOK_SAME_SERVER, LOOK_WHOLE, LOOK_VERSION, LOOK_LEFT };

static bool reply_is(const struct redis_reply *reply, const char *word)
{
    size_t len;
    const char *text = redis_reply_text(reply, &len);
    return len == strlen(word) && memcmp(text, word, len) == 0;
}

static void on_look(const struct redis_reply *reply, void *arg)
{
    struct stock_read *read = arg;
    if (reply != NULL && redis_reply_type(reply) == REDIS_LIST) {
        const struct redis_reply *state = redis_reply_at(reply, LOOK_STATE);
        read->looked = (reply_is(state, "open") || reply_is(state, "closed")) &&
                       redis_reply_int(redis_reply_at(reply, LOOK_SAME_SERVER)) == 1 &&
                       redis_reply_int(redis_reply_at(reply, LOOK_WHOLE)) == 1;
        read->mark_epoch = (uint64_t)redis_reply_int(redis_reply_at(reply, LOOK_EPOCH));
        read->left = redis_reply_int(redis_reply_at(reply, LOOK_LEFT));
    }
    scatter_release(&read->scatter);
}

static void look(struct stock_read *read)
{
    struct query_loop *loop = read->scatter.owner;
    struct stock_keys keys;
    struct redis_arg args[STOCK_KEYS + 2];
    if (!redis_up(loop->redis))
        return;
    stock_keys_of(read->coupon_id, &keys);
    for (size_t i = 0; i < STOCK_KEYS; i++)
        args[i] = (struct redis_arg){keys.name[i], strlen(keys.name[i])};
    args[STOCK_KEYS] = (struct redis_arg){redis_run_id(loop->redis), strlen(redis_run_id(loop->redis))};
    args[STOCK_KEYS + 1] = (struct redis_arg){redis_replid(loop->redis), strlen(redis_replid(loop->redis))};
    read->left_at_ms = clock_realtime_ms(); /* before it is asked, as with as_of */
    scatter_hold(&read->scatter);
    if (!redis_eval(loop->redis, &loop->query->look, args, STOCK_KEYS + 2, STOCK_KEYS, on_look, read)) {
        read->scatter.waiting--; /* not scatter_release(): nothing was sent yet that could end it */
        read->scatter.out--;
    }
}

/* ---- the answer ---- */

static void append_time(const char *name, int64_t ms, struct buf *json)
{
    char text[CLOCK_TEXT_MAX];
    clock_format(ms, 0, text);
    buf_printf(json, ",\"%s\":\"%s\"", name, text);
}

static void stock_json(const struct stock_read *read, const struct total_part *total, struct buf *json)
{
    struct totals totals = {0};
    totals_part_gather(&read->scatter, &totals);
    buf_printf(json, "{\"coupon_id\":%" PRIu64 ",\"total\":%" PRIu64, read->coupon_id, total->coupon.total);
    if (read->looked && read->mark_epoch == total->epoch) {
        buf_printf(json, ",\"left\":%" PRId64, read->left);
        append_time("left_as_of", read->left_at_ms, json);
    } else {
        buf_append_str(json, ",\"left\":null,\"left_as_of\":null");
    }
    buf_printf(json, ",\"sold\":%" PRIu64, totals_sum(&totals).ok);
    append_time("sold_as_of", read->scatter.as_of_ms, json);
    buf_printf(json, ",\"layout\":\"%s\",", read->layout->keys->layout->name);
    scatter_append_tail(&read->scatter, json);
    buf_append_char(json, '}');
    totals_free(&totals);
}

static void stock_answer(struct scatter *scatter)
{
    const struct stock_read *read = (const struct stock_read *)scatter;
    const struct total_part *total = (const struct total_part *)scatter->part[0];
    if (!total->found) {
        struct question_fault fault = {.status = 404, .code = "coupon_not_found"};
        snprintf(fault.detail, sizeof fault.detail, "There is no coupon %" PRIu64 " in the catalog.", read->coupon_id);
        scatter_answer_fault(scatter, &fault);
        return;
    }
    stock_json(read, total, &scatter->owner->json);
    scatter_answer_json(scatter);
}

static void stock_start(struct http_req *req, uint64_t coupon_id, const struct question_mode *mode)
{
    struct scatter *scatter = scatter_new(req, READ_STOCK, sizeof(struct stock_read));
    if (scatter == NULL)
        return;
    struct stock_read *read = (struct stock_read *)scatter;
    struct question_fault fault = {0};
    read->coupon_id = coupon_id;
    if (!plan_layout(mode, &layout_hash, scatter->map, &read->layout, &fault)) {
        scatter_cancel(scatter, &fault);
        return;
    }
    scatter_add(scatter, SCATTER_CATALOG, sizeof(struct total_part), total_run);
    totals_part_add_all(
        scatter, &(struct totals_question){.layout = read->layout, .by = TOTALS_BY_SUBJECT, .subject = coupon_id});
    scatter->tolerant = mode->partial;
    scatter->answer = stock_answer;
    look(read);
    scatter_send(scatter);
}

void read_stock(struct http_req *req, void *arg)
{
    (void)arg;
    uint64_t coupon_id;
    struct question_mode mode;
    struct question_fault fault = {0};
    struct question_source source = scatter_source(req);
    if (question_read_id(http_req_param(req, 0), "The coupon id", 1, INT64_MAX, &coupon_id, &fault) &&
        question_read_mode(&source, &mode, &fault))
        stock_start(req, coupon_id, &mode);
    else
        scatter_refuse(req, READ_STOCK, &fault);
}
