/* Coupons, from the catalog alone: one, one with its large text, a room's, all. */
#include "query/coupon_json.h"
#include "query/question.h"
#include "query/scatter.h"
#include <stdio.h>
#include <stdlib.h>

struct coupon_read {
    struct scatter scatter;
    uint64_t coupon_id;
    bool details;
    struct question_coupons list;
};

struct coupon_part {
    struct scatter_part part;
    size_t count;
    struct buf json;
};

static void coupon_part_free(struct scatter_part *base)
{
    struct coupon_part *part = (struct coupon_part *)base;
    buf_free(&part->json);
    free(part);
}

/* ---- on a pool's thread ---- */

struct coupon_taker {
    struct coupon_part *part;
    struct err *err;
    bool failed;
};

static bool take_coupon(const struct value *cells, size_t count, void *arg)
{
    struct coupon_taker *taker = arg;
    struct coupon coupon;
    taker->failed = !coupon_from_cells(cells, count, &coupon, taker->err);
    if (taker->failed)
        return false;
    buf_append_str(&taker->part->json, taker->part->count++ == 0 ? "{" : ",{");
    coupon_append_json(&coupon, &taker->part->json);
    buf_append_char(&taker->part->json, '}');
    return true;
}

static bool take_details(const struct value *cells, size_t count, void *arg)
{
    static const char *const names[] = {"description", "terms"};
    struct buf *json = arg;
    for (size_t i = 0; i < count && i < 2; i++) {
        buf_printf(json, ",\"%s\":", names[i]);
        if (cells[i].type == VALUE_TEXT)
            buf_append_json(json, cells[i].text, cells[i].len);
        else
            buf_append_str(json, "null");
    }
    return false;
}

static bool add_details(struct coupon_part *part, uint64_t coupon_id, struct sql *sql, struct err *err)
{
    struct value id = value_u64(coupon_id);
    part->json.data[--part->json.len] = '\0'; /* inside the coupon's brace */
    size_t before = part->json.len;
    if (!sql_select(sql, sql_coupon_details_read, &id, 1, take_details, &part->json, err))
        return false;
    if (part->json.len == before)
        buf_append_str(&part->json, ",\"description\":\"\",\"terms\":\"\"");
    buf_append_char(&part->json, '}');
    return true;
}

static bool coupon_run(struct pool_job *job, struct sql *sql, struct err *err)
{
    struct coupon_part *part = (struct coupon_part *)job;
    const struct coupon_read *read = (const struct coupon_read *)part->part.scatter;
    struct value id = value_u64(read->coupon_id);
    struct coupon_taker taker = {.part = part, .err = err};
    part->count = 0;
    buf_reset(&part->json);
    if (!sql_select(sql, sql_coupon_read, &id, 1, take_coupon, &taker, err) || taker.failed)
        return false;
    return !read->details || part->count == 0 || add_details(part, read->coupon_id, sql, err);
}

static bool coupons_run(struct pool_job *job, struct sql *sql, struct err *err)
{
    struct coupon_part *part = (struct coupon_part *)job;
    const struct question_coupons *list = &((const struct coupon_read *)part->part.scatter)->list;
    const struct value values[] = {value_u64(list->room_id), value_u64(list->limit)};
    struct coupon_taker taker = {.part = part, .err = err};
    part->count = 0;
    buf_reset(&part->json);
    bool good = list->by_room ? sql_select(sql, sql_coupons_of_room, values, 2, take_coupon, &taker, err)
                              : sql_select(sql, sql_coupons_newest, values + 1, 1, take_coupon, &taker, err);
    return good && !taker.failed;
}

/* ---- on the loop ---- */

static void coupon_answer(struct scatter *scatter)
{
    const struct coupon_part *part = (const struct coupon_part *)scatter->part[0];
    if (part->count == 0) {
        struct question_fault fault = {.status = 404, .code = "coupon_not_found"};
        snprintf(fault.detail, sizeof fault.detail, "There is no coupon %llu in the catalog.",
                 (unsigned long long)((const struct coupon_read *)scatter)->coupon_id);
        scatter_answer_fault(scatter, &fault);
        return;
    }
    buf_append(&scatter->owner->json, part->json.data, part->json.len);
    scatter_answer_json(scatter);
}

static void coupons_answer(struct scatter *scatter)
{
    const struct coupon_part *part = (const struct coupon_part *)scatter->part[0];
    struct buf *json = &scatter->owner->json;
    buf_append_str(json, "{\"data\":[");
    buf_append(json, part->json.data, part->json.len);
    buf_printf(json, "],\"count\":%zu,", part->count);
    scatter_append_tail(scatter, json);
    buf_append_char(json, '}');
    scatter_answer_json(scatter);
}

static void send_one(struct scatter *scatter, bool (*run)(struct pool_job *job, struct sql *sql, struct err *err),
                     void (*answer)(struct scatter *scatter))
{
    scatter_add(scatter, SCATTER_CATALOG, sizeof(struct coupon_part), run)->free = coupon_part_free;
    scatter->answer = answer;
    scatter_send(scatter);
}

static void read_one(struct http_req *req, enum read_kind kind, bool details)
{
    uint64_t coupon_id;
    struct question_fault fault = {0};
    struct scatter *scatter;
    if (!question_read_id(http_req_param(req, 0), "The coupon id", 1, INT64_MAX, &coupon_id, &fault)) {
        scatter_refuse(req, kind, &fault);
    } else if ((scatter = scatter_new(req, kind, sizeof(struct coupon_read))) != NULL) {
        struct coupon_read *read = (struct coupon_read *)scatter;
        read->coupon_id = coupon_id;
        read->details = details;
        send_one(scatter, coupon_run, coupon_answer);
    }
}

void read_coupon(struct http_req *req, void *arg)
{
    (void)arg;
    read_one(req, READ_COUPON, false);
}

void read_coupon_details(struct http_req *req, void *arg)
{
    (void)arg;
    read_one(req, READ_COUPON_DETAILS, true);
}

void read_coupons(struct http_req *req, void *arg)
{
    (void)arg;
    struct question_coupons list;
    struct question_fault fault = {0};
    struct question_source source = scatter_source(req);
    struct scatter *scatter;
    if (!question_read_coupons(&source, &list, &fault)) {
        scatter_refuse(req, READ_COUPONS, &fault);
    } else if ((scatter = scatter_new(req, READ_COUPONS, sizeof(struct coupon_read))) != NULL) {
        ((struct coupon_read *)scatter)->list = list;
        send_one(scatter, coupons_run, coupons_answer);
    }
}
