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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_fresh_node_begins_now),
        cmocka_unit_test(test_a_node_in_use_begins_where_it_ended),
        cmocka_unit_test(test_the_next_span_reaches_past_the_one_in_use),
        cmocka_unit_test(test_a_clock_that_was_far_ahead_is_not_followed),
        cmocka_unit_test(test_what_cannot_be_leased),
        cmocka_unit_test(test_hand_over_without_a_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
