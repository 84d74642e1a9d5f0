/* The draws: repeatable, inside the seed data's world, in the promised weights; and the bytes they become. */
#include "bench/storm/scenario.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define DRAWS 20000u

static const struct scenario_plan mix = {.scenario = SCENARIO_MIX, .seed = 42, .user_first = 1000, .users = 50};

static void test_same_seed_same_requests(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        char one[REQUEST_BYTES_MAX];
        char two[REQUEST_BYTES_MAX];
        struct request request;
        scenario_make(&mix, i, &request);
        size_t one_len = request_render(&request, "h", one);
        scenario_make(&mix, i, &request);
        assert_int_equal(request_render(&request, "h", two), one_len);
        assert_memory_equal(one, two, one_len);
    }
}

static void test_weights_of_the_mix(void **state)
{
    (void)state;
    static const int tenths[SCENARIO_COUNT] = {
        [SCENARIO_NORMAL] = 5, [SCENARIO_HOTROOM] = 3, [SCENARIO_CROSSSHARD] = 1, [SCENARIO_ADMIN] = 1};
    int seen[SCENARIO_COUNT] = {0};
    for (uint64_t i = 0; i < DRAWS; i++) {
        struct request request;
        scenario_make(&mix, i, &request);
        seen[request.scenario]++;
    }
    for (int i = 0; i < SCENARIO_COUNT; i++) {
        int expected = tenths[i] * (int)DRAWS / 10;
        assert_in_range(seen[i] + 400, expected + 400 - 300, expected + 400 + 300); /* about seven sigma */
    }
}

static void test_world(void **state)
{
    (void)state;
    uint64_t highest_coupon = 0;
    for (uint64_t i = 0; i < DRAWS; i++) {
        struct request r;
        scenario_make(&mix, i, &r);
        assert_in_range(r.user, 1000, 1049);
        if (r.kind == REQUEST_GRAB) {
            assert_in_range(r.coupon, 1, r.scenario == SCENARIO_HOTROOM ? 25 : 500);
            assert_int_equal(r.room, (r.coupon - 1) / 5 + 1);
            highest_coupon = r.coupon > highest_coupon ? r.coupon : highest_coupon;
        } else if (r.kind == REQUEST_ROOM_ORDERS) {
            assert_in_range(r.room, 1, 100);
        }
    }
    assert_int_equal(highest_coupon, 500);
}

static void test_grab_gives_each_user_a_turn(void **state)
{
    (void)state;
    struct scenario_plan plan = {
        .scenario = SCENARIO_GRAB, .seed = 1, .user_first = 7, .users = 100, .clicks = 1, .coupon = 9000};
    for (uint64_t i = 0; i < plan.users; i++) {
        struct request r;
        scenario_make(&plan, i, &r);
        assert_int_equal(r.user, 7 + i);
        assert_int_equal(r.coupon, 9000);
        assert_int_equal(r.room, 0); /* not of the seed data: the coupon knows its room */
        assert_string_equal(r.try_key, "");
    }
}

static void test_a_double_click_is_one_try(void **state)
{
    (void)state;
    struct scenario_plan plan = {.scenario = SCENARIO_GRAB,
                                 .seed = 5,
                                 .user_first = 7,
                                 .users = 100,
                                 .clicks = 2,
                                 .coupon = 9000,
                                 .try_keys = true};
    for (uint64_t i = 0; i < plan.users; i++) {
        struct request first, second, next;
        scenario_make(&plan, 2 * i, &first);
        scenario_make(&plan, 2 * i + 1, &second);
        scenario_make(&plan, 2 * i + 2, &next);
        assert_int_equal(first.user, 7 + i);
        assert_int_equal(second.user, first.user);
        assert_string_equal(second.try_key, first.try_key);
        assert_string_not_equal(next.try_key, first.try_key);
    }
}

static void test_try_keys_differ(void **state)
{
    (void)state;
    struct scenario_plan plan = {
        .scenario = SCENARIO_NORMAL, .seed = UINT64_MAX, .user_first = 1, .users = 9, .try_keys = true};
    struct request one;
    struct request two;
    scenario_make(&plan, SIZE_MAX - 1, &one);
    scenario_make(&plan, SIZE_MAX - 2, &two);
    assert_string_equal(one.try_key, "ffffffffffffffff-18446744073709551614");
    assert_string_not_equal(one.try_key, two.try_key);
}

static void test_room_is_kept(void **state)
{
    (void)state;
    struct scenario_plan plan = {.scenario = SCENARIO_NORMAL, .seed = 3, .user_first = 1, .users = 9, .room = 17};
    for (uint64_t i = 0; i < 100; i++) {
        struct request r;
        scenario_make(&plan, i, &r);
        assert_int_equal(r.room, 17);
        assert_in_range(r.coupon, 81, 85);
    }
}

static void assert_rendered(const struct request *request, const char *want)
{
    char text[REQUEST_BYTES_MAX];
    size_t len = request_render(request, "127.0.0.1:8080", text);
    assert_int_equal(len, strlen(want));
    assert_memory_equal(text, want, len);
}

static void test_bytes(void **state)
{
    (void)state;
    struct request grab = {.kind = REQUEST_GRAB, .user = 1, .coupon = 22, .room = 5};
    assert_rendered(&grab,
                    "POST /api/coupon/grab HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Type: application/json\r\n"
                    "Content-Length: 45\r\n\r\n{\"user_id\": 1, \"coupon_id\": 22, \"room_id\": 5}");
    struct request keyed = {.kind = REQUEST_GRAB, .user = 1, .coupon = 2, .try_key = "k1"};
    assert_rendered(&keyed,
                    "POST /api/coupon/grab HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Type: application/json\r\n"
                    "Idempotency-Key: k1\r\nContent-Length: 30\r\n\r\n{\"user_id\": 1, \"coupon_id\": 2}");
    struct request room = {.kind = REQUEST_ROOM_ORDERS, .room = 3};
    assert_rendered(&room, "GET /api/room/3/orders HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n");
}

static void test_longest_request_fits(void **state)
{
    (void)state;
    struct request r = {.kind = REQUEST_GRAB, .user = UINT64_MAX, .coupon = UINT64_MAX, .room = UINT64_MAX};
    char text[REQUEST_BYTES_MAX];
    memset(r.try_key, 'k', sizeof r.try_key - 1);
    assert_in_range(request_render(&r, "localhost:65535", text), 200, REQUEST_BYTES_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_seed_same_requests),
        cmocka_unit_test(test_weights_of_the_mix),
        cmocka_unit_test(test_world),
        cmocka_unit_test(test_grab_gives_each_user_a_turn),
        cmocka_unit_test(test_a_double_click_is_one_try),
        cmocka_unit_test(test_try_keys_differ),
        cmocka_unit_test(test_room_is_kept),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_longest_request_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
