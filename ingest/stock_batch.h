/* Gathers what one tick has for the stock, so that many grabs of a coupon are one script call.
 *
 *     stock_batch_add(…) ... stock_batch_flush -> send(group): settles, confirms and releases before reserves, each in
 *                                                 the order in which they came
 *
 * A group is of one kind, one coupon and (but for reserves) one epoch, and holds at most STOCK_GROUP_ITEMS_MAX. Nothing
 * is sent before the flush. Pure: sending is handed in. One batch belongs to one loop. */
#ifndef WEIR_INGEST_STOCK_BATCH_H
#define WEIR_INGEST_STOCK_BATCH_H

#include "core/redis.h"
#include "schemas/stock.h"

enum stock_batch_kind { BATCH_SETTLE, BATCH_CONFIRM, BATCH_RELEASE, BATCH_RESERVE, BATCH_KINDS };
enum { STOCK_GROUP_ITEMS_MAX = 64, STOCK_BATCH_BUCKETS = 256 };

struct grab_call;

struct stock_item {
    uint64_t grab_id;
    uint64_t user_id;       /* of a reserve */
    const char *try_key;    /* of a reserve: "" when there is none; borrowed until its group is sent */
    struct grab_call *call; /* of a reserve and a confirm: who waits for the answer */
};

struct stock_group {
    struct stock_group *next;        /* in its kind's list, or in the free list */
    struct stock_group *bucket_next; /* while it is gathered */
    void *owner;                     /* the sender's; unused here */
    enum stock_batch_kind kind;
    uint64_t coupon_id;
    uint64_t epoch; /* that the grabs' RESERVE compared; 0 for reserves */
    size_t count;
    struct stock_item item[STOCK_GROUP_ITEMS_MAX];
};

/* Becomes the group's owner, until stock_group_free. May call stock_batch_add. */
typedef void (*stock_send_fn)(struct stock_group *group, void *arg);

struct stock_batch {
    struct stock_group *first[BATCH_KINDS], *last[BATCH_KINDS];
    struct stock_group *bucket[STOCK_BATCH_BUCKETS];
    struct stock_group *spare;
    size_t gathered; /* items that wait for the flush */
    stock_send_fn send;
    void *arg;
};

void stock_batch_init(struct stock_batch *batch, stock_send_fn send, void *arg);
void stock_batch_add(struct stock_batch *batch, enum stock_batch_kind kind, uint64_t coupon_id, uint64_t epoch,
                     const struct stock_item *item);
void stock_batch_flush(struct stock_batch *batch);
void stock_group_free(struct stock_batch *batch, struct stock_group *group);
void stock_batch_free(struct stock_batch *batch); /* nothing may be gathered */

/* The arguments of a group's script call: keys, run id, replid, then the script's own. */
enum { STOCK_GROUP_ARGS_MAX = STOCK_KEYS + 3 + 3 * STOCK_GROUP_ITEMS_MAX };
struct stock_args {
    struct redis_arg arg[STOCK_GROUP_ARGS_MAX];
    size_t count;
    struct stock_keys keys;
    char number[1 + 2 * STOCK_GROUP_ITEMS_MAX][21]; /* decimal texts */
    size_t numbers;
};
enum stock_script stock_group_script(const struct stock_group *group);
/* `ret_args` points into itself and into the group. */
void stock_group_pack(const struct stock_group *group, const char *run_id, const char *replid,
                      struct stock_args *ret_args);

#endif
