/* The stock, as the keeper's own look sees it: one script call a coupon that was opened. */
#include "core/redis.h"
#include "ops/cli/status.h"
#include "protocol/rebuild.h"
#include "schemas/catalog.h"
#include "schemas/stock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct coupon_list {
    struct coupon *item;
    size_t count;
    uint64_t all; /* also those past STATUS_COUPONS_MAX */
    uint64_t broken;
    struct err first; /* of the broken ones */
};

static bool take_coupon(const struct value *cells, size_t count, void *arg)
{
    struct coupon_list *list = arg;
    struct err err = {0};
    list->all++;
    if (list->count == STATUS_COUPONS_MAX)
        return true;
    if (coupon_from_cells(cells, count, &list->item[list->count], &err))
        list->count++;
    else if (list->broken++ == 0)
        list->first = err;
    return true;
}

/* {state, epoch, same server, whole, version, left, pending} */
static void add_look(struct status *status, const struct coupon *coupon, const struct redis_reply *reply)
{
    struct status_stock *stock = &status->stock;
    struct mark_view mark = {.state = mark_state_of(redis_reply_text(redis_reply_at(reply, 0), NULL)),
                             .epoch = (uint64_t)redis_reply_int(redis_reply_at(reply, 1)),
                             .same_server = redis_reply_int(redis_reply_at(reply, 2)) == 1,
                             .whole = redis_reply_int(redis_reply_at(reply, 3)) == 1};
    if (mark.state == MARK_BUILDING) {
        stock->building++;
    } else if (!mark_valid(&mark, status->meta.epoch)) {
        stock->not_valid++;
    } else {
        stock->open += mark.state == MARK_OPEN;
        stock->closed += mark.state == MARK_CLOSED;
        stock->total += coupon->total;
        stock->left += (uint64_t)redis_reply_int(redis_reply_at(reply, 5));
        stock->pending += (uint64_t)redis_reply_int(redis_reply_at(reply, 6));
    }
}

static bool look(struct redis_sync *redis, struct redis_script *script, const struct coupon *coupon,
                 struct status *status, struct err *err)
{
    struct stock_keys keys;
    struct redis_arg args[STOCK_KEYS + 2];
    stock_keys_of(coupon->coupon_id, &keys);
    for (size_t i = 0; i < STOCK_KEYS; i++)
        args[i] = (struct redis_arg){.data = keys.name[i], .len = strlen(keys.name[i])};
    args[STOCK_KEYS] = (struct redis_arg){.data = redis_sync_run_id(redis), .len = strlen(redis_sync_run_id(redis))};
    args[STOCK_KEYS + 1] =
        (struct redis_arg){.data = redis_sync_replid(redis), .len = strlen(redis_sync_replid(redis))};
    struct redis_reply *reply = redis_sync_eval(redis, script, args, STOCK_KEYS + 2, STOCK_KEYS, err);
    if (!reply && !(err->kind == ERR_CONFLICT && stock_error_is_of_keys(err->text)))
        return false;
    if (reply)
        add_look(status, coupon, reply);
    else
        status->stock.not_valid++; /* the keeper takes it so, too, and rebuilds it */
    redis_reply_free(reply);
    return true;
}

static bool look_at_all(struct redis_sync *redis, const struct coupon_list *list, struct status *status,
                        struct err *err)
{
    struct redis_script script = {.name = stock_script_name(STOCK_LOOK), .text = stock_script_text(STOCK_LOOK)};
    redis_script_init(&script);
    for (size_t i = 0; i < list->count; i++) {
        if (list->item[i].opened == 0)
            status->stock.not_opened++;
        else if (!look(redis, &script, &list->item[i], status, err))
            return false;
    }
    return true;
}

static bool read_coupons(struct sql *catalog, struct status_stock *stock, struct coupon_list *list)
{
    struct err err = {0};
    list->item = mem_alloc(sizeof *list->item * STATUS_COUPONS_MAX);
    bool read = sql_select(catalog, sql_coupons_read, NULL, 0, take_coupon, list, &err);
    stock->coupons = list->all;
    stock->broken = read ? list->broken : 0;
    snprintf(stock->why, sizeof stock->why, "%.*s", STATUS_WHY_MAX, read ? list->first.text : err.text);
    return read;
}

void status_gather_stock(const struct cli_config *config, struct sql *catalog, struct status *status)
{
    struct redis_sync *redis = NULL;
    struct coupon_list list = {0};
    struct err err = {0};
    struct buf url = {0};
    snprintf(status->redis.name, sizeof status->redis.name, "redis-stock");
    config_append_url(&url, config->redis_stock);
    snprintf(status->redis.where, sizeof status->redis.where, "%.255s", url.data);
    buf_free(&url);
    bool up = redis_sync_open(config->redis_stock, config->timeout_ms, &redis, &err);
    bool rows = status->catalog.up && catalog && read_coupons(catalog, &status->stock, &list);
    up = up && (!rows || look_at_all(redis, &list, status, &err));
    status->stock.known = up && rows;
    status->redis.up = up;
    snprintf(status->redis.why, sizeof status->redis.why, "%.*s", STATUS_WHY_MAX, up ? "" : err.text);
    redis_sync_close(redis);
    free(list.item);
}
