/* Marks of pending grabs: what is read of a hash, what is found of it, and when. Redis, the log and the clock are the
 * test's own. */
#include "ops/cli/audit_stock.h"
#include "tests/unit/ops/audit_fixture.h"

#include <hiredis.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { HOLD_MS = 4000, NOW_MS = 100000, GRAB = 5, NEVER = INT32_MAX };

static const char *value;
static int64_t boottime_ms, swept_ms,
    caught_up_ms; /* the mark is gone, the workers are at the log's end, from then on */

static struct redis_reply *reply_of(const char *wire)
{
    void *reply = NULL;
    redisReader *reader = redisReaderCreate();
    assert_int_equal(redisReaderFeed(reader, wire, strlen(wire)), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    redisReaderFree(reader);
    return reply;
}

struct redis_reply *__wrap_redis_sync_send(struct redis_sync *redis, const struct redis_arg *args, size_t count,
                                           struct err *err);
bool __wrap_audit_scan_hash(struct audit_scan *of, const char *key, audit_scan_fn fn, struct err *err);
bool __wrap_audit_workers_behind(struct audit *audit, bool *behind, struct err *err);
int64_t __wrap_clock_boottime_ms(void);
void __wrap_clock_sleep_ms(int64_t ms);

struct redis_reply *__wrap_redis_sync_send(struct redis_sync *redis, const struct redis_arg *args, size_t count,
                                           struct err *err)
{
    (void)redis;
    (void)count;
    (void)err;
    if (strncmp(args[0].data, "TIME", 4) == 0)
        return reply_of("*2\r\n$3\r\n100\r\n$3\r\n999\r\n"); /* NOW_MS */
    return reply_of(boottime_ms < swept_ms ? ":1\r\n" : ":0\r\n");
}

bool __wrap_audit_scan_hash(struct audit_scan *of, const char *key, audit_scan_fn fn, struct err *err)
{
    (void)err;
    assert_non_null(strstr(key, "pending"));
    fn("_", 1, "1", 1, of); /* the sentinel */
    fn("5", 1, value, strlen(value), of);
    return true;
}

bool __wrap_audit_workers_behind(struct audit *audit, bool *behind, struct err *err)
{
    (void)err;
    for (int32_t p = 0; p < audit->partitions; p++)
        behind[p] = behind[p] || boottime_ms < caught_up_ms;
    return true;
}

int64_t __wrap_clock_boottime_ms(void)
{
    return boottime_ms;
}

void __wrap_clock_sleep_ms(int64_t ms)
{
    boottime_ms += ms;
}

/* The passes have taken an hour. */
static int open_fixture(void **state)
{
    (void)state;
    fixture_new();
    f->audit.coupons[0].stock = AUDIT_STOCK_VALID;
    f->audit.coupons[0].look = (struct audit_look){.valid = true, .hold_ms = HOLD_MS, .pending = 1};
    boottime_ms = 3600 * 1000;
    caught_up_ms = 0;
    swept_ms = NEVER;
    return 0;
}

static void scan_pending(const char *text)
{
    struct err err = {0};
    value = text;
    f->audit.overdue_count = 0;
    assert_true(audit_pending_wait(&f->audit, &err));
}

static void test_marks_that_are_unreadable(void **state)
{
    (void)state;
    static const char *const bad[] = {"",        "nonsense", "P",        "P0",         "P0 ",          "P2 1 1 ",
                                      "X0 1 1 ", "P0 x 1 ",  "P0 1 0 ",  "P0 1 ",      "P0 1 1 a key", "P01 1 ",
                                      "p0 1 1 ", "P0 -1 1 ", "P0 1 -1 ", "P0 1 1 k\t", " P0 1 1 "};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        audit_report_reset(&f->audit.report);
        scan_pending(bad[i]);
        assert_int_equal(fixture_found(f), 1);
        assert_int_equal(fixture_last(f)->invariant, 5);
        assert_string_equal(fixture_last(f)->kind, "pending_unreadable");
        assert_int_equal(fixture_last(f)->place.coupon_id, FIXTURE_COUPON);
        assert_int_equal(fixture_last(f)->place.grab_id, GRAB);
    }
    assert_int_equal(f->audit.overdue_count, 0);
}

/* A try key that is longer than any, and so long that the mark is cut when it is read. */
static void test_a_mark_that_is_too_long(void **state)
{
    (void)state;
    char text[400] = "P0 1 1 ";
    memset(text + strlen(text), 'k', sizeof text - 1 - strlen(text));
    scan_pending(text);
    assert_string_equal(fixture_last(f)->kind, "pending_unreadable");
}

/* Its hint is its RESERVE and a hold. */
static void test_only_marks_older_than_two_holds_are_overdue(void **state)
{
    (void)state;
    char text[60];
    snprintf(text, sizeof text, "P0 %d 9 key", NOW_MS - HOLD_MS);
    scan_pending(text);
    assert_int_equal(f->audit.overdue_count, 0);
    assert_int_equal(fixture_found(f), 0);
    snprintf(text, sizeof text, "C1 %d 9 ", NOW_MS - HOLD_MS - 1);
    scan_pending(text);
    assert_int_equal(f->audit.overdue_count, 1);
    assert_int_equal(f->audit.overdue[0].age_ms, 2 * HOLD_MS + 1);
    assert_int_equal(fixture_found(f), 1);
    assert_int_equal(fixture_last(f)->invariant, 4);
    assert_string_equal(fixture_last(f)->kind, "pending_too_long");
    assert_int_equal(fixture_last(f)->place.grab_id, GRAB);
}

/* A keeper that was away until the passes ended: two holds from then on, and no more. */
static void test_its_time_begins_when_it_is_looked_at(void **state)
{
    (void)state;
    const int64_t end_ms = boottime_ms + audit_due_ms(HOLD_MS);
    swept_ms = end_ms;
    scan_pending("P0 1 9 ");
    assert_int_equal(fixture_found(f), 0);
    boottime_ms -= audit_due_ms(HOLD_MS);
    swept_ms = end_ms + 1;
    scan_pending("P0 1 9 ");
    assert_int_equal(fixture_found(f), 1);
    assert_int_equal(boottime_ms, end_ms);
}

/* Its sweep waits for a row: then and for a while behind that nobody can say that it waits for too long. */
static void test_it_is_not_judged_while_workers_are_behind(void **state)
{
    (void)state;
    caught_up_ms = boottime_ms + 1;
    scan_pending("P0 1 9 ");
    assert_int_equal(fixture_found(f), 0);
    assert_int_equal(f->audit.report.unchecked.count, 1);
    assert_non_null(strstr(f->audit.report.unchecked.text[0], "grab 5 of coupon 7"));
    scan_pending("P0 1 9 ");
    assert_int_equal(fixture_found(f), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_marks_that_are_unreadable, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_a_mark_that_is_too_long, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_only_marks_older_than_two_holds_are_overdue, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_its_time_begins_when_it_is_looked_at, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_it_is_not_judged_while_workers_are_behind, open_fixture, close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
