#include "query/coupon_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_a_coupon(void **state)
{
    (void)state;
    struct coupon coupon = {.coupon_id = 7,
                            .total = 100,
                            .opened = 3,
                            .version = 2,
                            .opens_at_ms = INT64_C(1795176000000),
                            .hold_ms = 10000,
                            .room_id = 17,
                            .per_user_limit = 1,
                            .gate_open = true,
                            .title = "half \"price\""};
    struct buf json = {0};
    coupon_append_json(&coupon, &json);
    assert_string_equal(
        json.data, "\"coupon_id\":7,\"room_id\":17,\"title\":\"half \\\"price\\\"\",\"total\":100,\"per_user_limit\":1,"
                   "\"opens_at\":\"2026-11-20T12:00:00.000Z\",\"ends_at\":null,\"gate\":\"open\",\"hold_ms\":10000,"
                   "\"opened\":3,\"version\":2");
    buf_free(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_coupon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
