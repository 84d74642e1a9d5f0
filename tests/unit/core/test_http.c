/* HTTP: the pure rules of targets and routes, and a real server on an ephemeral port. */
#include "core/http.h"
#include "core/http_route.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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

static void on_echo(struct http_req *req, void *arg)
{
    (void)arg;
    struct text body = http_req_body(req);
    http_respond(req, 200, "text/plain", NULL, 0, body.data, body.len);
}

static void on_part(struct http_req *req, void *arg)
{
    (void)arg;
    struct text part = http_req_param(req, 0);
    struct text name = {"-", 1};
    http_req_query(req, "name", &name);
    char body[64];
    int len = snprintf(body, sizeof body, "%.*s %.*s", (int)part.len, part.data, (int)name.len, name.data);
    const struct http_header injected = {"x-note", {"a\r\nx-evil: 1", 12}};
    http_respond(req, 200, "text/plain", &injected, 1, body, (size_t)len);
}

struct later {
    struct http_req *req;
    struct loop_timer *timer;
};

static void on_later_timer(void *arg)
{
    struct later *later = arg;
    loop_timer_free(later->timer);
    http_respond(later->req, 200, "text/plain", NULL, 0, "later", 5);
}

static void on_later(struct http_req *req, void *arg)
{
    (void)arg;
    struct later *later = http_req_alloc(req, sizeof *later);
    later->req = req;
    later->timer = loop_timer_new(http_req_loop(req), on_later_timer, later);
    loop_timer_set(later->timer, 100);
}

static const struct http_route routes[] = {
    {.method = "POST", .path = "/echo", .handler = on_echo, .body_bytes_max = 16},
    {.method = "GET", .path = "/part/{id}/x", .handler = on_part},
    {.method = "GET", .path = "/later", .handler = on_later},
};
enum { ROUTES = sizeof routes / sizeof *routes };

/* ---- pure ---- */

static void test_target(void **state)
{
    (void)state;
    struct http_target target = http_target_split(text_of("/a/b?x=1?y"));
    assert_text(target.path, "/a/b");
    assert_text(target.query, "x=1?y");
    target = http_target_split(text_of("http://host:80/a?b"));
    assert_text(target.path, "/a");
    assert_text(http_target_split(text_of("http://host")).path, "/");
    assert_text(http_target_split(text_of("*")).path, "*");
}

static void test_routes(void **state)
{
    (void)state;
    struct http_match match;
    http_route_find(routes, ROUTES, text_of("GET"), text_of("/part/7/x"), &match);
    assert_ptr_equal(match.route, &routes[1]);
    assert_int_equal(match.param_count, 1);
    assert_text(match.params[0], "7");
    http_route_find(routes, ROUTES, text_of("HEAD"), text_of("/part/7/x"), &match);
    assert_ptr_equal(match.route, &routes[1]);
    assert_true(match.head);
    http_route_find(routes, ROUTES, text_of("POST"), text_of("/part/7/x"), &match);
    assert_null(match.route);
    assert_true(match.path_known);
    assert_string_equal(match.allow, "GET, HEAD");
    const char *const unknown[] = {"/part//x", "/part/7/", "/part/7", "/part/7/xy",
                                   "/echo/",   "/ech",     "",        "/part/7/8/x"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        http_route_find(routes, ROUTES, text_of("GET"), text_of(unknown[i]), &match);
        assert_false(match.path_known);
    }
}

/* ---- a server ---- */

static struct http_server *server;

static struct http_options options(int port)
{
    return (struct http_options){.host = "127.0.0.1",
                                 .port = port,
                                 .threads = 1,
                                 .routes = routes,
                                 .route_count = ROUTES,
                                 .connections_max = 10,
                                 .request_timeout_ms = 300,
                                 .idle_timeout_ms = 5000};
}

static int server_begin(void **state)
{
    (void)state;
    struct http_options given = options(0);
    struct err err;
    return !http_start(&given, &server, &err);
}

static int server_end(void **state)
{
    (void)state;
    bool drained = http_drain(server, 2000);
    http_free(server);
    return !drained;
}

static int dial(const char *request)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)http_port(server))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(write(fd, request, strlen(request)), (ssize_t)strlen(request));
    return fd;
}

/* Sends, and reads until the server closes: requests here end with Connection: close. */
static const char *ask(const char *request)
{
    static char answer[8192];
    int fd = dial(request);
    size_t len = 0;
    for (ssize_t got; (got = read(fd, answer + len, sizeof answer - 1 - len)) > 0;)
        len += (size_t)got;
    answer[len] = '\0';
    close(fd);
    return answer;
}

static void assert_has(const char *answer, const char *part)
{
    if (strstr(answer, part) == NULL)
        fail_msg("no '%s' in:\n%s", part, answer);
}

#define CLOSE "Connection: close\r\n\r\n"

static void test_answers(void **state)
{
    (void)state;
    const char *answer = ask("POST /echo HTTP/1.1\r\nX-Request-Id: mine\r\nContent-Length: 5\r\n" CLOSE "hello");
    assert_has(answer, "HTTP/1.1 200 ");
    assert_has(answer, "x-request-id: mine\r\n");
    assert_has(answer, "\r\n\r\nhello");
    assert_has(ask("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" CLOSE "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
               "\r\n\r\nabcde");
    answer = ask("GET /part/a%2Fb/x?name=c+d HTTP/1.1\r\n" CLOSE);
    assert_has(answer, "a/b c d");
    assert_null(strstr(answer, "\r\nx-evil"));
    answer = ask("HEAD /part/a/x HTTP/1.1\r\n" CLOSE);
    assert_has(answer, "Content-Length: 3\r\n");
    assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
    assert_has(ask("GET /later HTTP/1.1\r\n" CLOSE), "\r\n\r\nlater");
    assert_has(ask("GET /livez HTTP/1.1\r\n" CLOSE), "HTTP/1.1 200 ");
    assert_has(ask("GET /metrics HTTP/1.1\r\n" CLOSE), "weir_http_requests_total{code=\"2xx\"}");
}

static void test_pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    const char *answer = ask("GET /later HTTP/1.1\r\n\r\nPOST /echo HTTP/1.1\r\nContent-Length: 1\r\n" CLOSE "z");
    const char *second = strstr(answer, "\r\n\r\nlater");
    assert_non_null(second);
    assert_has(second, "\r\n\r\nz");
}

static void test_refusals_are_problems(void **state)
{
    (void)state;
    assert_has(ask("GET /nothing HTTP/1.1\r\n" CLOSE), "\"code\":\"not_found\"");
    const char *answer = ask("GET /echo HTTP/1.1\r\n" CLOSE);
    assert_has(answer, "HTTP/1.1 405 ");
    assert_has(answer, "allow: POST\r\n");
    assert_has(answer, "\"success\":false");
    assert_has(ask("POST /echo HTTP/1.1\r\nContent-Length: 17\r\n" CLOSE "12345678901234567"),
               "\"code\":\"body_too_large\"");
    answer =
        ask("POST /echo HTTP/1.1\r\nX-Request-Id: big\r\nContent-Length: 99999999\r\n\r\n"); /* refused by h2o itself */
    assert_has(answer, "HTTP/1.1 413 ");
    assert_has(answer, "application/problem+json");
    assert_has(answer, "\"request_id\":\"big\"");
    assert_has(ask("GET /part/%2/x HTTP/1.1\r\n" CLOSE), "HTTP/1.1 400 ");
    assert_has(ask("nonsense\r\n\r\n"), "HTTP/1.1 400 ");
    assert_has(ask("POST /echo HTTP/1.1\r\nContent-Length: x\r\n\r\n"), "\"code\":\"malformed\"");
}

/* A second request hides in each, by the length that h2o does not go by or behind the chunks. */
static void test_two_lengths_are_refused_and_the_connection_is_closed(void **state)
{
    (void)state;
    static const char hidden[] = "POST /echo HTTP/1.1\r\nContent-Length: 6\r\n\r\nhidden";
    static const char *const heads[] = {
        "POST /echo HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nfirst",
        "POST /echo HTTP/1.1\r\nContent-Length: 5\r\nA: b\r\ncontent-length: 54\r\n\r\nfirst",
        "POST /echo HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: x\r\n\r\nfirst",
        "POST /echo HTTP/1.1\r\nContent-Length: 5\r\n 4\r\n\r\nfirst",
        "POST /echo HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nfirst",
        "POST /echo HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n5\r\nfirst\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nTransfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /livez HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nf",
        "GET /nothing HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        char request[512];
        snprintf(request, sizeof request, "%s%s", heads[i], hidden);
        const char *answer = ask(request); /* until it is closed, which these requests do not ask for */
        assert_has(answer, "HTTP/1.1 400 ");
        assert_has(answer, "Connection: close\r\n");
        assert_has(answer, "application/problem+json");
        assert_has(answer, "\"code\":\"malformed\",\"detail\":\"More than one header");
        assert_null(strstr(answer + 1, "HTTP/1.1 "));
    }
    const char *answer = ask("HEAD /livez HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n");
    assert_has(answer, "HTTP/1.1 400 ");
    assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
}

/* Their heads are what is left of the input in front of each body, the first request's or a later one's. */
static void test_one_length_each_is_no_second_one(void **state)
{
    (void)state;
    const char *answer = ask("POST /echo HTTP/1.1\r\nContent-Length: 1\r\n\r\na"
                             "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\n\r\n"
                             "GET /livez HTTP/1.1\r\n\r\n"
                             "\r\nPOST /echo HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
                             "POST /echo HTTP/1.1\r\nContent-Length: 16\r\n" CLOSE "\nContent-Length:");
    assert_null(strstr(answer, "HTTP/1.1 4"));
    assert_has(answer, "\r\n\r\na");
    assert_has(answer, "\r\n\r\nb");
    assert_has(answer, "\r\n\r\nok\n");
    assert_has(answer, "\r\n\r\n\nContent-Length:");
}

static void test_a_client_that_goes_away_does_no_harm(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        close(dial("GET /later HTTP/1.1\r\n\r\n"));
    assert_has(ask("GET /later HTTP/1.1\r\n" CLOSE), "later");
}

static void test_a_request_that_never_ends_is_cut(void **state)
{
    (void)state;
    assert_string_equal(ask("POST /echo HTTP/1.1\r\nContent-Length: 5\r\n\r\nab"), "");
}

static void test_drain_answers_what_is_open(void **state)
{
    (void)state;
    int idle = dial("");
    int open_fd = dial("GET /later HTTP/1.1\r\n\r\n");
    usleep(30000);
    assert_true(http_drain(server, 2000));
    char answer[1024] = "";
    assert_true(read(open_fd, answer, sizeof answer - 1) > 0);
    assert_has(answer, "later");
    assert_has(answer, "Connection: close");
    assert_int_equal(read(idle, answer, sizeof answer), 0);
    close(idle);
    close(open_fd);
}

static int server_free(void **state)
{
    (void)state;
    http_free(server);
    return 0;
}

static void test_a_taken_port_is_named(void **state)
{
    (void)state;
    struct http_options given = options(http_port(server));
    struct http_server *second;
    struct err err;
    char port[16];
    snprintf(port, sizeof port, "%d", given.port);
    assert_false(http_start(&given, &second, &err));
    assert_int_equal(err.kind, ERR_USAGE);
    assert_non_null(strstr(err.text, port));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_target),
        cmocka_unit_test(test_routes),
        cmocka_unit_test_setup_teardown(test_answers, server_begin, server_end),
        cmocka_unit_test_setup_teardown(test_pipelined_requests_are_answered_in_order, server_begin, server_end),
        cmocka_unit_test_setup_teardown(test_refusals_are_problems, server_begin, server_end),
        cmocka_unit_test_setup_teardown(test_two_lengths_are_refused_and_the_connection_is_closed, server_begin,
                                        server_end),
        cmocka_unit_test_setup_teardown(test_one_length_each_is_no_second_one, server_begin, server_end),
        cmocka_unit_test_setup_teardown(test_a_client_that_goes_away_does_no_harm, server_begin, server_end),
        cmocka_unit_test_setup_teardown(test_a_request_that_never_ends_is_cut, server_begin, server_end),
        cmocka_unit_test_setup_teardown(test_drain_answers_what_is_open, server_begin, server_free),
        cmocka_unit_test_setup_teardown(test_a_taken_port_is_named, server_begin, server_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
