/* Ids are unique and rise whatever the clock does, never leave their span, and come back from text. */
#include "protocol/ids.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <string.h>

#define DAY0 INT64_C(1795132800000) /* 2026-11-20T00:00Z */

static struct id_maker maker_of(int64_t begin_ms, int64_t end_ms, uint32_t node)
{
    struct id_maker maker = {0};
    id_maker_add_span(&maker, (struct id_span){.begin_ms = begin_ms, .end_ms = end_ms, .node = node});
    return maker;
}

static void parts_come_back(void **state)
{
    (void)state;
    uint64_t id = id_pack(DAY0 + 5, 1023, 4095);
    assert_int_equal(id_time_ms(id), DAY0 + 5);
    assert_int_equal(id_node(id), 1023);
    assert_int_equal(id_sequence(id), 4095);
    assert_int_equal(id_pack(ID_EPOCH_MS + ID_MS_MAX, ID_NODES - 1, ID_SEQUENCE_MAX), INT64_MAX);
    assert_int_equal(id_pack(ID_EPOCH_MS, 0, 0), 0);
    assert_true(id_pack(DAY0, 1023, 4095) < id_pack(DAY0 + 1, 0, 0));
}

static void without_a_span_there_is_no_id(void **state)
{
    (void)state;
    struct id_maker maker = {0};
    uint64_t id = 77;
    assert_true(id_maker_wants_span(&maker, DAY0));
    assert_false(id_make(&maker, DAY0, &id));
    assert_int_equal(id, 77);
}

static void a_clock_behind_is_read_as_the_begin(void **state)
{
    (void)state;
    struct id_maker maker = maker_of(DAY0, DAY0 + 10, 1);
    uint64_t id;
    assert_true(id_make(&maker, DAY0 - 86400000, &id));
    assert_int_equal(id_time_ms(id), DAY0);
    assert_int_equal(id_sequence(id), 0);
}

static void a_clock_past_the_span_makes_no_id(void **state)
{
    (void)state;
    struct id_maker maker = maker_of(DAY0, DAY0 + 10, 1);
    uint64_t id;
    assert_false(id_make(&maker, DAY0 + 10, &id));
    assert_true(id_make(&maker, DAY0 + 9, &id));
    assert_int_equal(id_time_ms(id), DAY0 + 9);
    assert_false(id_make(&maker, DAY0 + 10, &id));
}

static void ids_rise_under_any_clock(void **state)
{
    (void)state;
    struct id_maker maker = maker_of(DAY0, DAY0 + 1000, 7);
    uint64_t last = 0, id;
    for (int i = 0; i < 20000; i++) {
        int64_t clock = DAY0 + (i * 7919) % 900 - 200; /* jumps to and fro */
        assert_true(id_make(&maker, clock, &id));
        assert_true(id > last);
        assert_in_range(id_time_ms(id), DAY0, DAY0 + 999);
        assert_int_equal(id_node(id), 7);
        last = id;
    }
}

static void a_full_millisecond_runs_ahead_of_the_clock(void **state)
{
    (void)state;
    struct id_maker maker = maker_of(DAY0, DAY0 + 2, 1);
    uint64_t id = 0;
    for (int i = 0; i < 2 * (ID_SEQUENCE_MAX + 1); i++) {
        assert_true(id_make(&maker, DAY0, &id));
        assert_int_equal(id_time_ms(id), DAY0 + i / (ID_SEQUENCE_MAX + 1));
        assert_int_equal(id_sequence(id), i % (ID_SEQUENCE_MAX + 1));
    }
    assert_false(id_make(&maker, DAY0, &id)); /* the span is used up, though the clock stands still in it */
    assert_false(id_make(&maker, DAY0 + 1, &id));
}

static void the_next_span_is_taken_where_the_first_ends(void **state)
{
    (void)state;
    struct id_maker maker = maker_of(DAY0, DAY0 + 10, 1);
    uint64_t first, second, id;
    assert_true(id_make(&maker, DAY0 + 9, &first));
    assert_true(id_maker_wants_span(&maker, DAY0 + 9));
    id_maker_add_span(&maker, (struct id_span){.begin_ms = DAY0 + 50, .end_ms = DAY0 + 60, .node = 2});
    assert_false(id_maker_wants_span(&maker, DAY0 + 9));
    assert_true(id_make(&maker, DAY0 + 9, &id)); /* the first one still serves */
    assert_int_equal(id_node(id), 1);
    assert_true(id_make(&maker, DAY0 + 10, &second));
    assert_int_equal(id_node(second), 2);
    assert_int_equal(id_time_ms(second), DAY0 + 50);
    assert_true(id_maker_wants_span(&maker, DAY0 + 55));
    assert_true(id_make(&maker, DAY0, &id)); /* stepped back: never back into the old span */
    assert_true(id > second);
}

static void a_span_slept_through_is_not_used(void **state)
{
    (void)state;
    struct id_maker maker = maker_of(DAY0, DAY0 + 10, 1);
    uint64_t id;
    assert_true(id_make(&maker, DAY0, &id));
    id_maker_add_span(&maker, (struct id_span){.begin_ms = DAY0 + 10, .end_ms = DAY0 + 20, .node = 1});
    assert_true(id_maker_wants_span(&maker, DAY0 + 20));
    assert_false(id_make(&maker, DAY0 + 20, &id)); /* stopped for long: both spans may be another's past */
}

static void days_follow_the_time_zone(void **state)
{
    (void)state;
    assert_int_equal(id_day(id_pack(DAY0, 0, 0), 0), 20777);
    assert_int_equal(id_day(id_pack(DAY0 - 1, 0, 0), 0), 20776);
    assert_int_equal(id_day(id_pack(DAY0 - 1, 0, 0), 480), 20777);
    assert_int_equal(id_day(id_pack(DAY0, 0, 0), -1), 20776);
    assert_int_equal(id_day(id_pack(ID_EPOCH_MS, 0, 0), -840), 19722); /* 2023-12-31 */
}

static void text_becomes_an_id_or_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "0",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1a",
                                      "9223372036854775808",
                                      "99999999999999999999",
                                      "0x10",
                                      "1.0",
                                      "00000000000000000001"};
    uint64_t id = 5;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(id_parse(bad[i], strlen(bad[i]), &id));
    assert_int_equal(id, 5);
    assert_true(id_parse("9223372036854775807", 19, &id));
    assert_int_equal(id, INT64_MAX);
    assert_true(id_parse("12", 1, &id)); /* only so many bytes are read */
    assert_int_equal(id, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_come_back),
        cmocka_unit_test(without_a_span_there_is_no_id),
        cmocka_unit_test(a_clock_behind_is_read_as_the_begin),
        cmocka_unit_test(a_clock_past_the_span_makes_no_id),
        cmocka_unit_test(ids_rise_under_any_clock),
        cmocka_unit_test(a_full_millisecond_runs_ahead_of_the_clock),
        cmocka_unit_test(the_next_span_is_taken_where_the_first_ends),
        cmocka_unit_test(a_span_slept_through_is_not_used),
        cmocka_unit_test(days_follow_the_time_zone),
        cmocka_unit_test(text_becomes_an_id_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
