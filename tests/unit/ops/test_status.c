/* weir status: what the parts' answers add up to, and how it is shown. */
#include "ops/cli/status.h"
#include "schemas/grabs.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct status status;

static void fill_part(struct status_part *part, const char *name)
{
    snprintf(part->name, sizeof part->name, "%s", name);
    part->up = true;
}

/* Two shards, four partitions, both layouts; all up; 100 records in each partition. */
static int set_up(void **state)
{
    (void)state;
    status = (struct status){.stream = &stream_grabs,
                             .shard_count = 2,
                             .at_ms = 1000000,
                             .meta = {.epoch = 3, .partitions = 4, .cluster = "abcdef0123456789"}};
    fill_part(&status.catalog, "catalog");
    fill_part(&status.kafka, "kafka");
    fill_part(&status.redis, "redis-stock");
    status.stock.known = true;
    for (size_t i = 0; i < 2; i++) {
        fill_part(&status.shard[i].part, i == 0 ? "0" : "1");
        status.shard[i].commit_age_ms = -1;
    }
    for (size_t i = 0; i < stream_grabs.layout_count; i++) {
        const struct layout *layout = stream_grabs.layouts[i].layout;
        route_spread(&status.route[i], &stream_grabs, layout, 4, 2);
        status.layout[i] = (struct status_layout){.counted = true, .known = true, .missing = 4};
        snprintf(status.layout[i].name, sizeof status.layout[i].name, "%s", layout->name);
    }
    for (int32_t p = 0; p < 4; p++)
        status.high[p] = 100;
    return 0;
}

static void add(const char *layout, const char *topic, size_t shard, int32_t partition, int64_t next_offset)
{
    struct status_progress row = {.partition = partition,
                                  .next_offset = next_offset,
                                  .updated_ms = 998000,
                                  .records = 10,
                                  .ok = 6,
                                  .voided = 1,
                                  .duplicates = 1,
                                  .dead_letters = 1,
                                  .barriers = 1};
    snprintf(row.layout, sizeof row.layout, "%s", layout);
    snprintf(row.topic, sizeof row.topic, "%s", topic);
    status_add_progress(&status, shard, &row);
}

static void add_all(void)
{
    for (int32_t p = 0; p < 4; p++) {
        add("hash", "grabs", (size_t)p % 2, p, 100);
        add("daily", "grabs", (size_t)p % 2, p, 100);
    }
}

static void test_lag(void **state)
{
    (void)state;
    add("hash", "grabs", 0, 0, 60);
    add("hash", "grabs", 1, 1, 105); /* the log's end was read before */
    assert_int_equal(status.layout[0].lag, 40);
    assert_int_equal(status.layout[0].missing, 2);
    assert_int_equal(status.layout[0].ok, 12);
    assert_int_equal(status.shard[0].rows, 7);
    assert_int_equal(status.shard[0].commit_age_ms, 2000);
    assert_false(status_healthy(&status));
}

/* A row of another topic, of a partition that the route has elsewhere, or out of range counts nowhere. */
static void test_rows_that_do_not_count(void **state)
{
    (void)state;
    add("hash", "readings", 0, 0, 60);
    add("hash", "grabs", 1, 0, 60);
    add("hash", "grabs", 0, 4, 60);
    add("hash", "grabs", 0, -1, 60);
    add("weekly", "grabs", 0, 0, 60);
    assert_int_equal(status.layout[0].missing, 4);
    assert_int_equal(status.layout[0].lag, 0);
    assert_int_equal(status.shard[0].rows + status.shard[1].rows, 0);
}

static void test_healthy(void **state)
{
    (void)state;
    add_all();
    assert_true(status_healthy(&status));
    status.shard[1].part.up = false;
    assert_false(status_healthy(&status));
    status.shard[1].part.up = true;
    status.redis.up = false;
    assert_false(status_healthy(&status));
    status.redis.up = true;
    status.stock.known = false; /* the rows could not be read */
    assert_false(status_healthy(&status));
    status.stock.known = true;
    status.leader.known = true; /* and nobody leads */
    assert_false(status_healthy(&status));
    status.leader.left_ms = 1;
    assert_true(status_healthy(&status));
}

static void test_text_says_what_is_down(void **state)
{
    (void)state;
    struct buf text = {0};
    add_all();
    status.shard[1].part.up = false;
    snprintf(status.shard[1].part.why, sizeof status.shard[1].part.why, "no route to it");
    status.layout[0].counted = status.layout[0].known = status.stock.known = false;
    status_render_text(&status, &text);
    assert_non_null(strstr(text.data, "DOWN  no route to it"));
    assert_non_null(strstr(text.data, "hash          lag not known  rows not known"));
    assert_non_null(strstr(text.data, "daily         lag 0  ok 24"));
    assert_non_null(strstr(text.data, "stock     not known"));
    buf_free(&text);
}

static void text_has(const char *words)
{
    struct buf text = {0};
    status_render_text(&status, &text);
    assert_non_null(strstr(text.data, words));
    buf_free(&text);
}

static void test_coupons_that_are_left_out(void **state)
{
    (void)state;
    status.stock = (struct status_stock){.known = true, .coupons = 2, .open = 1, .broken = 1};
    snprintf(status.stock.why, sizeof status.stock.why, "a row is none");
    text_has("stock     2 coupons: 1 open");
    text_has("          1 BROKEN, left out; the first: a row is none\n");
    status.stock.known = false; /* Redis is away: that is not why */
    text_has("stock     not known\n");
    status.stock.broken = 0;
    text_has("stock     not known: a row is none\n");
}

static void test_who_leads(void **state)
{
    (void)state;
    text_has("who leads is not known");
    status.leader.known = true;
    text_has("NOBODY leads");
    snprintf(status.leader.place, sizeof status.leader.place, "10.0.0.7:8082");
    status.leader.left_ms = 3200;
    text_has("10.0.0.7:8082 leads, its lease ends in 3.2 s");
    struct buf json = {0};
    status_render_json(&status, &json);
    assert_non_null(
        strstr(json.data, "\"keeper\":{\"leads\":true,\"place\":\"10.0.0.7:8082\",\"lease_left_ms\":3200}"));
    buf_free(&json);
}

static void test_json(void **state)
{
    (void)state;
    struct buf text = {0};
    add_all();
    status.stock = (struct status_stock){.known = true, .coupons = 2, .open = 1, .left = 9, .total = 10};
    status.layout[1].known = false;
    status_render_json(&status, &text);
    json_t *root = json_loads(text.data, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    assert_int_equal(json_integer_value(json_object_get(root, "epoch")), 3);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(root, "stock"), "left")), 9);
    json_t *layouts = json_object_get(root, "layouts");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(layouts, 0), "lag")), 0);
    assert_true(json_is_null(json_object_get(json_array_get(layouts, 1), "lag")));
    assert_true(json_is_false(json_object_get(root, "healthy")));
    json_decref(root);
    buf_free(&text);
}

static void test_services(void **state)
{
    (void)state;
    static struct status parsed;
    struct err err = {0};
    assert_true(status_services_parse("ingest=http://127.0.0.1:1, query=https://h:2/", &parsed, &err));
    assert_int_equal(parsed.service_count, 2);
    assert_string_equal(parsed.service[0].name, "ingest");
    assert_string_equal(parsed.service[1].where, "https://h:2");
    assert_true(status_services_parse("", &parsed, &err));
    assert_int_equal(parsed.service_count, 0);
    assert_false(status_services_parse("ingest", &parsed, &err));
    assert_int_equal(err.kind, ERR_USAGE);
    assert_false(status_services_parse("=http://h:1", &parsed, &err));
    assert_false(status_services_parse("a=ftp://h:12", &parsed, &err));
}

static void test_readyz_why(void **state)
{
    (void)state;
    char why[40];
    status_readyz_why("[+] kafka ok\n[-] redis: is away\nnot ready\n", why, sizeof why);
    assert_string_equal(why, "redis: is away");
    status_readyz_why("", why, sizeof why);
    assert_string_equal(why, "not ready");
    status_readyz_why("[-] 0123456789012345678901234567890123456789012345", why, sizeof why);
    assert_int_equal(strlen(why), sizeof why - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_lag, set_up),
        cmocka_unit_test_setup(test_rows_that_do_not_count, set_up),
        cmocka_unit_test_setup(test_healthy, set_up),
        cmocka_unit_test_setup(test_text_says_what_is_down, set_up),
        cmocka_unit_test_setup(test_coupons_that_are_left_out, set_up),
        cmocka_unit_test_setup(test_who_leads, set_up),
        cmocka_unit_test_setup(test_json, set_up),
        cmocka_unit_test(test_services),
        cmocka_unit_test(test_readyz_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
