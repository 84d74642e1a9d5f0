/* A missing table of a day that rows were stored in is told from one that was dropped on purpose, and from a new
 * one. */
#include "schemas/table_day.h"

#include "schemas/grabs.h"
#include "schemas/readings.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

enum { TODAY = 20778 };

static bool lost(bool exists, bool has_older, bool was_used, int32_t day)
{
    const struct table_day known = {.exists = exists, .has_older = has_older, .was_used = was_used};
    return table_day_lost(&known, day, TODAY);
}

static void a_table_that_is_there(void **state)
{
    (void)state;
    assert_false(lost(true, true, true, TODAY));
    assert_false(lost(true, false, true, TODAY - 9));
}

static void a_new_day(void **state)
{
    (void)state;
    assert_false(lost(false, true, false, TODAY));
    assert_false(lost(false, true, false, TODAY + 1));
    assert_false(lost(false, false, false, TODAY - 9)); /* a late record of a day without any */
}

static void a_day_with_rows(void **state)
{
    (void)state;
    assert_true(lost(false, true, true, TODAY));
    assert_true(lost(false, false, true, TODAY));     /* never dropped by command */
    assert_true(lost(false, false, true, TODAY - 1)); /* neither */
    assert_true(lost(false, true, true, TODAY - 9));  /* dropped oldest first: an older one would have gone before */
    assert_false(lost(false, false, true, TODAY - 2));
    assert_false(lost(false, false, true, TODAY - 9));
}

static void see(struct table_day *known, const char *name)
{
    const struct value cell = value_text(name, strlen(name));
    table_day_see(known, &stream_grabs, &layout_daily, TODAY, &cell);
}

static void names_that_the_shard_has(void **state)
{
    (void)state;
    struct table_day known = {0};
    const struct value none = value_null();
    char long_name[200];
    memset(long_name, 'g', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    table_day_see(&known, &stream_grabs, &layout_daily, TODAY, &none);
    see(&known, "grabs_p00");
    see(&known, "progress");
    see(&known, "readings_2026_01_01");
    see(&known, "grabs_2026_11_22");
    see(&known, long_name);
    assert_false(known.exists || known.has_older);
    see(&known, "grabs_2026_11_20");
    assert_true(known.has_older && !known.exists);
    see(&known, "grabs_2026_11_21"); /* TODAY */
    assert_true(known.exists);
}

static void what_the_totals_are_asked(void **state)
{
    (void)state;
    struct buf text = {0};
    table_day_used_sql(&stream_readings, &text);
    assert_int_equal(text.len, 0);
    table_day_used_sql(&stream_grabs, &text);
    assert_string_equal(text.data, "SELECT 1 FROM `grab_totals` WHERE `layout` = ? AND `day` = ? AND `ok_rows` + "
                                   "`void_rows` > 0");
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_that_is_there),     cmocka_unit_test(a_new_day),
        cmocka_unit_test(a_day_with_rows),           cmocka_unit_test(names_that_the_shard_has),
        cmocka_unit_test(what_the_totals_are_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
