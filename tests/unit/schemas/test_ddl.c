/* DDL is made from the description: the very text, because a table once made stays. */
#include "schemas/ddl.h"
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

static void assert_says(const struct buf *sql, const char *words)
{
    if (strstr(sql->data, words) == NULL)
        fail_msg("%s\ndoes not say '%s'", sql->data, words);
}

static void a_grab_table(void **state)
{
    (void)state;
    struct buf sql = {0};
    ddl_table(&stream_grabs, stream_layout(&stream_grabs, "daily"), "grabs_2026_11_20", &sql);
    assert_string_equal(sql.data, "CREATE TABLE IF NOT EXISTS `grabs_2026_11_20` (\n"
                                  "  `user_id` BIGINT UNSIGNED NOT NULL,\n"
                                  "  `coupon_id` BIGINT UNSIGNED NOT NULL,\n"
                                  "  `room_id` INT UNSIGNED NOT NULL,\n"
                                  "  `grab_id` BIGINT UNSIGNED NOT NULL,\n"
                                  "  `grab_status` TINYINT UNSIGNED NOT NULL,\n"
                                  "  `fail_reason` VARCHAR(31) CHARACTER SET ascii COLLATE ascii_bin NULL,\n"
                                  "  `grab_time` DATETIME(3) NOT NULL,\n"
                                  "  `use_status` TINYINT UNSIGNED NOT NULL,\n"
                                  "  `try_key` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,\n"
                                  "  PRIMARY KEY (`grab_id`),\n"
                                  "  KEY `by_room_id` (`room_id`, `grab_id`)\n"
                                  ") ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
    buf_reset(&sql);
    ddl_table(&stream_grabs, stream_layout(&stream_grabs, "hash"), "grabs_p07", &sql);
    assert_says(&sql, "PRIMARY KEY (`user_id`, `grab_id`)\n)");
    assert_null(strstr(sql.data, "  KEY"));
    buf_free(&sql);
}

static void a_reading_table(void **state)
{
    (void)state;
    struct buf sql = {0};
    ddl_table(&stream_readings, stream_layout(&stream_readings, "hash"), "readings_p00", &sql);
    assert_says(&sql, "`sensor_id` VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL");
    assert_says(&sql, "`metric` VARCHAR(31) NOT NULL");
    assert_says(&sql, "`value` DOUBLE NOT NULL");
    assert_says(&sql, "PRIMARY KEY (`sensor_id`, `reading_id`)");
    buf_free(&sql);
}

static void totals_only_where_a_stream_has_them(void **state)
{
    (void)state;
    struct buf sql = {0};
    ddl_totals(&stream_readings, &sql);
    assert_int_equal(sql.len, 0);
    ddl_totals(&stream_grabs, &sql);
    assert_says(&sql, "`grab_totals`");
    assert_says(&sql, "PRIMARY KEY (`layout`, `partition`, `day`, `coupon_id`)");
    buf_free(&sql);
}

static void the_view_shows_all_tables(void **state)
{
    (void)state;
    static const char *const tables[] = {"grabs_p00", "grabs_p04"};
    struct buf sql = {0};
    ddl_view(&stream_readings, tables, 2, &sql);
    ddl_view(&stream_grabs, tables, 0, &sql);
    assert_int_equal(sql.len, 0);
    ddl_view(&stream_grabs, tables, 2, &sql);
    assert_says(&sql, "CREATE OR REPLACE VIEW `coupon_results` AS\nSELECT `user_id`, ");
    assert_says(&sql, "`try_key` FROM `grabs_p00`\nUNION ALL SELECT `user_id`, ");
    assert_says(&sql, "FROM `grabs_p04`");
    buf_free(&sql);
}

static size_t questions(const char *sql)
{
    size_t count = 0;
    for (; *sql != '\0'; sql++)
        count += *sql == '?';
    return count;
}

static void statements_take_what_the_header_says(void **state)
{
    (void)state;
    assert_int_equal(questions(sql_progress_make), 4);
    assert_int_equal(questions(sql_progress_own), 4);
    assert_int_equal(questions(sql_progress_read), 3);
    assert_int_equal(questions(sql_progress_lock), 3);
    assert_int_equal(questions(sql_progress_move), 14);
    assert_int_equal(questions(sql_progress_all), 0);
    assert_int_equal(questions(sql_identity_make), 2);
    assert_null(strstr(sql_progress_make, "IGNORE"));
    assert_non_null(strstr(sql_progress_lock, "FOR UPDATE"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_grab_table),
        cmocka_unit_test(a_reading_table),
        cmocka_unit_test(totals_only_where_a_stream_has_them),
        cmocka_unit_test(the_view_shows_all_tables),
        cmocka_unit_test(statements_take_what_the_header_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
