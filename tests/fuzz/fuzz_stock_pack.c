/* The arguments of the stock's scripts. The input is a list of items (kind, coupon, epoch, grab, user, try key), all
 * of one tick.
 *
 * Must hold, seen from Redis (each call is written as it goes over the wire, and read by the client library's reader):
 * every item arrives once, with the numbers that went in; settles, confirms and releases come before reserves; items
 * of one kind, coupon and epoch keep their order; a call's keys are those of its coupon, and none has more arguments
 * than it may. */
#include "core/redis_reply.h"
#include "ingest/stock_batch.h"
#include "tests/fuzz/fuzz.h"

#include <hiredis.h>

enum { ITEMS_MAX = 80, COUPONS = 5, EPOCHS = 3, KEY_BYTES = 8 };
#define RUN_ID "run"
#define REPLID "replid"

struct entry {
    enum stock_batch_kind kind;
    uint64_t coupon, epoch;
    struct stock_item item;
    char try_key[KEY_BYTES];
    bool seen;
};

struct tick {
    struct stock_batch batch;
    struct entry entry[ITEMS_MAX];
    size_t count, seen;
    enum stock_batch_kind last;
};

static const char *part(const redisReply *call, size_t at)
{
    assert(at < call->elements && call->element[at]->type == REDIS_REPLY_STRING);
    return call->element[at]->str;
}

static uint64_t number(const redisReply *call, size_t at)
{
    const char *text = part(call, at);
    assert(text[0] >= '1' && text[0] <= '9' && strspn(text, "0123456789") == strlen(text));
    return strtoull(text, NULL, 10);
}

/* The oldest of its like that was not seen yet. */
static struct entry *next_of(struct tick *tick, enum stock_batch_kind kind, uint64_t coupon, uint64_t epoch)
{
    for (size_t i = 0; i < tick->count; i++) {
        struct entry *entry = &tick->entry[i];
        if (!entry->seen && entry->kind == kind && entry->coupon == coupon && entry->epoch == epoch)
            return entry;
    }
    assert(!"an item that nobody added");
    return NULL;
}

static void check_call(struct tick *tick, const struct stock_group *group, const redisReply *call)
{
    struct stock_keys keys;
    bool reserve = group->kind == BATCH_RESERVE;
    size_t at = STOCK_KEYS + 2, each = reserve ? 3 : 1;
    stock_keys_of(group->coupon_id, &keys);
    for (size_t i = 0; i < STOCK_KEYS; i++)
        assert(strcmp(part(call, i), keys.name[i]) == 0);
    assert(strcmp(part(call, STOCK_KEYS), RUN_ID) == 0 && strcmp(part(call, STOCK_KEYS + 1), REPLID) == 0);
    uint64_t epoch = reserve ? 0 : number(call, at++);
    assert(call->elements == at + each * group->count && call->elements <= STOCK_GROUP_ARGS_MAX);
    for (size_t i = 0; i < group->count; i++, at += each) {
        struct entry *entry = next_of(tick, group->kind, group->coupon_id, epoch);
        entry->seen = true;
        tick->seen++;
        assert(number(call, reserve ? at + 1 : at) == entry->item.grab_id);
        assert(!reserve || (number(call, at) == entry->item.user_id && !strcmp(part(call, at + 2), entry->try_key)));
    }
}

static void on_send(struct stock_group *group, void *arg)
{
    struct tick *tick = arg;
    static struct stock_args args;
    struct buf wire = {0};
    void *call = NULL;
    assert(group->kind >= tick->last && group->count >= 1 && group->count <= STOCK_GROUP_ITEMS_MAX);
    tick->last = group->kind;
    stock_group_pack(group, RUN_ID, REPLID, &args);
    redis_format_count(&wire, args.count);
    for (size_t i = 0; i < args.count; i++)
        redis_format_arg(&wire, args.arg[i].data, args.arg[i].len);
    redisReader *reader = redisReaderCreate();
    assert(redisReaderFeed(reader, wire.data, wire.len) == REDIS_OK && redisReaderGetReply(reader, &call) == REDIS_OK);
    assert(call != NULL);
    check_call(tick, group, call);
    freeReplyObject(call);
    redisReaderFree(reader);
    buf_free(&wire);
    stock_group_free(&tick->batch, group);
}

static void entry_read(struct fuzz_input *input, struct entry *entry)
{
    entry->kind = fuzz_byte(input) % BATCH_KINDS;
    entry->coupon = 1 + fuzz_byte(input) % COUPONS * (UINT64_MAX / COUPONS);
    entry->epoch = entry->kind == BATCH_RESERVE ? 0 : 1 + fuzz_byte(input) % EPOCHS;
    entry->item.grab_id = 1 + fuzz_number(input) / 2;
    entry->item.user_id = 1 + fuzz_number(input) / 2;
    for (int i = 0, count = fuzz_byte(input) % KEY_BYTES; i < count; i++)
        entry->try_key[i] = (char)(0x21 + fuzz_byte(input) % 0x5e);
    entry->item.try_key = entry->try_key;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tick tick;
    struct fuzz_input input = fuzz_input(data, size);
    memset(&tick, 0, sizeof tick);
    stock_batch_init(&tick.batch, on_send, &tick);
    while (fuzz_left(&input) > 0 && tick.count < ITEMS_MAX) {
        struct entry *entry = &tick.entry[tick.count++];
        entry_read(&input, entry);
        stock_batch_add(&tick.batch, entry->kind, entry->coupon, entry->epoch, &entry->item);
    }
    stock_batch_flush(&tick.batch);
    assert(tick.seen == tick.count);
    stock_batch_free(&tick.batch);
    return 0;
}
