/* Each stream's description is true, and a false one is found. */
#include "schemas/grabs.h"
#include "schemas/layout.h"
#include "schemas/readings.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

static void every_stream_passes_its_check(void **state)
{
    (void)state;
    size_t count;
    const struct stream *const *all = stream_all(&count);
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++) {
        struct err err = {0};
        if (!stream_check(all[i], &err))
            fail_msg("%s", err.text);
        assert_ptr_equal(stream_find(all[i]->name), all[i]);
    }
    assert_null(stream_find("grab"));
}

/* A copy of the grabs, to be broken in one place. */
static struct column columns[STREAM_COLUMNS_MAX];
static struct stream broken;

static void break_nothing(void)
{
    memcpy(columns, stream_grabs.columns, stream_grabs.column_count * sizeof *columns);
    broken = stream_grabs;
    broken.columns = columns;
}

static void assert_broken(const char *words)
{
    struct err err = {0};
    assert_false(stream_check(&broken, &err));
    assert_int_equal(err.kind, ERR_INTERNAL);
    if (strstr(err.text, words) == NULL)
        fail_msg("'%s' does not say '%s'", err.text, words);
    break_nothing();
}

static void columns_must_tile_the_struct(void **state)
{
    (void)state;
    struct err err;
    break_nothing();
    assert_true(stream_check(&broken, &err));
    broken.column_count--; /* try_key, the last */
    assert_broken("the last field is no column");
    memmove(&columns[1], &columns[2], (broken.column_count - 2) * sizeof *columns);
    broken.column_count--; /* coupon_id, in the middle */
    assert_broken("a field is no column");
    broken.kind_offset = offsetof(struct grab_event, grab_status);
    assert_broken("two overlap");
    broken.event_size += 8;
    assert_broken("the last field is no column");
}

static void names_and_roles_must_resolve(void **state)
{
    (void)state;
    break_nothing();
    broken.id_column = "user_id";
    assert_broken("id and key");
    broken.key_column = "nobody";
    assert_broken("id and key");
    columns[1].name = "user_id";
    assert_broken("user_id");
    columns[1].roles = 0;
    assert_broken("neither");
    broken.layouts[1].index[0] = "try_key";
    assert_broken("cannot be in a table's key");
    broken.layouts[1].primary[0] = "user_id";
    assert_broken("lacks grab_id");
    broken.totals_column = "room_id";
    assert_broken("64-bit");
    broken.epoch_offset = 1;
    assert_broken("64-bit");
    broken.finish = NULL;
    assert_broken("missing");
}

static void a_grab_is_one_row_in_this_order(void **state)
{
    (void)state;
    static const char *const names[] = {"user_id",     "coupon_id", "room_id",    "grab_id", "grab_status",
                                        "fail_reason", "grab_time", "use_status", "try_key"};
    const struct column *row[STREAM_COLUMNS_MAX];
    assert_int_equal(stream_row_columns(&stream_grabs, row), 9);
    for (size_t i = 0; i < 9; i++)
        assert_string_equal(row[i]->name, names[i]);
}

static void cells_follow_the_row(void **state)
{
    (void)state;
    struct grab_event grab = {
        .grab_id = UINT64_C(1) << 62, .user_id = 7, .coupon_id = 8, .room_id = UINT32_MAX, .epoch = 3, .try_key = "k"};
    stream_grabs.finish(&grab, FOLD_OK);
    struct value cells[STREAM_COLUMNS_MAX];
    assert_int_equal(stream_cells(&stream_grabs, &grab, cells), 9);
    const struct value wanted[] = {
        value_u64(7),           value_u64(8), value_u64(UINT32_MAX),         value_u64(UINT64_C(1) << 62),
        value_u64(GRAB_ROW_OK), value_null(), value_time_ms(grab.grab_time), value_u64(0),
        value_text("k", 1)};
    for (size_t i = 0; i < 9; i++)
        assert_true(value_equal(cells[i], wanted[i]));
    assert_int_equal(grab.grab_time, stream_grabs.time_ms(&grab));
    assert_int_equal(stream_id(&stream_grabs, &grab), grab.grab_id);
    assert_int_equal(stream_epoch(&stream_grabs, &grab), 3);
    assert_int_equal(stream_epoch(&stream_readings, &(struct reading_event){0}), 0);
}

static void void_rows_say_why(void **state)
{
    (void)state;
    struct grab_event grab;
    grab_event_cancel(&grab, 5, 6, 7, 8, 9, "try");
    assert_int_equal(stream_kind(&stream_grabs, &grab), RECORD_CANCEL);
    stream_grabs.finish(&grab, FOLD_VOID_CANCELLED);
    assert_string_equal(grab.fail_reason, "cancelled");
    assert_int_equal(grab.grab_status, GRAB_ROW_VOID);
    stream_grabs.finish(&grab, FOLD_VOID_STALE);
    assert_string_equal(grab.fail_reason, "stale_epoch");
    stream_grabs.finish(&grab, FOLD_OK);
    assert_string_equal(grab.fail_reason, "");
    assert_int_equal(grab.grab_status, GRAB_ROW_OK);
}

static void keys_compare_in_their_order(void **state)
{
    (void)state;
    const struct stream_layout *hash = stream_layout(&stream_grabs, "hash"),
                               *daily = stream_layout(&stream_grabs, "daily");
    struct grab_event a = {.user_id = 1, .grab_id = 9}, b = {.user_id = 2, .grab_id = 3};
    assert_true(stream_compare(&stream_grabs, hash, &a, &b) < 0);
    assert_true(stream_compare(&stream_grabs, daily, &a, &b) > 0);
    b.user_id = 1;
    assert_true(stream_compare(&stream_grabs, hash, &a, &b) > 0);
    assert_int_equal(stream_compare(&stream_grabs, hash, &a, &a), 0);
    assert_null(stream_layout(&stream_grabs, "weekly"));
    struct reading_event short_id = {.sensor_id = "a"}, long_id = {.sensor_id = "a1"}, high = {.sensor_id = "b"};
    hash = stream_layout(&stream_readings, "hash");
    assert_true(stream_compare(&stream_readings, hash, &short_id, &long_id) < 0);
    assert_true(stream_compare(&stream_readings, hash, &high, &long_id) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_stream_passes_its_check), cmocka_unit_test(columns_must_tile_the_struct),
        cmocka_unit_test(names_and_roles_must_resolve),  cmocka_unit_test(a_grab_is_one_row_in_this_order),
        cmocka_unit_test(cells_follow_the_row),          cmocka_unit_test(void_rows_say_why),
        cmocka_unit_test(keys_compare_in_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
