#include "ingest/batch_request.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct batch_element *parse(const char *body, size_t *count, struct request_fault *fault)
{
    return batch_request_parse(body, strlen(body), 3, count, fault);
}

static void test_each_stands_alone(void **state)
{
    (void)state;
    size_t count = 0;
    struct request_fault fault;
    struct batch_element *elements =
        parse("{\"grabs\":[{\"user_id\":1,\"coupon_id\":2},{\"user_id\":0,\"coupon_id\":2},7]}", &count, &fault);
    assert_non_null(elements);
    assert_int_equal(count, 3);
    assert_true(elements[0].good);
    assert_int_equal(elements[0].request.coupon_id, 2);
    assert_false(elements[1].good);
    assert_int_equal(elements[1].fault.status, 422);
    assert_false(elements[2].good);
    struct buf text = {0};
    batch_fault_json(&elements[1].fault, &text);
    json_t *json = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    assert_int_equal(json_integer_value(json_object_get(json, "status")), 422);
    assert_true(json_is_false(json_object_get(json, "success")));
    json_decref(json);
    buf_free(&text);
    free(elements);
}

static void test_an_empty_list(void **state)
{
    (void)state;
    size_t count = 9;
    struct request_fault fault;
    struct batch_element *elements = parse("{\"grabs\":[]}", &count, &fault);
    assert_non_null(elements);
    assert_int_equal(count, 0);
    free(elements);
}

static void test_faults_of_the_whole(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int status;
        const char *code;
    } cases[] = {
        {"", 400, "not_json"},
        {"[]", 400, "not_an_object"},
        {"{\"grabs\":[{\"user_id\":1,\"user_id\":1}]}", 400, "duplicate_key"},
        {"{}", 422, "missing_field"},
        {"{\"grabs\":null}", 422, "bad_field"},
        {"{\"grabs\":{}}", 422, "bad_field"},
        {"{\"grabs\":[1,2,3,4]}", 422, "too_many_grabs"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t count;
        struct request_fault fault = {0};
        assert_null(parse(cases[i].body, &count, &fault));
        assert_int_equal(fault.status, cases[i].status);
        assert_string_equal(fault.code, cases[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_stands_alone),
        cmocka_unit_test(test_an_empty_list),
        cmocka_unit_test(test_faults_of_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
