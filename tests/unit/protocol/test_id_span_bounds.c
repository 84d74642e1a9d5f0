/* Spans that ids can not name are refused with a sentence: each span that is given makes ids from its first to its last
 * millisecond. */
#include "protocol/ids.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

enum { SPAN_MS = 1000 };
#define LAST_MS (ID_EPOCH_MS + ID_MS_MAX)

static void assert_refused(int64_t node_end_ms, int64_t covered_ms, int64_t now_ms, const char *word)
{
    struct id_span span = {.node = 77};
    struct err err = {0};
    assert_false(id_span_next(1, node_end_ms, covered_ms, now_ms, SPAN_MS, &span, &err));
    assert_int_equal(err.kind, ERR_OUTAGE);
    assert_non_null(strstr(err.text, word));
    assert_int_equal(span.node, 77);
}

static void assert_makes_ids(int64_t now_ms, int64_t begin_ms, int64_t end_ms)
{
    struct id_span span;
    struct err err = {0};
    struct id_maker maker = {0};
    uint64_t id;
    assert_true(id_span_next(1, 0, 0, now_ms, SPAN_MS, &span, &err));
    assert_int_equal(span.begin_ms, begin_ms);
    assert_int_equal(span.end_ms, end_ms);
    id_maker_add_span(&maker, span);
    assert_true(id_make(&maker, begin_ms, &id));
    assert_int_equal(id_time_ms(id), begin_ms);
    assert_true(id_make(&maker, end_ms - 1, &id));
    assert_int_equal(id_time_ms(id), end_ms - 1);
}

static void a_clock_before_2024(void **state)
{
    (void)state;
    assert_refused(0, 0, ID_EPOCH_MS - 1, "before 2024");
    assert_refused(0, 0, 0, "before 2024");
    assert_refused(0, 0, -5, "before 2024");
    assert_refused(ID_EPOCH_MS + 5000, 0, ID_EPOCH_MS - 1, "before 2024"); /* the node's last span was later */
    assert_makes_ids(ID_EPOCH_MS, ID_EPOCH_MS, ID_EPOCH_MS + SPAN_MS);
}

static void a_clock_past_the_last_id(void **state)
{
    (void)state;
    assert_refused(0, 0, LAST_MS + 2, "2093");
    assert_refused(0, 0, INT64_MAX, "2093");
    assert_refused(0, 0, LAST_MS - SPAN_MS + 2, "2093");             /* the span would end behind it */
    assert_refused(LAST_MS - 500, 0, LAST_MS - SPAN_MS, "2093");     /* the node is leased up to there */
    assert_refused(0, LAST_MS - 500, LAST_MS - 2 * SPAN_MS, "2093"); /* this taker has ids up to there */
    assert_makes_ids(LAST_MS + 1 - SPAN_MS, LAST_MS + 1 - SPAN_MS, LAST_MS + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_before_2024),
        cmocka_unit_test(a_clock_past_the_last_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
