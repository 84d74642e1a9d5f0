/* What a rebuild says of itself, and how long the keeper rests after one that failed. */
#include "ingest/keeper.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

static void says(const struct rebuild_progress *progress, int64_t now_ms, const char *want)
{
    char text[PROGRESS_TEXT_MAX];
    progress_text(progress, now_ms, text);
    assert_string_equal(text, want);
}

static void each_step_has_its_words(void **state)
{
    (void)state;
    struct rebuild_progress progress = {.step = REBUILD_RAISE, .step_begun_ms = 1000};
    says(&progress, 1000, "rebuild: raise");
    progress.epoch = 7;
    progress.step = REBUILD_WAIT;
    progress.wait_until_ms = 6250;
    says(&progress, 2000, "rebuild: epoch 7, wait, 5 s to go");
    says(&progress, 6250, "rebuild: epoch 7, wait");
    progress.step = REBUILD_OPEN;
    progress.coupons = 500;
    progress.coupons_done = 20;
    says(&progress, 2000, "rebuild: epoch 7, open, 20 of 500 coupons");
}

static void a_fold_tells_its_rate(void **state)
{
    (void)state;
    struct rebuild_progress progress = {.epoch = 7, .step = REBUILD_FOLD, .step_begun_ms = 1000, .shards = 4};
    says(&progress, 1000, "rebuild: epoch 7, fold, 0 of 4 shards, 0 rows, 0 records, 0/s");
    progress.rows = 1240000;
    progress.records = 9999;
    progress.shards_done = 2;
    says(&progress, 5000, "rebuild: epoch 7, fold, 2 of 4 shards, 1.2 M rows, 9999 records, 312 k/s");
}

static void the_rate_of_a_later_part_is_its_own(void **state)
{
    (void)state;
    struct rebuild_progress progress = {
        .epoch = 7, .step = REBUILD_FOLD, .step_begun_ms = 1000, .shards = 8, .step_from = 1000000};
    progress.rows = 1000000;
    progress.records = 8000;
    progress.shards_done = 4;
    says(&progress, 5000, "rebuild: epoch 7, fold, 4 of 8 shards, 1.0 M rows, 8000 records, 2000/s");
    progress = (struct rebuild_progress){
        .step = REBUILD_CLAIMS, .step_begun_ms = 1000, .claims = 500000, .claims_all = 900000, .step_from = 400000};
    says(&progress, 2000, "rebuild: claims, 500 k of 900 k claims, 100 k/s, 4 s to go");
}

static void claims_tell_what_is_left(void **state)
{
    (void)state;
    struct rebuild_progress progress = {.step = REBUILD_CLAIMS, .step_begun_ms = 1000, .claims_all = 5000000};
    says(&progress, 3000, "rebuild: claims, 0 of 5.0 M claims, 0/s");
    progress.claims = 1000000;
    says(&progress, 3000, "rebuild: claims, 1.0 M of 5.0 M claims, 500 k/s, 8 s to go");
}

static void every_step_has_a_name(void **state)
{
    (void)state;
    for (enum rebuild_step step = REBUILD_RAISE; step <= REBUILD_STOP; step++)
        assert_non_null(rebuild_step_name(step));
}

static void the_rest_grows_and_is_bounded(void **state)
{
    (void)state;
    assert_int_equal(keeper_rest_ms(1, 200, KEEPER_REST_MS_MAX), 200);
    assert_int_equal(keeper_rest_ms(2, 200, KEEPER_REST_MS_MAX), 400);
    assert_int_equal(keeper_rest_ms(4, 200, KEEPER_REST_MS_MAX), 1600);
    for (unsigned failed = 6; failed < 100; failed++)
        assert_int_equal(keeper_rest_ms(failed, 200, KEEPER_REST_MS_MAX), KEEPER_REST_MS_MAX);
    assert_int_equal(keeper_rest_ms(4000000000U, 1000, KEEPER_REST_MS_MAX), KEEPER_REST_MS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_step_has_its_words),
        cmocka_unit_test(a_fold_tells_its_rate),
        cmocka_unit_test(the_rate_of_a_later_part_is_its_own),
        cmocka_unit_test(claims_tell_what_is_left),
        cmocka_unit_test(every_step_has_a_name),
        cmocka_unit_test(the_rest_grows_and_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
