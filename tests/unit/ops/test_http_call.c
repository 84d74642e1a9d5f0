/* An answer that does not come, and whether anybody may have the request. The server is the test's own. */
#include "ops/cli/http_call.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { TIMEOUT_MS = 300 };
enum ending { ENDS_WHOLE, ENDS_EMPTY, ENDS_RESET, ENDS_CUT, ENDS_NEVER };

static struct err err;
static char url[64];
static enum ending ending;

static int listen_anywhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/restock", ntohs(address.sin_port));
    return listener;
}

static void *serve(void *arg)
{
    static const char whole[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    const struct linger at_once = {.l_onoff = 1};
    char bytes[1024];
    int connection = accept(*(const int *)arg, NULL, NULL);
    ssize_t done = read(connection, bytes, sizeof bytes);
    if (ending == ENDS_WHOLE || ending == ENDS_CUT)
        done = write(connection, whole, sizeof whole - 1 - (ending == ENDS_CUT));
    while (ending == ENDS_NEVER && done > 0)
        done = read(connection, bytes, sizeof bytes);
    if (ending == ENDS_RESET)
        setsockopt(connection, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(connection);
    return NULL;
}

static bool call(const char *if_sent)
{
    const struct http_call post = {
        .method = "POST", .url = url, .json = "{}", .if_sent = if_sent, .timeout_ms = TIMEOUT_MS};
    struct buf body = {0};
    int status = 0;
    err = (struct err){0};
    bool done = http_call(&post, &status, &body, &err);
    assert_true(!done || (status == 200 && body.len == 2));
    buf_free(&body);
    return done;
}

static bool call_served(enum ending how, const char *if_sent)
{
    pthread_t server;
    int listener = listen_anywhere();
    ending = how;
    assert_int_equal(pthread_create(&server, NULL, serve, &listener), 0);
    bool done = call(if_sent);
    pthread_join(server, NULL);
    close(listener);
    return done;
}

static void test_what_was_sent_may_have_been_done(void **state)
{
    (void)state;
    static const enum ending endings[] = {ENDS_EMPTY, ENDS_RESET, ENDS_CUT, ENDS_NEVER};
    assert_true(call_served(ENDS_WHOLE, "look first"));
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        assert_false(call_served(endings[i], "look first"));
        assert_int_equal(err.kind, ERR_OUTAGE);
        assert_non_null(strstr(err.text, "; look first"));
        assert_false(call_served(endings[i], NULL));
        assert_null(strchr(err.text, ';'));
    }
}

static void test_what_nobody_took_was_not_done(void **state)
{
    (void)state;
    close(listen_anywhere());
    assert_false(call("look first"));
    assert_int_equal(err.kind, ERR_OUTAGE);
    assert_null(strstr(err.text, "look first"));
    snprintf(url, sizeof url, "gopher://127.0.0.1/");
    assert_false(call("look first"));
    assert_null(strstr(err.text, "look first"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_sent_may_have_been_done),
        cmocka_unit_test(test_what_nobody_took_was_not_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
