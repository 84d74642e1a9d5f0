#include "ingest/stock_batch.h"

#include "core/buf.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void stock_batch_init(struct stock_batch *batch, stock_send_fn send, void *arg)
{
    *batch = (struct stock_batch){.send = send, .arg = arg};
}

static size_t bucket_of(enum stock_batch_kind kind, uint64_t coupon_id, uint64_t epoch)
{
    uint64_t mixed = (coupon_id * 31 + epoch * 7 + kind) * UINT64_C(0x9e3779b97f4a7c15); /* Fibonacci hashing */
    return mixed >> 56;
}

static struct stock_group *group_find(const struct stock_batch *batch, size_t bucket, enum stock_batch_kind kind,
                                      uint64_t coupon_id, uint64_t epoch)
{
    struct stock_group *group = batch->bucket[bucket];
    while (group != NULL && (group->kind != kind || group->coupon_id != coupon_id || group->epoch != epoch))
        group = group->bucket_next;
    return group; /* the youngest of its like: the only one that may have room */
}

static struct stock_group *group_new(struct stock_batch *batch)
{
    struct stock_group *group = batch->spare;
    if (group == NULL)
        return mem_alloc(sizeof *group);
    batch->spare = group->next;
    return group;
}

static struct stock_group *group_begin(struct stock_batch *batch, size_t bucket, enum stock_batch_kind kind,
                                       uint64_t coupon_id, uint64_t epoch)
{
    struct stock_group *group = group_new(batch);
    group->kind = kind;
    group->coupon_id = coupon_id;
    group->epoch = epoch;
    group->count = 0;
    group->next = NULL;
    group->bucket_next = batch->bucket[bucket];
    batch->bucket[bucket] = group;
    if (batch->last[kind] != NULL)
        batch->last[kind]->next = group;
    else
        batch->first[kind] = group;
    batch->last[kind] = group;
    return group;
}

void stock_batch_add(struct stock_batch *batch, enum stock_batch_kind kind, uint64_t coupon_id, uint64_t epoch,
                     const struct stock_item *item)
{
    assert(kind < BATCH_KINDS && coupon_id != 0 && item->grab_id != 0);
    assert((kind == BATCH_RESERVE) == (epoch == 0));
    size_t bucket = bucket_of(kind, coupon_id, epoch);
    struct stock_group *group = group_find(batch, bucket, kind, coupon_id, epoch);
    if (group == NULL || group->count == STOCK_GROUP_ITEMS_MAX)
        group = group_begin(batch, bucket, kind, coupon_id, epoch);
    group->item[group->count++] = *item;
    batch->gathered++;
}

/* Detaches every list first: what a send adds is of the next flush. */
void stock_batch_flush(struct stock_batch *batch)
{
    if (batch->gathered == 0)
        return;
    struct stock_group *lists[BATCH_KINDS];
    memcpy(lists, batch->first, sizeof lists);
    memset(batch->first, 0, sizeof batch->first);
    memset(batch->last, 0, sizeof batch->last);
    memset(batch->bucket, 0, sizeof batch->bucket);
    batch->gathered = 0;
    for (int kind = 0; kind < BATCH_KINDS; kind++) {
        for (struct stock_group *group = lists[kind], *next; group != NULL; group = next) {
            next = group->next;
            batch->send(group, batch->arg);
        }
    }
}

void stock_group_free(struct stock_batch *batch, struct stock_group *group)
{
    group->next = batch->spare;
    batch->spare = group;
}

void stock_batch_free(struct stock_batch *batch)
{
    assert(batch->gathered == 0);
    while (batch->spare != NULL) {
        struct stock_group *group = batch->spare;
        batch->spare = group->next;
        free(group);
    }
}

enum stock_script stock_group_script(const struct stock_group *group)
{
    static const enum stock_script script[BATCH_KINDS] = {
        [BATCH_SETTLE] = STOCK_SETTLE,
        [BATCH_CONFIRM] = STOCK_SETTLE, /* the same compare-and-set; its answer counts */
        [BATCH_RELEASE] = STOCK_RELEASE,
        [BATCH_RESERVE] = STOCK_RESERVE,
    };
    return script[group->kind];
}

static void args_text(struct stock_args *args, const char *text)
{
    assert(args->count < STOCK_GROUP_ARGS_MAX);
    args->arg[args->count++] = (struct redis_arg){.data = text, .len = strlen(text)};
}

/* Two a grab, so not by printf. */
static size_t digits_write(char text[21], uint64_t number)
{
    char reversed[20];
    size_t len = 0;
    do
        reversed[len++] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    for (size_t i = 0; i < len; i++)
        text[i] = reversed[len - 1 - i];
    text[len] = '\0';
    return len;
}

static void args_number(struct stock_args *args, uint64_t number)
{
    assert(args->numbers < sizeof args->number / sizeof *args->number);
    char *text = args->number[args->numbers++];
    args->arg[args->count++] = (struct redis_arg){.data = text, .len = digits_write(text, number)};
}

void stock_group_pack(const struct stock_group *group, const char *run_id, const char *replid,
                      struct stock_args *ret_args)
{
    ret_args->count = ret_args->numbers = 0;
    stock_keys_of(group->coupon_id, &ret_args->keys);
    for (int i = 0; i < STOCK_KEYS; i++)
        args_text(ret_args, ret_args->keys.name[i]);
    args_text(ret_args, run_id);
    args_text(ret_args, replid);
    if (group->kind != BATCH_RESERVE)
        args_number(ret_args, group->epoch);
    for (size_t i = 0; i < group->count; i++) {
        const struct stock_item *item = &group->item[i];
        if (group->kind == BATCH_RESERVE)
            args_number(ret_args, item->user_id);
        args_number(ret_args, item->grab_id);
        if (group->kind == BATCH_RESERVE)
            args_text(ret_args, item->try_key);
    }
}
