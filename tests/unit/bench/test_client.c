/* The loop, against a tiny server in a thread of this test: what it does with each request is said by the request's
 * number. */
#include "bench/storm/client.h"
#include "bench/storm/history.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define SERVER_CONNECTIONS_MAX 8

enum act { ACT_ANSWER, ACT_CLOSE_AFTER, ACT_CUT, ACT_SILENT };

/* One thread a connection; `acts` is read by request number, counted over all connections. */
struct server {
    int fd;
    uint16_t port;
    const enum act *acts;
    int acts_len;
    atomic_int requests;
    atomic_int connections;
    pthread_t acceptor;
    pthread_t workers[SERVER_CONNECTIONS_MAX];
};

struct server_connection {
    struct server *server;
    int fd;
};

struct seen {
    int done, answered, by_failure[FAILURE_COUNT];
    int64_t late_us_max;     /* of answered ones, from the intended time */
    int64_t given_up_us_max; /* of the others, from the sending */
    useconds_t pause_us;     /* slept in each report */
};

static bool read_request(int fd)
{
    char text[4096];
    size_t len = 0;
    while (len < sizeof text - 1) {
        ssize_t n = recv(fd, text + len, sizeof text - 1 - len, 0);
        if (n <= 0) {
            return false;
        }
        len += (size_t)n;
        text[len] = '\0';
        if (strchr(text, '}') != NULL) {
            return true;
        }
    }
    return false;
}

/* Returns false when the connection is at its end. */
static bool serve_one(struct server *server, int fd)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    if (!read_request(fd)) {
        return false;
    }
    int number = atomic_fetch_add(&server->requests, 1);
    enum act act = number < server->acts_len ? server->acts[number] : ACT_ANSWER;
    if (act == ACT_CUT) {
        return false;
    }
    if (act == ACT_SILENT) {
        return true;
    }
    return send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL) > 0 && act == ACT_ANSWER;
}

static void *serve(void *argument)
{
    struct server_connection *connection = argument;
    while (serve_one(connection->server, connection->fd)) {
    }
    close(connection->fd);
    free(connection);
    return NULL;
}

static void *accept_all(void *argument)
{
    struct server *server = argument;
    for (;;) {
        int fd = accept(server->fd, NULL, NULL);
        if (fd < 0) {
            return NULL;
        }
        int number = atomic_fetch_add(&server->connections, 1);
        assert_true(number < SERVER_CONNECTIONS_MAX);
        struct server_connection *connection = mem_alloc(sizeof *connection);
        *connection = (struct server_connection){.server = server, .fd = fd};
        assert_int_equal(pthread_create(&server->workers[number], NULL, serve, connection), 0);
    }
}

static void server_start(struct server *server, const enum act *acts, int acts_len)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    *server = (struct server){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .acts = acts, .acts_len = acts_len};
    assert_int_equal(bind(server->fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server->fd, 16), 0);
    assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &len), 0);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&server->acceptor, NULL, accept_all, server), 0);
}

static void server_stop(struct server *server)
{
    shutdown(server->fd, SHUT_RDWR);
    pthread_join(server->acceptor, NULL);
    for (int i = 0; i < atomic_load(&server->connections); i++) {
        pthread_join(server->workers[i], NULL);
    }
    close(server->fd);
}

static void on_done(void *context, const struct request *request, const struct client_result *result)
{
    struct seen *seen = context;
    assert_true(request->due_us <= request->sent_us && request->sent_us <= request->answered_us);
    seen->done++;
    seen->by_failure[result->failure]++;
    seen->answered += result->status == 200 && result->body_len == 2;
    int64_t late_us = request->answered_us - request->due_us;
    int64_t given_up_us = request->answered_us - request->sent_us;
    if (result->failure == FAILURE_NONE) {
        seen->late_us_max = late_us > seen->late_us_max ? late_us : seen->late_us_max;
    } else {
        seen->given_up_us_max = given_up_us > seen->given_up_us_max ? given_up_us : seen->given_up_us_max;
    }
    usleep(seen->pause_us);
}

static void on_tick(void *context, const struct client_status *status)
{
    (void)context;
    (void)status;
}

static volatile sig_atomic_t never = 0;
static volatile sig_atomic_t at_once = 1;

static struct client_plan plan_for(uint16_t port, struct seen *seen, uint64_t count)
{
    char url[64];
    struct err err = {0};
    struct client_plan plan = {
        .schedule = {.burst = true, .count = count},
        .scenario = {.scenario = SCENARIO_GRAB, .user_first = 1, .users = count, .clicks = 1, .coupon = 1},
        .connections = 1,
        .timeout_ms = 2000,
        .drain_ms = 5000,
        .stop = &never,
        .on_done = on_done,
        .on_tick = on_tick,
        .context = seen};
    snprintf(url, sizeof url, "http://127.0.0.1:%u", (unsigned)port);
    assert_true(target_parse(url, &plan.target, &err));
    return plan;
}

static struct client_status run(const struct client_plan *plan)
{
    struct client_status status = {0};
    struct err err = {0};
    assert_true(client_run(plan, &status, &err));
    assert_int_equal(status.in_flight, 0);
    return status;
}

static void test_one_connection_is_kept(void **state)
{
    (void)state;
    struct server server;
    struct seen seen = {0};
    server_start(&server, NULL, 0);
    struct client_plan plan = plan_for(server.port, &seen, 50);
    assert_int_equal(run(&plan).sent, 50);
    server_stop(&server);
    assert_int_equal(seen.answered, 50);
    assert_int_equal(atomic_load(&server.requests), 50);
    assert_int_equal(atomic_load(&server.connections), 1);
}

static void test_failures_are_told_apart_and_not_repeated(void **state)
{
    (void)state;
    static const enum act acts[] = {ACT_ANSWER, ACT_CUT, ACT_ANSWER, ACT_CLOSE_AFTER, ACT_SILENT, ACT_ANSWER};
    struct server server;
    struct seen seen = {0};
    server_start(&server, acts, 6);
    struct client_plan plan = plan_for(server.port, &seen, 6);
    plan.schedule = (struct schedule){.rate = 20, .count = 6}; /* 50 ms apart: a close is seen before the next is due */
    plan.timeout_ms = 200;
    assert_int_equal(run(&plan).sent, 6);
    server_stop(&server);
    assert_int_equal(atomic_load(&server.requests), 6);
    assert_int_equal(seen.done, 6);
    assert_int_equal(seen.answered, 4);
    assert_int_equal(seen.by_failure[FAILURE_RESET], 1);
    assert_int_equal(seen.by_failure[FAILURE_TIMEOUT], 1);
}

/* The last one is due while the connection is blocked for 200 ms by the first: the wait is in its latency. */
static void test_waiting_counts_as_latency(void **state)
{
    (void)state;
    static const enum act acts[] = {ACT_SILENT, ACT_ANSWER};
    struct server server;
    struct seen seen = {0};
    server_start(&server, acts, 2);
    struct client_plan plan = plan_for(server.port, &seen, 2);
    plan.timeout_ms = 200;
    run(&plan);
    server_stop(&server);
    assert_int_equal(seen.answered, 1);
    assert_in_range(seen.late_us_max, 200000, 1500000);
}

/* While one report sleeps, the other connection's answer and its close come in together, as one event. */
static void test_close_with_the_answer_is_not_kept(void **state)
{
    (void)state;
    static const enum act acts[] = {ACT_CLOSE_AFTER, ACT_CLOSE_AFTER, ACT_CLOSE_AFTER, ACT_CLOSE_AFTER};
    struct server server;
    struct seen seen = {.pause_us = 30000};
    server_start(&server, acts, 4);
    struct client_plan plan = plan_for(server.port, &seen, 4);
    plan.connections = 2;
    run(&plan);
    server_stop(&server);
    assert_int_equal(seen.answered, 4);
    assert_int_equal(atomic_load(&server.connections), 4);
}

/* Sent 250 ms apart, each is given up 300 ms after its own sending. */
static void test_each_has_its_own_timeout(void **state)
{
    (void)state;
    static const enum act acts[] = {ACT_SILENT, ACT_SILENT};
    struct server server;
    struct seen seen = {0};
    server_start(&server, acts, 2);
    struct client_plan plan = plan_for(server.port, &seen, 2);
    plan.schedule = (struct schedule){.rate = 4, .count = 2};
    plan.connections = 2;
    plan.timeout_ms = 300;
    run(&plan);
    server_stop(&server);
    assert_int_equal(seen.by_failure[FAILURE_TIMEOUT], 2);
    assert_in_range(seen.given_up_us_max, 300000, 500000);
}

static void test_nobody_listens(void **state)
{
    (void)state;
    struct server server;
    struct seen seen = {0};
    struct err err = {0};
    server_start(&server, NULL, 0);
    server_stop(&server);
    struct client_plan plan = plan_for(server.port, &seen, 5);
    assert_false(target_probe(&plan.target, 500, &err));
    assert_int_equal(err.kind, ERR_OUTAGE);
    run(&plan);
    assert_int_equal(seen.by_failure[FAILURE_CONNECT], 5);
}

static void test_bounds_of_sending(void **state)
{
    (void)state;
    static const enum act acts[] = {ACT_SILENT, ACT_SILENT, ACT_SILENT, ACT_SILENT};
    struct server server;
    struct seen seen = {0};
    server_start(&server, acts, 4);
    struct client_plan plan = plan_for(server.port, &seen, 100);
    plan.timeout_ms = 60;
    plan.drain_ms = 100;
    uint64_t sent = run(&plan).sent;
    assert_in_range(sent, 1, 3);
    plan.stop = &at_once;
    assert_int_equal(run(&plan).sent, 0);
    server_stop(&server);
}

static void test_history_lines(void **state)
{
    (void)state;
    char path[32];
    char line[512] = "";
    struct history history;
    struct err err = {0};
    int fd = memfd_create("history", MFD_CLOEXEC);
    assert_true(fd >= 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    assert_true(history_open(path, &history, &err));
    struct request grab = {
        .kind = REQUEST_GRAB, .index = 4, .user = 5, .coupon = 6, .due_us = 7, .sent_us = 8, .answered_us = 9};
    struct request reading = {.kind = REQUEST_STATISTICS};
    struct client_result lost = {.failure = FAILURE_TIMEOUT, .has_sent = true, .location = ""};
    struct outcome outcome = {.kind = OUTCOME_LOST, .grab_status = -1};
    history_add(&history, &reading, &lost, &outcome);
    history_add(&history, &grab, &lost, &outcome);
    assert_true(history_close(&history, &err));
    assert_true(read(fd, line, sizeof line - 1) > 0);
    assert_string_equal(
        line, "{\"index\":4,\"due_us\":7,\"sent_us\":8,\"answered_us\":null,\"user\":5,\"coupon\":6,\"try_key\":null,"
              "\"outcome\":\"lost\",\"status\":0,\"grab_status\":null,\"reason\":null,\"grab_id\":null,"
              "\"location\":null}\n");
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_connection_is_kept),
        cmocka_unit_test(test_failures_are_told_apart_and_not_repeated),
        cmocka_unit_test(test_waiting_counts_as_latency),
        cmocka_unit_test(test_close_with_the_answer_is_not_kept),
        cmocka_unit_test(test_each_has_its_own_timeout),
        cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_bounds_of_sending),
        cmocka_unit_test(test_history_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
