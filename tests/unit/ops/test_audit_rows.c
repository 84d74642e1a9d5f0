/* Rows against the fold: what is missing, too many, changed, in the wrong place, too early. */
#include "tests/unit/ops/audit_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { GRABS = 5, HASH = 0, DAILY = 1 };

static int open_fixture(void **state)
{
    (void)state;
    fixture_new();
    fixture_progress(f, 0, GRABS);
    fixture_progress(f, 1, 1);
    for (uint32_t n = 0; n < GRABS; n++)
        fixture_record(f, n == 2 ? RECORD_CANCEL : RECORD_DATA, n, user_of(0, (int)n), 1);
    fixture_record(f, RECORD_DATA, 100, user_of(1, 0), 1);
    fixture_record(f, RECORD_DATA, 101, user_of(1, 1), 1); /* progress has not passed it */
    return 0;
}

static const struct audit_grab *grab_at(size_t place)
{
    return &f->audit.grabs.grabs[place];
}

/* One finding, of this kind. */
static const struct audit_finding *only(const char *kind)
{
    assert_int_equal(fixture_found(f), 1);
    const struct audit_finding *finding = fixture_last(f);
    assert_string_equal(finding->kind, kind);
    assert_int_equal(finding->invariant, 7);
    return finding;
}

static void test_all_there(void **state)
{
    (void)state;
    fixture_see_all(f);
    audit_check_missing(&f->audit);
    assert_int_equal(fixture_found(f), 0);
    assert_int_equal(f->audit.layouts[HASH].rows, GRABS + 1);
}

static void test_missing(void **state)
{
    (void)state;
    fixture_see_all(f);
    f->audit.grabs.grabs[2].seen = 1; /* not in the second layout */
    audit_check_missing(&f->audit);
    const struct audit_finding *finding = only("row_missing");
    assert_string_equal(finding->place.layout, "daily");
    assert_string_equal(finding->table, "grabs_2026_11_20");
    assert_string_equal(finding->expected, "a VOID row");
    assert_int_equal(finding->place.offset, 2);
}

static void test_dropped_days(void **state)
{
    (void)state;
    f->audit.layouts[DAILY].first_day[0] = f->audit.today + 3;
    f->audit.today += 2;
    for (size_t i = 0; i < f->audit.grabs.count; i++)
        f->audit.grabs.grabs[i].seen = 1;
    audit_check_missing(&f->audit);
    assert_int_equal(fixture_found(f), 0);
    assert_int_equal(f->audit.layouts[DAILY].dropped, GRABS + 1);
    f->audit.today -= 2; /* the table of today is no past one */
    audit_check_missing(&f->audit);
    assert_int_equal(fixture_found(f), GRABS + 1);
}

/* `weir tables drop` takes it neither from a shard that has no older one. */
static void test_the_table_of_yesterday_is_lost(void **state)
{
    (void)state;
    f->audit.layouts[DAILY].first_day[0] = f->audit.today + 1;
    f->audit.today++;
    for (size_t i = 0; i < f->audit.grabs.count; i++)
        f->audit.grabs.grabs[i].seen = 1;
    audit_check_missing(&f->audit);
    assert_int_equal(fixture_found(f), GRABS + 1);
    assert_int_equal(f->audit.layouts[DAILY].dropped, 0);
}

/* `weir tables drop` takes a day from all shards: what another one still has, or has an older one of, it did not take. */
static void test_a_table_that_another_shard_has_is_lost(void **state)
{
    (void)state;
    const int32_t day = f->audit.today;
    f->audit.today += 10;
    for (size_t i = 0; i < f->audit.grabs.count; i++)
        f->audit.grabs.grabs[i].seen = 1;
    f->audit.layouts[DAILY].first_day[0] = day + 3;
    for (int32_t older = 0; older < 2; older++) {
        f->audit.layouts[DAILY].first_day[1] = day - older;
        audit_check_missing(&f->audit);
        assert_int_equal(fixture_found(f), (older + 1) * (GRABS + 1));
        assert_string_equal(fixture_last(f)->kind, "row_missing");
        assert_int_equal(f->audit.layouts[DAILY].dropped, 0);
    }
    f->audit.layouts[DAILY].first_day[1] = day + 1;
    audit_check_missing(&f->audit);
    assert_int_equal(fixture_found(f), 2 * (GRABS + 1));
    assert_int_equal(f->audit.layouts[DAILY].dropped, GRABS + 1);
}

static void change_status(struct grab_event *event, struct audit_row *row)
{
    (void)row;
    event->grab_status = GRAB_ROW_VOID;
}
static void change_try(struct grab_event *event, struct audit_row *row)
{
    (void)row;
    snprintf(event->try_key, sizeof event->try_key, "x");
}
static void change_time(struct grab_event *event, struct audit_row *row)
{
    (void)row;
    event->grab_time++;
}
static void change_id(struct grab_event *event, struct audit_row *row)
{
    (void)row;
    event->grab_id = fixture_id(999);
}
static void change_slot(struct grab_event *event, struct audit_row *row)
{
    (void)event;
    row->slot++;
}

static void test_changed(void **state)
{
    (void)state;
    fixture_see(f, HASH, grab_at(0), change_status);
    const struct audit_finding *finding = only("row_differs");
    assert_string_equal(finding->found, "grab_status 0");
    assert_string_equal(finding->expected, "grab_status 1");
    assert_string_equal(finding->table, "grabs_p00");
    fixture_see(f, DAILY, grab_at(0), change_try);
    assert_string_equal(fixture_last(f)->found, "try_key \"x\"");
    assert_string_equal(fixture_last(f)->expected, "try_key null");
    fixture_see(f, HASH, grab_at(1), change_time);
    assert_int_equal(fixture_found(f), 3);
}

static void test_extra(void **state)
{
    (void)state;
    fixture_see(f, HASH, grab_at(0), change_id);
    assert_int_equal(only("row_extra")->place.grab_id, fixture_id(999));
    fixture_see(f, DAILY, grab_at(0), change_id);
    assert_int_equal(fixture_found(f), 2);
}

static void test_twice(void **state)
{
    (void)state;
    fixture_see(f, DAILY, grab_at(0), NULL);
    assert_int_equal(fixture_found(f), 0);
    fixture_see(f, DAILY, grab_at(0), NULL);
    only("row_twice");
}

static void test_wrong_day(void **state)
{
    (void)state;
    fixture_see(f, DAILY, grab_at(0), change_slot);
    only("row_misplaced");
}

static void test_wrong_partition(void **state)
{
    (void)state;
    fixture_see(f, HASH, grab_at(0), change_slot);
    only("row_extra"); /* the other partition's log has no such grab */
}

static void test_ahead(void **state)
{
    (void)state;
    fixture_see(f, HASH, grab_at(GRABS + 1), NULL);
    only("row_ahead");
}

static const struct audit_total *total_of(size_t layout, int32_t partition)
{
    const struct audit_total key = {.coupon_id = FIXTURE_COUPON,
                                    .day = day_of_ms(FIXTURE_NOON_MS, 0),
                                    .partition = (uint16_t)partition,
                                    .layout = (uint8_t)(layout + 1)};
    return audit_total(&f->audit.totals, &key);
}

/* Counted, in place of a fold. */
static void test_not_whole(void **state)
{
    (void)state;
    f->audit.part[0].whole = false;
    const struct audit_total before = *total_of(HASH, 0);
    fixture_see(f, HASH, grab_at(0), change_id);
    fixture_see(f, HASH, grab_at(2), NULL);
    fixture_see(f, DAILY, grab_at(0), change_id);
    assert_int_equal(fixture_found(f), 0);
    assert_int_equal(total_of(HASH, 0)->fold_ok, before.fold_ok + 1);
    assert_int_equal(total_of(HASH, 0)->fold_voided, before.fold_voided + 1);
    assert_int_equal(total_of(DAILY, 0)->fold_ok, before.fold_ok + 1);
}

/* A column of another type is said so, and nothing is made of what is in it. */
static void test_a_changed_column(void **state)
{
    (void)state;
    static const char *const names[] = {"user_id", "coupon_id", "grab_id", "grab_status"};
    const struct column *columns[STREAM_COLUMNS_MAX];
    struct value cells[STREAM_COLUMNS_MAX];
    struct grab_event event;
    char table[TABLE_NAME_MAX];
    struct audit_row row = fixture_row(f, HASH, grab_at(0), table);
    audit_grab_event(&f->audit.grabs, grab_at(0), &event);
    row.cells = cells;
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        struct err err = {0};
        row.count = stream_cells(&stream_grabs, &event, cells);
        stream_row_columns(&stream_grabs, columns);
        for (size_t i = 0; i < row.count; i++)
            if (strcmp(columns[i]->name, names[n]) == 0)
                cells[i] = value_text("77", 2);
        assert_false(audit_check_row(&f->audit, &row, &err));
        assert_int_equal(err.kind, ERR_CONFLICT);
        assert_non_null(strstr(err.text, names[n]));
        assert_non_null(strstr(err.text, table));
    }
    assert_int_equal(fixture_found(f), 0);
}

/* A writer that put a record where its user does not belong: one row, on that partition's shard. */
static void test_foreign_partition(void **state)
{
    (void)state;
    uint64_t user = user_of(1, 7);
    struct grab_event event = {.kind = RECORD_DATA, .grab_id = fixture_id(50), .user_id = user, .coupon_id = 1};
    fixture_progress(f, 0, GRABS + 1);
    fixture_event(f, 0, &event);
    const struct audit_grab *grab = grab_at(f->audit.grabs.count - 1);
    fixture_see(f, HASH, grab, NULL);
    fixture_see(f, DAILY, grab, NULL);
    assert_int_equal(fixture_found(f), 0);
    assert_int_equal(grab->seen, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_there, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_missing, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_dropped_days, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_the_table_of_yesterday_is_lost, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_a_table_that_another_shard_has_is_lost, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_a_changed_column, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_changed, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_extra, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_twice, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_wrong_day, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_wrong_partition, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_ahead, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_not_whole, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_foreign_partition, open_fixture, close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
