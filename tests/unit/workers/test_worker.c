/* Each shard of the settings is a part of readiness, up to the last that they may name. Nobody listens on the ports that
 * this test names. */
#include "core/service.h"
#include "schemas/route.h"
#include "workers/worker.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <string.h>

static void each_shard_is_a_part(void **state)
{
    (void)state;
    static struct worker_config config;
    struct buf said = {0}, shards = {0};
    struct err err = {0};
    buf_append_str(&shards, "--mysql.shards=");
    for (int i = 0; i < ROUTE_SHARDS_MAX; i++)
        buf_printf(&shards, "%smysql://weir@127.0.0.1:1/weir_shard_%d", i == 0 ? "" : ",", i);
    char *argv[] = {(char *)"weir-worker", (char *)"--mysql.catalog=mysql://weir@127.0.0.1:1/weir_catalog", shards.data,
                    NULL};
    if (config_load(&worker_program, 3, argv, &config, NULL, &err) != CONFIG_RUN)
        fail_msg("%s", err.text);
    struct worker *worker = worker_start(&config);
    service_ready_text(&said);
    for (int i = 0; i < ROUTE_SHARDS_MAX; i++) {
        char line[40];
        snprintf(line, sizeof line, "[-] shard %d: not ready yet\n", i);
        assert_non_null(strstr(said.data, line));
    }
    worker_stop(worker);
    config_free(&worker_program, &config);
    buf_free(&said);
    buf_free(&shards);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_shard_is_a_part)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
