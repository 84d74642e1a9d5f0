/* Those that do not answer cost one timeout a pass, each has its turn, and all others are asked in every pass. */
#include "core/kafka_pass.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

enum { PARTITIONS = 12, WHOLE_MS = 1000 };

static struct kafka_pass pass;
static bool away[PARTITIONS];
static int asked[PARTITIONS];
static int64_t waited_ms; /* in vain, by the last pass */

/* Answers how many were asked in vain. */
static int go_over_all(void)
{
    int in_vain = 0;
    waited_ms = 0;
    kafka_pass_begin(&pass);
    for (int32_t p = 0; p < PARTITIONS; p++) {
        if (!kafka_pass_asks(&pass, p))
            continue;
        asked[p]++;
        in_vain += away[p];
        waited_ms += away[p] ? kafka_pass_wait_ms(&pass, p, WHOLE_MS) : 0;
        kafka_pass_told(&pass, p, !away[p]);
    }
    return in_vain;
}

static int begin(void **state)
{
    (void)state;
    pass = (struct kafka_pass){0};
    memset(away, 0, sizeof away);
    memset(asked, 0, sizeof asked);
    away[1] = away[5] = away[11] = true;
    return 0;
}

static void each_pass_costs_one(void **state)
{
    (void)state;
    assert_int_equal(go_over_all(), 3); /* who does not answer is not known before */
    assert_int_equal(waited_ms, WHOLE_MS + 2 * WHOLE_MS / 10);
    for (int i = 0; i < 40; i++) {
        assert_true(go_over_all() <= 1);
        assert_true(waited_ms == 0 || waited_ms == WHOLE_MS);
    }
    for (int p = 0; p < PARTITIONS; p++)
        assert_in_range(asked[p], away[p] ? 10 : 41, away[p] ? 20 : 41);
    assert_int_equal(pass.away_count, 3);
}

static void those_that_are_back_are_found_within_two_passes(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        (void)go_over_all();
    memset(away, 0, sizeof away);
    (void)go_over_all();
    (void)go_over_all();
    assert_int_equal(pass.away_count, 0);
}

static void one_that_stays_away_hides_no_other(void **state)
{
    (void)state;
    (void)go_over_all();
    away[5] = away[11] = false;
    for (int i = 0; i < 3; i++)
        (void)go_over_all();
    assert_int_equal(pass.away_count, 1);
    assert_true(pass.away[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_pass_costs_one, begin),
        cmocka_unit_test_setup(those_that_are_back_are_found_within_two_passes, begin),
        cmocka_unit_test_setup(one_that_stays_away_hides_no_other, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
