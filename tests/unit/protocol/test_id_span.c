/* Spans of ids: never overlapping on a node, and handed over before the one in use ends. */
#include "protocol/ids.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { SPAN_MS = 1000 };
static const int64_t now = ID_EPOCH_MS + 1000000000;

static void test_a_fresh_node_begins_now(void **state)
{
    (void)state;
    struct id_span span;
    struct err err;
    assert_true(id_span_next(5, 0, 0, now, SPAN_MS, &span, &err));
    assert_int_equal(span.node, 5);
    assert_int_equal(span.begin_ms, now);
    assert_int_equal(span.end_ms, now + SPAN_MS);
}

static void test_a_node_in_use_begins_where_it_ended(void **state)
{
    (void)state;
    struct id_span span;
    struct err err;
    assert_true(id_span_next(5, now + 300, 0, now, SPAN_MS, &span, &err));
    assert_int_equal(span.begin_ms, now + 300);
    assert_int_equal(span.end_ms, now + 300 + SPAN_MS);
}

static void test_the_next_span_reaches_past_the_one_in_use(void **state)
{
    (void)state;
    struct id_span span;
    struct err err;
    assert_true(id_span_next(6, 0, now + 800, now, SPAN_MS, &span, &err));
    assert_int_equal(span.begin_ms, now);
    assert_int_equal(span.end_ms, now + 800 + SPAN_MS);
}

static void test_a_clock_that_was_far_ahead_is_not_followed(void **state)
{
    (void)state;
    struct id_span span;
    struct err err;
    assert_true(id_span_next(6, 0, now + 100 * SPAN_MS, now, SPAN_MS, &span, &err));
    assert_int_equal(span.end_ms, now + SPAN_MS);
}

static void test_what_cannot_be_leased(void **state)
{
    (void)state;
    struct id_span span;
    struct err err = {0};
    assert_false(id_span_next(1, now + ID_SPAN_AHEAD_MS_MAX + 1, 0, now, SPAN_MS, &span, &err));
    assert_int_equal(err.kind, ERR_OUTAGE);
    assert_false(id_span_next(1, 0, 0, ID_EPOCH_MS - 1, SPAN_MS, &span, &err));
    assert_int_equal(err.kind, ERR_OUTAGE);
}

/* A catalog of two nodes and a maker that asks as a loop does: an id at each moment, and none twice. */
static void test_hand_over_without_a_gap(void **state)
{
    (void)state;
    int64_t node_end[2] = {0}, covered = 0;
    struct id_maker maker = {0};
    uint64_t last = 0;
    size_t spans = 0;
    for (int64_t at = now; at < now + 20 * SPAN_MS; at += 100) {
        if (id_maker_wants_span(&maker, at)) {
            uint32_t node = node_end[0] <= node_end[1] ? 0 : 1; /* whose span ended first */
            struct id_span span;
            struct err err;
            assert_true(id_span_next(node, node_end[node], covered, at, SPAN_MS, &span, &err));
            assert_true(span.begin_ms >= node_end[node]);
            node_end[node] = covered = span.end_ms;
            id_maker_add_span(&maker, span);
            spans++;
        }
        uint64_t id;
        assert_true(id_make(&maker, at, &id));
        assert_true(id != last);
        last = id;
    }
    assert_in_range(spans, 10, 30);
}

/* What catalog and loop do with what is given back: the node's end moves back only if it is still the span's. */
static void give_all(struct id_maker *maker, int64_t *node_end)
{
    struct id_span unused;
    while (id_maker_give(maker, &unused))
        if (*node_end == unused.end_ms)
            *node_end = unused.begin_ms;
}

static void test_what_is_not_used_is_given_back(void **state)
{
    (void)state;
    struct id_maker maker = {0};
    struct id_span unused;
    uint64_t id;
    int64_t node_end = now + 2 * SPAN_MS;
    assert_false(id_maker_give(&maker, &unused));
    id_maker_add_span(&maker, (struct id_span){.node = 7, .begin_ms = now, .end_ms = now + SPAN_MS});
    assert_true(id_make(&maker, now + 5, &id));
    id_maker_add_span(&maker, (struct id_span){.node = 7, .begin_ms = now + SPAN_MS, .end_ms = now + 2 * SPAN_MS});
    give_all(&maker, &node_end);
    assert_int_equal(node_end, now + 6);         /* behind the last id */
    assert_false(id_make(&maker, now + 6, &id)); /* it is another's now */
    assert_false(id_maker_give(&maker, &unused));
}

static void test_what_was_leased_again_is_not_given_back(void **state)
{
    (void)state;
    struct id_maker maker = {0};
    uint64_t id;
    id_maker_add_span(&maker, (struct id_span){.node = 7, .begin_ms = now, .end_ms = now + SPAN_MS});
    assert_true(id_make(&maker, now, &id));
    int64_t node_end = now + 2 * SPAN_MS; /* somebody else's */
    give_all(&maker, &node_end);
    assert_int_equal(node_end, now + 2 * SPAN_MS);
}

static void test_a_span_that_is_used_up_is_not_given_back(void **state)
{
    (void)state;
    struct id_maker maker = {0};
    struct id_span unused;
    uint64_t id;
    id_maker_add_span(&maker, (struct id_span){.node = 7, .begin_ms = now, .end_ms = now + 1});
    for (int i = 0; i <= ID_SEQUENCE_MAX; i++)
        assert_true(id_make(&maker, now, &id));
    assert_false(id_maker_give(&maker, &unused));
}

/* 64 loops, the longest spans, restarted again and again within a second: no node is leased an hour ahead. */
static void test_quick_restarts_use_no_nodes_up(void **state)
{
    (void)state;
    enum { LOOPS = 64, LONGEST_MS = 3600000, STARTS = 100 };
    static int64_t node_end[ID_NODES];
    for (int start = 0; start < STARTS; start++) {
        static struct id_maker makers[LOOPS];
        memset(makers, 0, sizeof makers);
        for (int i = 0; i < 2 * LOOPS; i++) { /* the one in use, and the next */
            struct id_maker *maker = &makers[i % LOOPS];
            struct id_span span;
            struct err err = {0};
            uint32_t node = 0;
            uint64_t id;
            for (uint32_t other = 1; other < ID_NODES; other++)
                node = node_end[other] < node_end[node] ? other : node;
            int64_t covered_ms = i < LOOPS ? 0 : maker->span.end_ms;
            if (!id_span_next(node, node_end[node], covered_ms, now, LONGEST_MS, &span, &err))
                fail_msg("start %d: %s", start, err.text);
            node_end[node] = span.end_ms;
            id_maker_add_span(maker, span);
            assert_true(id_make(maker, now, &id));
        }
        for (int i = 0; i < LOOPS; i++) {
            struct id_span unused;
            while (id_maker_give(&makers[i], &unused))
                if (node_end[unused.node] == unused.end_ms)
                    node_end[unused.node] = unused.begin_ms;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_fresh_node_begins_now),
        cmocka_unit_test(test_a_node_in_use_begins_where_it_ended),
        cmocka_unit_test(test_the_next_span_reaches_past_the_one_in_use),
        cmocka_unit_test(test_a_clock_that_was_far_ahead_is_not_followed),
        cmocka_unit_test(test_what_cannot_be_leased),
        cmocka_unit_test(test_hand_over_without_a_gap),
        cmocka_unit_test(test_what_is_not_used_is_given_back),
        cmocka_unit_test(test_what_was_leased_again_is_not_given_back),
        cmocka_unit_test(test_a_span_that_is_used_up_is_not_given_back),
        cmocka_unit_test(test_quick_restarts_use_no_nodes_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
