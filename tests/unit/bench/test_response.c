/* The answer parser: every answer is fed split at every byte, because TCP may do just that. */
#include "bench/storm/response.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct good {
    const char *text;
    int status;
    const char *body;
    bool keep_alive;
    const char *location;
};

static const struct good good_answers[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", true, ""},
    {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, "", true, ""},
    {"HTTP/1.1 200 OK\ncontent-length:5\n\nhello", 200, "hello", true, ""},
    {"HTTP/1.1 202 Accepted\r\nLocation:  /api/grab/7?user=1 \r\nContent-Length: 2\r\n\r\n{}", 202, "{}", true,
     "/api/grab/7?user=1"},
    {"HTTP/1.1 503 Busy\r\nConnection: Close\r\nContent-Length: 2\r\n\r\n{}", 503, "{}", false, ""},
    {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, "{}", false, ""},
    {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}", 200, "{}", true, ""},
    {"HTTP/1.1 204 No Content\r\n\r\n", 204, "", true, ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 200, "abc", true, ""},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200, "hello", true, ""},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=1\r\nhel\r\n00000A\r\nlo, world!\r\n0\r\nX-T: 1\r\n\r\n",
     200, "hello, world!", true, ""},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok", true, ""},
};

static void assert_good(const struct response *r, const struct good *want)
{
    assert_int_equal(r->status, want->status);
    assert_int_equal(r->body_len, strlen(want->body));
    assert_memory_equal(r->body, want->body, r->body_len);
    assert_int_equal(r->keep_alive, want->keep_alive);
    assert_string_equal(r->location, want->location);
}

static void feed_split(const struct good *want, size_t split)
{
    static struct response r;
    size_t len = strlen(want->text);
    size_t used = 0;
    response_reset(&r);
    if (split > 0) {
        assert_int_equal(response_feed(&r, want->text, split, &used), RESPONSE_MORE);
        assert_int_equal(used, split);
    }
    assert_int_equal(response_feed(&r, want->text + split, len - split, &used), RESPONSE_DONE);
    assert_int_equal(used, len - split);
    assert_good(&r, want);
}

static void test_split_at_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good_answers / sizeof good_answers[0]; i++) {
        for (size_t split = 0; split < strlen(good_answers[i].text); split++) {
            feed_split(&good_answers[i], split);
        }
    }
}

static void test_byte_by_byte(void **state)
{
    (void)state;
    static struct response r;
    for (size_t i = 0; i < sizeof good_answers / sizeof good_answers[0]; i++) {
        const struct good *want = &good_answers[i];
        size_t len = strlen(want->text);
        size_t used = 0;
        response_reset(&r);
        for (size_t at = 0; at < len; at++) {
            enum response_progress expected = at + 1 < len ? RESPONSE_MORE : RESPONSE_DONE;
            assert_int_equal(response_feed(&r, want->text + at, 1, &used), expected);
            assert_int_equal(used, 1);
        }
        assert_good(&r, want);
    }
}

static void test_bytes_behind_are_not_taken(void **state)
{
    (void)state;
    static struct response r;
    const char *text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1";
    size_t used = 0;
    response_reset(&r);
    assert_int_equal(response_feed(&r, text, strlen(text), &used), RESPONSE_DONE);
    assert_int_equal(used, strlen(text) - 8);
}

static void test_body_to_the_end(void **state)
{
    (void)state;
    static struct response r;
    const char *text = "HTTP/1.1 200 OK\r\n\r\nall of it";
    size_t used = 0;
    response_reset(&r);
    assert_int_equal(response_feed(&r, text, strlen(text), &used), RESPONSE_MORE);
    assert_int_equal(response_close(&r), RESPONSE_DONE);
    assert_int_equal(r.body_len, 9);
    assert_false(r.keep_alive);
}

static void test_close_inside_an_answer_is_bad(void **state)
{
    (void)state;
    static struct response r;
    const char *text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    for (size_t cut = 0; cut < strlen(text); cut++) {
        size_t used = 0;
        response_reset(&r);
        if (cut > 0) {
            assert_int_equal(response_feed(&r, text, cut, &used), RESPONSE_MORE);
        }
        assert_int_equal(response_close(&r), RESPONSE_BAD);
    }
}

static void test_bad_answers(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "HTTP/2 200 OK\r\n",
        "HTTP/1.1 2x0 OK\r\n",
        "HTTP/1.1 2000 OK\r\n",
        "garbage in a line\r\n",
        "\r\n",
        "HTTP/1.1 200 OK\r\nno colon here\r\n",
        "HTTP/1.1 200 OK\r\n: no name\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: \r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1 2\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokX\r\n",
    };
    static struct response r;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        size_t used = 0;
        response_reset(&r);
        if (response_feed(&r, bad[i], strlen(bad[i]), &used) != RESPONSE_BAD) {
            fail_msg("taken for good: %s", bad[i]);
        }
    }
}

static void test_bounds(void **state)
{
    (void)state;
    static struct response r;
    static char line[RESPONSE_LINE_BYTES_MAX + 1];
    size_t used = 0;
    memset(line, 'a', sizeof line);
    response_reset(&r);
    assert_int_equal(response_feed(&r, line, sizeof line, &used), RESPONSE_BAD);

    const char *head = "HTTP/1.1 200 OK\r\n";
    response_reset(&r);
    assert_int_equal(response_feed(&r, head, strlen(head), &used), RESPONSE_MORE);
    for (uint32_t i = 0; i < RESPONSE_HEADERS_MAX; i++) {
        assert_int_equal(response_feed(&r, "X: 1\r\n", 6, &used), RESPONSE_MORE);
    }
    assert_int_equal(response_feed(&r, "X: 1\r\n", 6, &used), RESPONSE_BAD);
}

static void test_long_body_is_counted_not_kept(void **state)
{
    (void)state;
    static struct response r;
    static char body[RESPONSE_BODY_BYTES_MAX + 100];
    char head[64];
    size_t used = 0;
    int head_len = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", sizeof body);
    memset(body, 'b', sizeof body);
    response_reset(&r);
    assert_int_equal(response_feed(&r, head, (size_t)head_len, &used), RESPONSE_MORE);
    assert_int_equal(response_feed(&r, body, sizeof body, &used), RESPONSE_DONE);
    assert_int_equal(r.body_len, RESPONSE_BODY_BYTES_MAX);
    assert_int_equal(r.body_bytes, sizeof body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split_at_every_byte),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_bytes_behind_are_not_taken),
        cmocka_unit_test(test_body_to_the_end),
        cmocka_unit_test(test_close_inside_an_answer_is_bad),
        cmocka_unit_test(test_bad_answers),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_long_body_is_counted_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
