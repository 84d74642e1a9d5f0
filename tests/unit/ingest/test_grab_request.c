/* The body of a grab, as a table: what is taken, and what is refused with which status and code. */
#include "ingest/grab_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define USER_MAX "9223372036854775807"

static const struct {
    const char *body;
    int status; /* 0: taken */
    const char *code;
    uint64_t user, coupon;
    int64_t room; /* -1: not given */
} cases[] = {
    {"{\"user_id\":123,\"coupon_id\":456,\"room_id\":17}", 0, NULL, 123, 456, 17},
    {"{\"user_id\":123,\"coupon_id\":456}", 0, NULL, 123, 456, -1},
    {"{\"user_id\":\"123\",\"coupon_id\":\"456\",\"room_id\":\"17\"}", 0, NULL, 123, 456, 17},
    {"{\"user_id\":123,\"coupon_id\":\"456\"}", 0, NULL, 123, 456, -1},
    {"{\"user_id\":\"123\",\"coupon_id\":456,\"room_id\":null}", 0, NULL, 123, 456, -1},
    {"{\"user_id\":1,\"coupon_id\":1,\"room_id\":0}", 0, NULL, 1, 1, 0},
    {"{\"user_id\":1,\"coupon_id\":1,\"room_id\":\"0\"}", 0, NULL, 1, 1, 0},
    {"{\"user_id\":1,\"coupon_id\":1,\"room_id\":4294967295}", 0, NULL, 1, 1, 4294967295},
    {"{\"user_id\":" USER_MAX ",\"coupon_id\":" USER_MAX "}", 0, NULL, INT64_MAX, INT64_MAX, -1},
    {"{\"user_id\":\"" USER_MAX "\",\"coupon_id\":\"" USER_MAX "\"}", 0, NULL, INT64_MAX, INT64_MAX, -1},
    {"{\"user_id\":9007199254740993,\"coupon_id\":1}", 0, NULL, 9007199254740993, 1, -1},
    {" \r\n\t{ \"coupon_id\" : 2 , \"user_id\" : 1 } \n", 0, NULL, 1, 2, -1},
    {"{\"user_id\":\"007\",\"coupon_id\":1}", 0, NULL, 7, 1, -1},
    {"{\"user_id\":1,\"coupon_id\":2,\"extra\":{\"user_id\":9},\"list\":[1,{}]}", 0, NULL, 1, 2, -1},
    {"{\"user_id\":1,\"coupon_id\":2,\"note\":\"\\u00fc \\ud83d\\ude00\"}", 0, NULL, 1, 2, -1},
    {"{\"us\\u0065r_id\":1,\"coupon_id\":2}", 0, NULL, 1, 2, -1},
    {"{\"user_id\":1,\"coupon_id\":2,\"extra\":null,\"f\":1.5e3,\"b\":true}", 0, NULL, 1, 2, -1},
    /* not JSON, or not only JSON */
    {"", 400, "not_json", 0, 0, -1},
    {" ", 400, "not_json", 0, 0, -1},
    {"{", 400, "not_json", 0, 0, -1},
    {"}", 400, "not_json", 0, 0, -1},
    {"user_id=1&coupon_id=2", 400, "not_json", 0, 0, -1},
    {"{\"user_id\":1,\"coupon_id\":2", 400, "not_json", 0, 0, -1},
    {"{\"user_id\":1,\"coupon_id\":2}}", 400, "not_json", 0, 0, -1},
    {"{\"user_id\":1,\"coupon_id\":2} x", 400, "not_json", 0, 0, -1},
    {"{\"user_id\":1,\"coupon_id\":2}{\"user_id\":1,\"coupon_id\":2}", 400, "not_json", 0, 0, -1},
    {"{\"user_id\":1,\"coupon_id\":2,}", 400, "not_json", 0, 0, -1},
    {"{'user_id':1,'coupon_id':2}", 400, "not_json", 0, 0, -1},
    {"{user_id:1,coupon_id:2}", 400, "not_json", 0, 0, -1},
    {"{\"user_id\":01,\"coupon_id\":2}", 400, "not_json", 0, 0, -1},
    {"{\"user_id\":+1,\"coupon_id\":2}", 400, "not_json", 0, 0, -1},
    {"{\"user_id\":0x10,\"coupon_id\":2}", 400, "not_json", 0, 0, -1},
    {"{\"user_id\":NaN,\"coupon_id\":2}", 400, "not_json", 0, 0, -1},
    {"{\"user_id\":1,\"coupon_id\":2} /* c */", 400, "not_json", 0, 0, -1},
    {"{\"user_id\":1,\"coupon_id\":2,\"x\":\"\xff\"}", 400, "not_json", 0, 0, -1},
    {"{\"user_id\":1,\"coupon_id\":2,\"x\":\"\\u0000\"}", 400, "not_json", 0, 0, -1},
    {"{\"user_id\":1,\"coupon_id\":2,\"x\":\"\\ud800\"}", 400, "not_json", 0, 0, -1},
    {"\xef\xbb\xbf{\"user_id\":1,\"coupon_id\":2}", 400, "not_json", 0, 0, -1},
    {"{\"user_id\":1,\"user_id\":2,\"coupon_id\":3}", 400, "duplicate_key", 0, 0, -1},
    {"{\"user_id\":1,\"us\\u0065r_id\":1,\"coupon_id\":3}", 400, "duplicate_key", 0, 0, -1},
    {"{\"user_id\":1,\"coupon_id\":3,\"x\":{\"a\":1,\"a\":2}}", 400, "duplicate_key", 0, 0, -1},
    {"[]", 400, "not_an_object", 0, 0, -1},
    {"[{\"user_id\":1,\"coupon_id\":2}]", 400, "not_an_object", 0, 0, -1},
    {"1", 400, "not_an_object", 0, 0, -1},
    {"\"text\"", 400, "not_an_object", 0, 0, -1},
    {"null", 400, "not_an_object", 0, 0, -1},
    {"true", 400, "not_an_object", 0, 0, -1},
    /* fields */
    {"{}", 422, "missing_field", 0, 0, -1},
    {"{\"user_id\":1}", 422, "missing_field", 0, 0, -1},
    {"{\"coupon_id\":1}", 422, "missing_field", 0, 0, -1},
    {"{\"user_id\":null,\"coupon_id\":1}", 422, "missing_field", 0, 0, -1},
    {"{\"USER_ID\":1,\"coupon_id\":1}", 422, "missing_field", 0, 0, -1},
    {"{\"user_id\":0,\"coupon_id\":1}", 422, "bad_field", 0, 0, -1},
    {"{\"user_id\":1,\"coupon_id\":0}", 422, "bad_field", 0, 0, -1},
    {"{\"user_id\":-1,\"coupon_id\":1}", 422, "bad_field", 0, 0, -1},
    {"{\"user_id\":\"0\",\"coupon_id\":1}", 422, "bad_field", 0, 0, -1},
    {"{\"user_id\":\"-1\",\"coupon_id\":1}", 422, "bad_field", 0, 0, -1},
    {"{\"user_id\":\"+1\",\"coupon_id\":1}", 422, "bad_field", 0, 0, -1},
    {"{\"user_id\":\"\",\"coupon_id\":1}", 422, "bad_field", 0, 0, -1},
    {"{\"user_id\":\" 1\",\"coupon_id\":1}", 422, "bad_field", 0, 0, -1},
    {"{\"user_id\":\"1 \",\"coupon_id\":1}", 422, "bad_field", 0, 0, -1},
    {"{\"user_id\":\"1e3\",\"coupon_id\":1}", 422, "bad_field", 0, 0, -1},
    {"{\"user_id\":\"1.0\",\"coupon_id\":1}", 422, "bad_field", 0, 0, -1},
    {"{\"user_id\":\"abc\",\"coupon_id\":1}", 422, "bad_field", 0, 0, -1},
    {"{\"user_id\":\"\xd9\xa1\",\"coupon_id\":1}", 422, "bad_field", 0, 0,
     -1}, /* a digit, but not a decimal one of ASCII */
    {"{\"user_id\":1.0,\"coupon_id\":1}", 422, "bad_field", 0, 0, -1},
    {"{\"user_id\":1e3,\"coupon_id\":1}", 422, "bad_field", 0, 0, -1},
    {"{\"user_id\":true,\"coupon_id\":1}", 422, "bad_field", 0, 0, -1},
    {"{\"user_id\":[1],\"coupon_id\":1}", 422, "bad_field", 0, 0, -1},
    {"{\"user_id\":{},\"coupon_id\":1}", 422, "bad_field", 0, 0, -1},
    {"{\"user_id\":9223372036854775808,\"coupon_id\":1}", 422, "bad_field", 0, 0, -1},
    {"{\"user_id\":\"9223372036854775808\",\"coupon_id\":1}", 422, "bad_field", 0, 0, -1},
    {"{\"user_id\":\"18446744073709551617\",\"coupon_id\":1}", 422, "bad_field", 0, 0, -1},
    {"{\"user_id\":\"99999999999999999999999999\",\"coupon_id\":1}", 422, "bad_field", 0, 0, -1},
    {"{\"user_id\":99999999999999999999999999,\"coupon_id\":1}", 422, "bad_field", 0, 0, -1},
    {"{\"user_id\":1,\"coupon_id\":1,\"room_id\":-1}", 422, "bad_field", 0, 0, -1},
    {"{\"user_id\":1,\"coupon_id\":1,\"room_id\":4294967296}", 422, "bad_field", 0, 0, -1},
    {"{\"user_id\":1,\"coupon_id\":1,\"room_id\":\"x\"}", 422, "bad_field", 0, 0, -1},
    {"{\"user_id\":1,\"coupon_id\":1,\"room_id\":1.5}", 422, "bad_field", 0, 0, -1},
};

static void check_case(size_t i)
{
    struct grab_request request = {0};
    struct request_fault fault = {0};
    bool taken = grab_request_parse(cases[i].body, strlen(cases[i].body), &request, &fault);
    if (taken != (cases[i].status == 0))
        fail_msg("%s: %s", cases[i].body, taken ? "was taken" : fault.detail);
    if (!taken) {
        if (fault.status != cases[i].status || strcmp(fault.code, cases[i].code) != 0)
            fail_msg("%s: answered %d %s", cases[i].body, fault.status, fault.code);
        assert_true(strlen(fault.detail) > 10);
        return;
    }
    assert_int_equal(request.user_id, cases[i].user);
    assert_int_equal(request.coupon_id, cases[i].coupon);
    assert_int_equal(request.room_given, cases[i].room >= 0);
    assert_int_equal(request.room_id, cases[i].room >= 0 ? cases[i].room : 0);
}

static void test_bodies(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_case(i);
}

/* The body is not NUL-terminated text: bytes behind `len` do not count, and a NUL inside is no end. */
static void test_length_counts(void **state)
{
    (void)state;
    struct grab_request request;
    struct request_fault fault;
    const char body[] = "{\"user_id\":1,\"coupon_id\":2}garbage";
    assert_true(grab_request_parse(body, strlen("{\"user_id\":1,\"coupon_id\":2}"), &request, &fault));
    const char nul[] = "{\"user_id\":1,\"coupon_id\":2}\0";
    assert_false(grab_request_parse(nul, sizeof nul - 1, &request, &fault));
    assert_int_equal(fault.status, 400);
}

static void test_deep_nesting_is_refused(void **state)
{
    (void)state;
    static char body[16384];
    memset(body, '[', sizeof body);
    struct grab_request request;
    struct request_fault fault;
    assert_false(grab_request_parse(body, sizeof body, &request, &fault));
    assert_int_equal(fault.status, 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_length_counts),
        cmocka_unit_test(test_deep_nesting_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
