/* A loop without servers: how many grabs go in at once, up to their RESERVE. */
#include "core/clock.h"
#include "ingest/ingest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { GRABS_MAX = 16, BATCH_MAX = 1000, COUPON = 7 };

struct room {
    struct ingest_config config;
    struct ingest ingest;
    struct ingest_loop loop;
    size_t reserved; /* as they were sent */
    size_t answered[REASONS];
};
static struct room room;

/* Redis is gone: each RESERVE has no answer. */
static void on_send(struct stock_group *group, void *arg)
{
    (void)arg;
    struct reserve_answer none = {.result = RESERVE_NO_ANSWER, .room_id = -1, .left = -1};
    for (size_t i = 0; i < group->count; i++)
        grab_flow_reserved(group->item[i].call, &none);
    room.reserved += group->count;
    stock_group_free(&room.loop.batch, group);
}

static int room_open(void **state)
{
    (void)state;
    memset(&room, 0, sizeof room);
    room.config = (struct ingest_config){.http_threads = 1, .grabs_max = GRABS_MAX, .batch_grabs_max = BATCH_MAX};
    room.ingest.config = &room.config;
    ingest_metrics_declare(&room.ingest.metrics);
    struct ingest_loop *loop = &room.loop;
    loop->ingest = &room.ingest;
    loop->loop = loop_new();
    stock_batch_init(&loop->batch, on_send, NULL);
    grab_flow_open(loop);
    admission_init(&loop->admission,
                   &(struct admission_options){
                       .target_us = 10000, .limit_min = GRABS_MAX, .limit_calm = GRABS_MAX, .limit_max = GRABS_MAX});
    int64_t now_ms = clock_realtime_ms();
    id_maker_add_span(&loop->ids, (struct id_span){.begin_ms = now_ms, .end_ms = now_ms + 600000, .node = 1});
    return 0;
}

static int room_close(void **state)
{
    (void)state;
    grab_flow_close(&room.loop);
    stock_batch_free(&room.loop.batch);
    loop_free(room.loop.loop);
    return 0;
}

static void on_done(const struct grab_outcome *outcome, size_t index, void *arg)
{
    (void)index;
    (void)arg;
    room.answered[outcome->reason]++;
}

static void start(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct grab_input input = {.request = {.user_id = i + 1, .coupon_id = COUPON},
                                   .start_us = clock_boottime_us(),
                                   .done = on_done,
                                   .index = i};
        grab_flow_start(&room.loop, &input);
    }
}

static void test_a_batch_goes_in_whole_though_one_place_is_left(void **state)
{
    (void)state;
    start(GRABS_MAX - 1);
    assert_false(admission_full(&room.loop.admission));
    start(BATCH_MAX);
    assert_true(admission_full(&room.loop.admission));
    assert_int_equal(room.answered[REASON_OVERLOADED], 0);
    assert_int_equal(room.loop.batch.gathered, GRABS_MAX - 1 + BATCH_MAX);
    stock_batch_flush(&room.loop.batch);
    assert_int_equal(room.reserved, GRABS_MAX - 1 + BATCH_MAX);
    assert_int_equal(room.answered[REASON_REDIS_AWAY], GRABS_MAX - 1 + BATCH_MAX);
    assert_false(admission_full(&room.loop.admission));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_batch_goes_in_whole_though_one_place_is_left, room_open, room_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
