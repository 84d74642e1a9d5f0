/* The pure rules of HTTP text: decoding, query strings, request ids, and how many headers frame a body. */
#include "core/http_text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct text text_of(const char *word)
{
    return (struct text){word, strlen(word)};
}

static void assert_text(struct text text, const char *word)
{
    assert_int_equal(text.len, strlen(word));
    assert_memory_equal(text.data, word, text.len);
}

static void test_decode(void **state)
{
    (void)state;
    char text[] = "a%20b%2Fc+d%00";
    long len = http_decode(text, strlen(text), true);
    assert_int_equal(len, 8);
    assert_memory_equal(text, "a b/c d\0", 8);
    char plus[] = "a+b";
    assert_int_equal(http_decode(plus, 3, false), 3);
    assert_memory_equal(plus, "a+b", 3);
    char broken[] = "a%2";
    assert_int_equal(http_decode(broken, 3, true), -1);
    char not_hex[] = "%zz";
    assert_int_equal(http_decode(not_hex, 3, true), -1);
}

static void test_query(void **state)
{
    (void)state;
    struct text value;
    struct text query = text_of("a=1&&b&c=%41=x&a=2&d%5B=7");
    assert_true(http_query_find(query, "a", &value));
    assert_text(value, "1");
    assert_true(http_query_find(query, "b", &value));
    assert_text(value, "");
    assert_true(http_query_find(query, "c", &value));
    assert_text(value, "%41=x");
    assert_true(http_query_find(query, "d[", &value));
    assert_text(value, "7");
    assert_false(http_query_find(query, "e", &value));
    assert_false(http_query_find(text_of(""), "a", &value));
    assert_false(http_query_find(text_of("ab=1"), "a", &value));
    assert_false(http_query_find(text_of("a=1"), "ab", &value));
}

static void test_request_id_rule(void **state)
{
    (void)state;
    char longest[130];
    memset(longest, 'x', sizeof longest);
    assert_true(http_id_valid((struct text){longest, 1}));
    assert_true(http_id_valid((struct text){longest, 128}));
    assert_false(http_id_valid((struct text){longest, 129}));
    assert_false(http_id_valid((struct text){longest, 0}));
    assert_false(http_id_valid(text_of("a\tb")));
    assert_false(http_id_valid(text_of("caf\xc3\xa9")));
    uint64_t seed[2] = {1, 2};
    char one[HTTP_ID_MADE_BYTES], two[HTTP_ID_MADE_BYTES];
    http_id_make(seed, one);
    http_id_make(seed, two);
    assert_memory_not_equal(one, two, sizeof one);
    assert_true(http_id_valid((struct text){one, sizeof one}));
}

static void test_framed_once(void **state)
{
    (void)state;
    static const char *const once[] = {
        "",
        "\n",
        "GET / HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n",
        "\r\nPOST / HTTP/1.1\ntransfer-encoding: chunked\n\n",
        "POST /Content-Length: HTTP/1.1\r\nX-Content-Length: 1\r\nA: Content-Length: 1\r\nContent-Lengt: 1\r\n"
        "Content-Lengths: 1\r\nContent-Length: 1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nA: b\r\n Content-Length: 1\r\n\r\n", /* of A's value */
        "POST / HTTP/1.1\r\nContent-Length: 1\r\ncontent-length",
    };
    static const char *const twice[] = {
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "POST / HTTP/1.1\r\ncontent-length:1\r\nA: b\r\nCONTENT-LENGTH:2\r\n\r\n",
        "POST / HTTP/1.1\nContent-Length: 1\nTransfer-Encoding: chunked\n\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\n\t2\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\n , 2\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof once / sizeof *once; i++)
        assert_true(http_framed_once(text_of(once[i])));
    assert_true(http_framed_once((struct text){NULL, 0}));
    for (size_t i = 0; i < sizeof twice / sizeof *twice; i++)
        assert_false(http_framed_once(text_of(twice[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_request_id_rule),
        cmocka_unit_test(test_framed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
