/* The embedded contract is whole: it parses, names every route of the contract, and every reference in it leads
 * somewhere. */
#include "schemas/layout.h"
#include "schemas/openapi.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static json_t *document;

static int load(void **state)
{
    (void)state;
    json_error_t error;
    document = json_loads(openapi_json, JSON_REJECT_DUPLICATES, &error);
    if (document == NULL)
        print_error("line %d: %s\n", error.line, error.text);
    return document == NULL;
}

static int unload(void **state)
{
    (void)state;
    json_decref(document);
    return 0;
}

static void every_route_is_described(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        const char *path;
    } routes[] = {
        {"post", "/api/coupon/grab"},
        {"post", "/api/coupon/grab/batch"},
        {"get", "/api/user/{id}/coupons"},
        {"get", "/api/grab/{grab_id}"},
        {"get", "/api/coupon/{id}"},
        {"get", "/api/coupon/{id}/details"},
        {"get", "/api/coupon/{id}/stock"},
        {"get", "/api/coupons"},
        {"get", "/api/room/{id}/orders"},
        {"get", "/api/room/{id}/stats"},
        {"get", "/api/orders/recent"},
        {"get", "/api/statistics/global"},
        {"get", "/admin/stats"},
        {"get", "/admin/shards/status"},
        {"post", "/admin/coupons"},
        {"post", "/admin/coupons/{id}/restock"},
        {"post", "/admin/coupons/{id}/open"},
        {"post", "/admin/coupons/{id}/close"},
        {"get", "/livez"},
        {"get", "/readyz"},
        {"get", "/healthz"},
        {"get", "/metrics"},
        {"get", "/openapi.json"},
    };
    const json_t *paths = json_object_get(document, "paths");
    assert_int_equal(json_object_size(paths), sizeof routes / sizeof *routes);
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (json_object_get(json_object_get(json_object_get(paths, routes[i].path), routes[i].method), "responses") ==
            NULL)
            fail_msg("%s %s is not described", routes[i].method, routes[i].path);
}

/* "#/components/schemas/Problem" -> what is there, or NULL. */
static const json_t *follow(const char *reference)
{
    const json_t *at = document;
    char text[200];
    assert_int_equal(strncmp(reference, "#/", 2), 0);
    assert_true(strlen(reference) < sizeof text);
    strcpy(text, reference + 2);
    char *rest = NULL;
    for (char *part = strtok_r(text, "/", &rest); part != NULL; part = strtok_r(NULL, "/", &rest))
        at = json_object_get(at, part);
    return at;
}

static size_t check_references(const json_t *json)
{
    size_t count = 0, index;
    const char *key;
    const json_t *child;
    json_array_foreach(json, index, child) count += check_references(child);
    json_object_foreach((json_t *)json, key, child)
    {
        count += check_references(child);
        if (strcmp(key, "$ref") != 0)
            continue;
        count++;
        if (follow(json_string_value(child)) == NULL)
            fail_msg("%s leads nowhere", json_string_value(child));
    }
    return count;
}

static void every_reference_leads_somewhere(void **state)
{
    (void)state;
    assert_true(check_references(document) > 100);
}

/* The layouts that a question may force are those that there are. */
static void the_layouts_are_named(void **state)
{
    (void)state;
    const json_t *names = follow("#/components/parameters/Layout/schema/enum");
    assert_non_null(names);
    for (size_t i = 0; i <= json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        assert_string_equal(name ? name : "", layout_nth(i) ? layout_nth(i)->name : "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_is_described),
        cmocka_unit_test(every_reference_leads_somewhere),
        cmocka_unit_test(the_layouts_are_named),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
