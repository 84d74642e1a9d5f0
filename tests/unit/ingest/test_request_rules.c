#include "ingest/request_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static bool is_json(const char *text)
{
    return request_is_json(text, strlen(text));
}

static void test_content_types(void **state)
{
    (void)state;
    assert_true(is_json("application/json"));
    assert_true(is_json("Application/JSON"));
    assert_true(is_json("application/json; charset=utf-8"));
    assert_true(is_json("application/json;charset=utf-8"));
    assert_true(is_json("application/json ; charset=utf-8"));
    assert_true(is_json(" application/json"));
    assert_false(is_json(""));
    assert_false(is_json("text/plain"));
    assert_false(is_json("application/jsonp"));
    assert_false(is_json("application/json-patch+json"));
    assert_false(is_json("application/js"));
    assert_false(is_json("application/x-www-form-urlencoded"));
    assert_false(request_is_json("application/json", 8)); /* the length counts */
}

static bool is_trace(const char *text)
{
    return request_is_traceparent(text, strlen(text));
}

static void test_traceparents(void **state)
{
    (void)state;
    assert_true(is_trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
    assert_true(is_trace("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more"));
    assert_false(is_trace(""));
    assert_false(is_trace("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
    assert_false(is_trace("00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
    assert_false(is_trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0"));
    assert_false(is_trace("00-0af7651916cd43dd8448eb211c80319cxb7ad6b7169203331-01"));
    assert_false(is_trace("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more"));
    assert_false(is_trace("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-m\x01re"));
    assert_false(is_trace("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-longer-than-64"));
}

static void test_text_fields(void **state)
{
    (void)state;
    struct request_fault fault;
    static const char body[] = "{\"a\":\"abc\",\"n\":5,\"z\":null}";
    json_t *object = request_json(body, sizeof body - 1, &fault);
    const char *text = NULL;
    assert_non_null(object);
    assert_true(request_text(object, "a", 1, 3, &text, &fault));
    assert_string_equal(text, "abc");
    assert_true(request_text(object, "z", 0, 3, &text, &fault));
    assert_string_equal(text, "");
    assert_true(request_text(object, "none", 0, 3, &text, &fault));
    assert_false(request_text(object, "a", 1, 2, &text, &fault));
    assert_string_equal(fault.code, "bad_field");
    assert_false(request_text(object, "n", 0, 3, &text, &fault));
    assert_false(request_text(object, "none", 1, 3, &text, &fault));
    assert_string_equal(fault.code, "missing_field");
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content_types),
        cmocka_unit_test(test_traceparents),
        cmocka_unit_test(test_text_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
