#include "ingest/admin_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static bool token_ok(const char *header, const char *token)
{
    return admin_token_ok(header, strlen(header), token);
}

static void test_tokens(void **state)
{
    (void)state;
    assert_true(token_ok("Bearer sesame", "sesame"));
    assert_true(token_ok("bearer sesame", "sesame"));
    assert_false(token_ok("Bearer sesamE", "sesame"));
    assert_false(token_ok("Bearer sesam", "sesame"));
    assert_false(token_ok("Bearer sesames", "sesame"));
    assert_false(token_ok("Basic sesame", "sesame"));
    assert_false(token_ok("sesame", "sesame"));
    assert_false(token_ok("Bearer ", ""));
    assert_false(token_ok("", ""));
}

static void test_times(void **state)
{
    (void)state;
    int64_t ms = 0;
    assert_true(admin_time_parse("1970-01-01T00:00:00Z", &ms));
    assert_int_equal(ms, 0);
    assert_true(admin_time_parse("2026-11-20T12:00:00.123Z", &ms));
    assert_int_equal(ms, 1795176000123);
    assert_true(admin_time_parse("2026-11-20T20:00:00.1239+08:00", &ms));
    assert_int_equal(ms, 1795176000123);
    assert_true(admin_time_parse("2026-11-20T06:30:00-05:30", &ms));
    assert_int_equal(ms, 1795176000000);
    assert_true(admin_time_parse("2026-11-20t12:00:00.5z", &ms));
    assert_int_equal(ms, 1795176000500);
    static const char *const bad[] = {"",
                                      "2026-11-20",
                                      "2026-11-20T12:00:00",
                                      "2026-11-20 12:00:00Z",
                                      "2026-11-20T24:00:00Z",
                                      "2026-11-20T12:60:00Z",
                                      "2026-11-20T12:00:60Z",
                                      "2026-02-30T12:00:00Z",
                                      "2026-11-20T12:00:00.Z",
                                      "2026-11-20T12:00:00Zx",
                                      "2026-11-20T12:00:00+8",
                                      "1969-12-31T23:59:59Z"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (admin_time_parse(bad[i], &ms))
            fail_msg("%s was taken", bad[i]);
}

static bool create(const char *body, struct admin_create *ret_create, struct request_fault *fault)
{
    *fault = (struct request_fault){0};
    return admin_create_parse(body, strlen(body), ret_create, fault);
}

static void test_create(void **state)
{
    (void)state;
    static struct admin_create made;
    struct request_fault fault;
    assert_true(create("{\"room_id\":17,\"title\":\"Half\",\"total\":100}", &made, &fault));
    assert_int_equal(made.coupon.coupon_id, 0);
    assert_int_equal(made.coupon.per_user_limit, 1);
    assert_int_equal(made.coupon.hold_ms, 10000);
    assert_true(made.coupon.gate_open);
    assert_int_equal(made.coupon.opens_at_ms, 0);
    assert_true(create("{\"coupon_id\":\"5\",\"room_id\":0,\"title\":\"T\",\"total\":\"9\",\"per_user_limit\":3,"
                       "\"opens_at\":\"2026-11-20T12:00:00Z\",\"ends_at\":\"2026-11-20T13:00:00Z\",\"gate\":\"closed\","
                       "\"hold_ms\":2000,\"description\":\"d\",\"terms\":null}",
                       &made, &fault));
    assert_int_equal(made.coupon.coupon_id, 5);
    assert_int_equal(made.coupon.total, 9);
    assert_int_equal(made.coupon.ends_at_ms - made.coupon.opens_at_ms, 3600000);
    assert_false(made.coupon.gate_open);
    assert_string_equal(made.description, "d");
    assert_string_equal(made.terms, "");
    assert_true(
        create("{\"coupon_id\":9007199254740991,\"room_id\":17,\"title\":\"Half\",\"total\":1}", &made, &fault));
    assert_int_equal(made.coupon.coupon_id, COUPON_ID_CHOSEN_MAX);
}

static void test_create_faults(void **state)
{
    (void)state;
    static struct admin_create made;
    static const char *const bad[] = {
        "{}",
        "{\"room_id\":17,\"title\":\"Half\"}",
        "{\"room_id\":17,\"total\":5}",
        "{\"title\":\"Half\",\"total\":5}",
        "{\"room_id\":17,\"title\":\"\",\"total\":5}",
        "{\"room_id\":17,\"title\":\"Half\",\"total\":0}",
        "{\"room_id\":17,\"title\":\"Half\",\"total\":1000000000001}",
        "{\"room_id\":17,\"title\":\"Half\",\"total\":5,\"per_user_limit\":0}",
        "{\"coupon_id\":9007199254740992,\"room_id\":17,\"title\":\"Half\",\"total\":5}",
        "{\"coupon_id\":\"9223372036854775807\",\"room_id\":17,\"title\":\"Half\",\"total\":5}",
        "{\"room_id\":17,\"title\":\"Half\",\"total\":5,\"hold_ms\":999}",
        "{\"room_id\":17,\"title\":\"Half\",\"total\":5,\"gate\":\"ajar\"}",
        "{\"room_id\":17,\"title\":\"Half\",\"total\":5,\"opens_at\":\"soon\"}",
        "{\"room_id\":17,\"title\":\"Half\",\"total\":5,\"opens_at\":5}",
        "{\"room_id\":17,\"title\":\"Half\",\"total\":5,\"opens_at\":\"2026-11-20T12:00:00Z\","
        "\"ends_at\":\"2026-11-20T12:00:00Z\"}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct request_fault fault;
        if (create(bad[i], &made, &fault))
            fail_msg("%s was taken", bad[i]);
        assert_int_equal(fault.status, 422);
    }
}

static void test_restock(void **state)
{
    (void)state;
    uint64_t more = 0;
    struct request_fault fault;
    assert_true(admin_restock_parse("{\"add\":5}", 9, &more, &fault));
    assert_int_equal(more, 5);
    assert_false(admin_restock_parse("{\"add\":0}", 9, &more, &fault));
    assert_false(admin_restock_parse("{\"add\":-5}", 10, &more, &fault));
    assert_false(admin_restock_parse("{}", 2, &more, &fault));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens),        cmocka_unit_test(test_times),   cmocka_unit_test(test_create),
        cmocka_unit_test(test_create_faults), cmocka_unit_test(test_restock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
