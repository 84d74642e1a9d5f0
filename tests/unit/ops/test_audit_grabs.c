/* The set of grabs: found by id, by partition, by layout; grows. */
#include "ops/cli/audit_grabs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MANY = 50000, BOTH = 3, ROUTE_LAST = 1023 };

static struct grab_event event_of(uint64_t id, const char *try_key)
{
    struct grab_event event = {.grab_id = id, .user_id = id + 1, .coupon_id = id % 3 + 1, .room_id = 9};
    snprintf(event.try_key, sizeof event.try_key, "%s", try_key);
    return event;
}

static void test_many(void **state)
{
    (void)state;
    struct audit_grabs grabs;
    audit_grabs_init(&grabs, 10);
    for (uint64_t id = 1; id <= MANY; id++) {
        char try_key[24];
        snprintf(try_key, sizeof try_key, "%s%llu", id % 2 ? "k" : "", (unsigned long long)id);
        struct grab_event event = event_of(id, id % 2 ? try_key : "");
        audit_grabs_add(&grabs, &event, (int32_t)(id % 16), (int64_t)id, FOLD_OK, BOTH);
    }
    assert_int_equal(grabs.count, MANY);
    for (uint64_t id = 1; id <= MANY; id++) {
        const struct audit_grab *grab = audit_grabs_find(&grabs, id, (int32_t)(id % 16), 1);
        char try_key[24];
        snprintf(try_key, sizeof try_key, "k%llu", (unsigned long long)id);
        assert_non_null(grab);
        assert_int_equal(grab->user_id, id + 1);
        assert_string_equal(audit_grab_try(&grabs, grab), id % 2 ? try_key : "");
    }
    assert_null(audit_grabs_next(&grabs, MANY + 1, NULL));
    assert_null(audit_grabs_find(&grabs, 5, 6, 1));
    audit_grabs_free(&grabs);
}

static void test_one_id_in_two_partitions(void **state)
{
    (void)state;
    struct audit_grabs grabs;
    struct grab_event event = event_of(77, "");
    audit_grabs_init(&grabs, 10);
    audit_grabs_add(&grabs, &event, 1, 10, FOLD_VOID_CANCELLED, BOTH);
    audit_grabs_add(&grabs, &event, 2, 20, FOLD_OK, 1);
    audit_grabs_add(&grabs, &event, 2, 21, FOLD_OK, 2);
    assert_int_equal(audit_grabs_find(&grabs, 77, 1, 2)->offset, 10);
    assert_int_equal(audit_grabs_find(&grabs, 77, 2, 1)->offset, 20);
    assert_int_equal(audit_grabs_find(&grabs, 77, 2, 2)->offset, 21);
    assert_null(audit_grabs_find(&grabs, 77, 3, 1));
    assert_int_equal(audit_grabs_ok(&grabs, 77)->partition, 2);
    audit_grabs_free(&grabs);
}

static void test_event(void **state)
{
    (void)state;
    struct audit_grabs grabs;
    struct grab_event event = event_of(77, "try"), ok, voided;
    audit_grabs_init(&grabs, 10);
    const struct audit_grab *first = audit_grabs_add(&grabs, &event, 1, 10, FOLD_OK, BOTH);
    audit_grab_event(&grabs, first, &ok);
    const struct audit_grab *second = audit_grabs_add(&grabs, &event, 2, 10, FOLD_VOID_STALE, BOTH);
    audit_grab_event(&grabs, second, &voided);
    assert_int_equal(ok.grab_status, GRAB_ROW_OK);
    assert_string_equal(ok.try_key, "try");
    assert_int_equal(ok.room_id, 9);
    assert_int_equal(voided.grab_status, GRAB_ROW_VOID);
    assert_string_equal(voided.fail_reason, "stale_epoch");
    audit_grabs_free(&grabs);
}

/* What memory a pass is planned with is enough for the longest try keys. */
static void test_the_longest_try_keys(void **state)
{
    (void)state;
    struct audit_grabs grabs;
    char try_key[TRY_KEY_MAX + 1];
    audit_grabs_init(&grabs, MANY);
    for (uint64_t id = 1; id <= MANY; id++) {
        snprintf(try_key, sizeof try_key, "%0*llu", TRY_KEY_MAX, (unsigned long long)id);
        struct grab_event event = event_of(id, try_key);
        audit_grabs_add(&grabs, &event, 0, (int64_t)id, FOLD_OK, BOTH);
    }
    const size_t sorting = sizeof(uint32_t) * MANY;
    assert_true(grabs.count * sizeof *grabs.grabs + grabs.index_size * sizeof *grabs.index + grabs.texts_len +
                    sorting <=
                (uint64_t)MANY * AUDIT_GRAB_BYTES);
    assert_string_equal(audit_grab_try(&grabs, audit_grabs_find(&grabs, MANY, 0, 1)), try_key);
    audit_grabs_free(&grabs);
}

/* The addresses alone are taken: of the pages in between none is touched. */
static void test_texts_behind_4_gib(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* these touch memory of their own for each address */
#endif
    struct audit_grabs grabs;
    const struct grab_event first = event_of(1, "first"), last = event_of(2, "last");
    audit_grabs_init(&grabs, 10);
    audit_grabs_add(&grabs, &first, 1, 10, FOLD_OK, BOTH);
    char *texts = realloc(grabs.texts, UINT32_MAX + UINT64_C(100));
    if (!texts) {
        audit_grabs_free(&grabs);
        skip();
    }
    grabs.texts = texts;
    grabs.texts_room = UINT32_MAX + UINT64_C(100);
    grabs.texts_len = UINT32_MAX - 1;
    audit_grabs_add(&grabs, &last, ROUTE_LAST, 20, FOLD_OK, BOTH);
    assert_string_equal(audit_grab_try(&grabs, audit_grabs_find(&grabs, 1, 1, 1)), "first");
    audit_grabs_add(&grabs, &first, 2, 30, FOLD_OK, BOTH);
    assert_string_equal(audit_grab_try(&grabs, audit_grabs_find(&grabs, 2, ROUTE_LAST, 1)), "last");
    assert_string_equal(audit_grab_try(&grabs, audit_grabs_find(&grabs, 1, 2, 1)), "first");
    audit_grabs_free(&grabs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_one_id_in_two_partitions),
        cmocka_unit_test(test_event),
        cmocka_unit_test(test_the_longest_try_keys),
        cmocka_unit_test(test_texts_behind_4_gib),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
