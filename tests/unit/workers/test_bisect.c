/* The search finds exactly the bad rows, with few questions, and stops when it cannot ask. */
#include "workers/bisect.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <string.h>

enum { ROWS_MAX = 5000 };

struct world {
    bool bad[ROWS_MAX];
    bool found[ROWS_MAX];
    size_t questions;
    size_t questions_max; /* then it cannot be asked */
};

static enum bisect_answer ask(size_t first, size_t count, void *arg, struct err *err)
{
    struct world *world = arg;
    if (++world->questions > world->questions_max) {
        err_set(err, ERR_OUTAGE, "away");
        return BISECT_UNKNOWN;
    }
    for (size_t i = first; i < first + count; i++)
        if (world->bad[i]) {
            err_set(err, ERR_DATA, "row %zu", i);
            return BISECT_REFUSED;
        }
    return BISECT_FITS;
}

static void found(size_t row, const struct err *why, void *arg)
{
    struct world *world = arg;
    char text[32];
    assert_false(world->found[row]);
    world->found[row] = true;
    snprintf(text, sizeof text, "row %zu", row);
    assert_string_equal(why->text, text);
}

static void check(struct world *world, size_t count)
{
    const struct bisect bisect = {.ask = ask, .bad = found, .arg = world};
    struct err err = {0};
    world->questions_max = SIZE_MAX;
    assert_true(bisect_rows(&bisect, 0, count, &err));
    assert_memory_equal(world->bad, world->found, sizeof world->bad);
}

static void any_subset_of_up_to_three(void **state)
{
    (void)state;
    enum { COUNT = 13 };
    for (size_t a = 0; a <= COUNT; a++)
        for (size_t b = 0; b <= COUNT; b++)
            for (size_t c = 0; c <= COUNT; c++) {
                static struct world world;
                memset(&world, 0, sizeof world);
                if (a < COUNT)
                    world.bad[a] = true;
                if (b < COUNT)
                    world.bad[b] = true;
                if (c < COUNT)
                    world.bad[c] = true;
                check(&world, COUNT);
            }
}

static void all_and_none(void **state)
{
    (void)state;
    static struct world world;
    check(&world, 100);
    assert_int_equal(world.questions, 1);
    memset(&world, 0, sizeof world);
    memset(world.bad, true, 100);
    check(&world, 100);
    memset(&world, 0, sizeof world);
    check(&world, 0);
    assert_int_equal(world.questions, 0);
}

static void one_of_many_costs_few_questions(void **state)
{
    (void)state;
    static struct world world;
    memset(&world, 0, sizeof world);
    world.bad[4321] = true;
    check(&world, ROWS_MAX);
    assert_in_range(world.questions, 1, 27); /* 2 * log2(5000) + 1 */
}

static void an_outage_ends_it(void **state)
{
    (void)state;
    static struct world world;
    memset(&world, 0, sizeof world);
    world.bad[3] = world.bad[90] = true;
    world.questions_max = 9;
    const struct bisect bisect = {.ask = ask, .bad = found, .arg = &world};
    struct err err = {0};
    assert_false(bisect_rows(&bisect, 0, 100, &err));
    assert_int_equal(err.kind, ERR_OUTAGE);
    assert_false(world.found[90]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_subset_of_up_to_three),
        cmocka_unit_test(all_and_none),
        cmocka_unit_test(one_of_many_costs_few_questions),
        cmocka_unit_test(an_outage_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
