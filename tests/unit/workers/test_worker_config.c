/* Settings that do not go together are refused with the rest, before anything is started. */
#include "workers/worker_config.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

static enum config_outcome load(const char *session, const char *interval, struct err *err)
{
    struct worker_config config = {0};
    char *argv[] = {(char *)"weir-worker",
                    (char *)"--mysql.catalog=mysql://weir@127.0.0.1:1/weir_catalog",
                    (char *)"--mysql.shards=mysql://weir@127.0.0.1:1/weir_shard_0",
                    (char *)(uintptr_t)session,
                    (char *)(uintptr_t)interval,
                    NULL};
    const enum config_outcome outcome = config_load(&worker_program, 5, argv, &config, NULL, err);
    config_free(&worker_program, &config);
    return outcome;
}

static void a_session_is_no_longer_than_a_hang(void **state)
{
    (void)state;
    struct err err = {0};
    const char *interval = "--worker.poll_interval_ms_max=5000";
    assert_int_equal(load("--worker.session_timeout_ms=5000", interval, &err), CONFIG_RUN);
    assert_int_equal(load("--worker.session_timeout_ms=5001", interval, &err), CONFIG_FAIL);
    assert_int_equal(err_exit_code(&err), 2);
    assert_string_equal(err.text,
                        "worker.session_timeout_ms: must be at most worker.poll_interval_ms_max (5000), not 5001");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_session_is_no_longer_than_a_hang)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
