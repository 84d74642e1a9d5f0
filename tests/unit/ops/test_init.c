/* Which layouts init makes, where they begin, and that one without a route is none of this system's. */
#include "ops/cli/init.h"
#include "ops/cli/status.h"
#include "schemas/grabs.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

static bool chosen[STREAM_LAYOUTS_MAX];

static void layouts_are_chosen_by_name(void **state)
{
    (void)state;
    struct err err = {0};
    assert_true(init_layouts_choose("hash,daily", &stream_grabs, chosen, &err));
    assert_true(chosen[0] && chosen[1]);
    assert_true(init_layouts_choose(" daily ", &stream_grabs, chosen, &err));
    assert_int_equal(chosen[stream_layout(&stream_grabs, "daily") - stream_grabs.layouts], true);
    assert_int_equal(chosen[stream_layout(&stream_grabs, "hash") - stream_grabs.layouts], false);
    assert_true(init_layouts_choose("hash, hash", &stream_grabs, chosen, &err));
    assert_int_equal(chosen[stream_layout(&stream_grabs, "daily") - stream_grabs.layouts], false);
}

static void what_is_no_layout_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", ",", "hashed", "hash;daily", "hash,wide", "a_name_that_is_far_too_long"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct err err = {0};
        memset(chosen, 0, sizeof chosen);
        assert_false(init_layouts_choose(wrong[i], &stream_grabs, chosen, &err));
        assert_int_equal(err.kind, ERR_USAGE);
        assert_false(chosen[0] || chosen[1]);
    }
}

/* The second layout, added while the log is whole, begins with its first record. */
static void a_layout_that_is_added_begins_where_the_log_does(void **state)
{
    (void)state;
    struct err err = {0};
    int64_t offset = -1;
    assert_true(init_begin_offset(INIT_BEGIN_ZERO, 0, 5000, &offset, &err));
    assert_int_equal(offset, 0);
    assert_false(init_begin_offset(INIT_BEGIN_ZERO, 7, 5000, &offset, &err));
    assert_int_equal(err.kind, ERR_CONFLICT);
    assert_true(init_begin_offset(INIT_BEGIN_LOW, 7, 5000, &offset, &err));
    assert_int_equal(offset, 7);
    assert_true(init_begin_offset(INIT_BEGIN_HIGH, 7, 5000, &offset, &err));
    assert_int_equal(offset, 5000);
}

static void a_layout_without_a_route_is_not_shown(void **state)
{
    (void)state;
    static struct status status;
    struct buf text = {0};
    status = (struct status){.stream = &stream_grabs, .meta = {.partitions = 4}};
    status.catalog.up = status.kafka.up = status.redis.up = status.stock.known = true;
    strcpy(status.layout[0].name, stream_grabs.layouts[0].layout->name);
    strcpy(status.layout[1].name, stream_grabs.layouts[1].layout->name);
    route_spread(&status.route[1], &stream_grabs, stream_grabs.layouts[1].layout, 4, 1);
    status.layout[1].counted = status.layout[1].known = true;
    assert_true(status_healthy(&status));
    status_render_json(&status, &text);
    assert_null(strstr(text.data, "\"layout\":\"hash\""));
    assert_non_null(strstr(text.data, "\"layout\":\"daily\""));
    buf_reset(&text);
    status_render_text(&status, &text);
    assert_null(strstr(text.data, "hash"));
    assert_non_null(strstr(text.data, "layouts   daily"));
    status.catalog.up = false; /* nobody knows which there are */
    assert_true(status_layout_used(&status, 0));
    buf_free(&text);
}

static void a_partition_whose_table_is_gone(void **state)
{
    (void)state;
    assert_true(init_partition_lost(false, 1, 0));
    assert_true(init_partition_lost(false, 0, 1));
    assert_false(init_partition_lost(false, 0, 0)); /* it was never made, or had nothing to keep */
    assert_false(init_partition_lost(true, 5, 5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layouts_are_chosen_by_name),
        cmocka_unit_test(what_is_no_layout_is_refused),
        cmocka_unit_test(a_layout_that_is_added_begins_where_the_log_does),
        cmocka_unit_test(a_layout_without_a_route_is_not_shown),
        cmocka_unit_test(a_partition_whose_table_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
