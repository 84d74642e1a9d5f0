/* The life of a process, in a child for each case: exit codes, the deadline, readiness and what systemd is told. */
#include "core/log.h"
#include "core/service.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char said[4096]; /* what the last child wrote to stderr */

#define CHILD_MUST(condition)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition);                                                    \
            _exit(99);                                                                                                 \
        }                                                                                                              \
    } while (0)

/* Runs `child` in a process of its own and returns its exit code. */
static int run(int (*child)(void))
{
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(pipes[1], STDERR_FILENO);
        close(pipes[0]);
        close(pipes[1]);
        _exit(child());
    }
    close(pipes[1]);
    size_t len = 0;
    for (ssize_t got; len < sizeof said - 1 && (got = read(pipes[0], said + len, sizeof said - 1 - len)) > 0;)
        len += (size_t)got;
    said[len] = '\0';
    close(pipes[0]);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status) == 99)
        fail_msg("the child ended with status %d and said: %s", status, said);
    return WEXITSTATUS(status);
}

static void start(int64_t drain_ms)
{
    struct err err = {0};
    CHILD_MUST(service_start("weir-test", drain_ms, &err));
}

static int drains_on_sigterm(void)
{
    start(5000);
    CHILD_MUST(strcmp(service_name(), "weir-test") == 0);
    CHILD_MUST(!service_stopping());
    CHILD_MUST(service_drain_left_ms() == 5000);
    kill(getpid(), SIGTERM);
    service_wait();
    CHILD_MUST(service_stopping());
    CHILD_MUST(service_drain_left_ms() > 0 && service_drain_left_ms() <= 5000);
    struct pollfd stop = {.fd = service_stop_fd(), .events = POLLIN};
    CHILD_MUST(poll(&stop, 1, 0) == 1 && poll(&stop, 1, 0) == 1); /* for ever */
    kill(getpid(), SIGTERM);                                      /* a second one changes nothing */
    return service_finish(true);
}

static int drains_on_sigint(void)
{
    start(5000);
    kill(getpid(), SIGINT);
    service_wait();
    return service_finish(true);
}

static int is_not_drained(void)
{
    start(5000);
    kill(getpid(), SIGTERM);
    service_wait();
    service_drain_step("reserves in flight");
    return service_finish(false);
}

static int hangs(void)
{
    start(50);
    kill(getpid(), SIGTERM);
    service_wait();
    service_drain_step("kafka flush");
    while (service_stopping())
        pause();
    return service_finish(true);
}

static int stops_itself(void)
{
    start(5000);
    service_stop("the node's lease is lost");
    service_stop("second");
    service_wait();
    return service_finish(true);
}

static int survives_sigpipe(void)
{
    start(5000);
    int pipes[2];
    CHILD_MUST(pipe(pipes) == 0);
    close(pipes[0]);
    CHILD_MUST(write(pipes[1], "x", 1) < 0);
    kill(getpid(), SIGTERM);
    service_wait();
    return service_finish(true);
}

static void exit_codes(void **state)
{
    (void)state;
    assert_int_equal(run(drains_on_sigterm), 0);
    assert_non_null(strstr(said, "message=stopping why=SIGTERM drain_ms=5000"));
    assert_int_equal(run(drains_on_sigint), 0);
    assert_non_null(strstr(said, "why=SIGINT"));
    assert_int_equal(run(is_not_drained), 1);
    assert_non_null(strstr(said, "at=\"reserves in flight\""));
    assert_int_equal(run(stops_itself), 1);
    assert_non_null(
        strstr(said, "level=error service=weir message=\"stopping after a failure\" why=\"the node's lease is lost\""));
    assert_null(strstr(said, "second"));
    assert_int_equal(run(survives_sigpipe), 0);
}

static void past_the_deadline_it_says_what_hung(void **state)
{
    (void)state;
    assert_int_equal(run(hangs), 1);
    assert_non_null(strstr(said, "past its deadline"));
    assert_non_null(strstr(said, "why=SIGTERM hung=\"kafka flush\" drain_ms=50"));
}

/* As run(), but nobody reads what it says, and there is no room for more. */
static int run_unread(int (*child)(void))
{
    enum { PATIENCE_S = 5 };
    int pipes[2];
    assert_int_equal(pipe2(pipes, O_NONBLOCK), 0);
    while (write(pipes[1], said, sizeof said) > 0) {
    }
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(fcntl(pipes[1], F_SETFL, 0), 0); /* as a service inherits it */
    pid_t pid = fork();
    if (pid == 0) {
        dup2(pipes[1], STDERR_FILENO);
        alarm(PATIENCE_S);
        _exit(child());
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(pipes[0]);
    close(pipes[1]);
    assert_true(WIFEXITED(status)); /* else SIGALRM took it: it hung */
    return WEXITSTATUS(status);
}

static void a_log_that_nobody_reads_holds_up_no_stop(void **state)
{
    (void)state;
    assert_int_equal(run_unread(drains_on_sigterm), 0);
    assert_int_equal(run_unread(stops_itself), 1);
    assert_int_equal(run_unread(hangs), 1);
}

static void ready_text_is(const char *want)
{
    struct buf text = {0};
    service_ready_text(&text);
    if (strcmp(text.data ? text.data : "", want) != 0)
        fprintf(stderr, "got:\n%s", text.data);
    CHILD_MUST(strcmp(text.data ? text.data : "", want) == 0);
    buf_free(&text);
}

static int notes_what_a_part_does(void)
{
    start(5000);
    struct service_part *stock = service_part("stock");
    service_part_note(stock, "leads");
    ready_text_is("[-] stock: not ready yet\n");
    service_part_set(stock, true, NULL);
    ready_text_is("[+] stock ok: leads\n");
    service_part_note(stock, "stands by:\nof another");
    ready_text_is("[+] stock ok: stands by: of another\n");
    service_part_note(stock, "");
    ready_text_is("[+] stock ok\n");
    return 0;
}

static int goes_on_without_a_part(void)
{
    start(5000);
    struct service_part *catalog = service_part("catalog");
    service_part_set(catalog, true, NULL);
    service_part_away(catalog, NULL, NULL);
    ready_text_is("[+] catalog ok\n");
    service_part_away(catalog, "rows are stored", "connection\nrefused");
    ready_text_is("[+] catalog ok: away for 0 s, rows are stored: connection refused\n");
    CHILD_MUST(service_ready());
    service_part_away(catalog, NULL, "");
    ready_text_is("[+] catalog ok\n");
    return 0;
}

static int tells_readiness(void)
{
    start(5000);
    struct service_part *redis = service_part("redis"), *kafka = service_part("kafka");
    CHILD_MUST(service_part("redis") == redis);
    CHILD_MUST(!service_ready());
    ready_text_is("[-] redis: not ready yet\n[-] kafka: not ready yet\n");
    service_part_set(redis, true, NULL);
    service_part_set(kafka, false, "no broker\nanswers");
    CHILD_MUST(!service_ready());
    ready_text_is("[+] redis ok\n[-] kafka: no broker answers\n");
    service_part_set(kafka, true, "");
    for (int i = 0; i < 10; i++)
        service_part_set(kafka, true, "");
    CHILD_MUST(service_ready());
    service_part_set(redis, false, NULL);
    CHILD_MUST(!service_ready());
    ready_text_is("[-] redis: not ready\n[+] kafka ok\n");
    service_part_set(redis, true, NULL);
    kill(getpid(), SIGTERM);
    service_wait();
    CHILD_MUST(!service_ready());
    ready_text_is("[+] redis ok\n[+] kafka ok\n[-] stopping\n");
    return service_finish(true);
}

static size_t times_said(const char *what)
{
    size_t times = 0;
    for (const char *at = said; (at = strstr(at, what)) != NULL; at++)
        times++;
    return times;
}

static void readiness_is_the_parts_together(void **state)
{
    (void)state;
    assert_int_equal(run(notes_what_a_part_does), 0);
    assert_int_equal(run(goes_on_without_a_part), 0);
    assert_int_equal(run(tells_readiness), 0);
    assert_int_equal(times_said("message=\"part is ready\" part=kafka"), 1);
    assert_int_equal(times_said("message=\"part is not ready\" part=kafka why=\"no broker answers\""), 1);
    assert_int_equal(times_said("message=\"part is ready\" part=redis"), 2);
}

/* A socket as systemd's; `ret_name` is what NOTIFY_SOCKET says. */
static int notify_socket(bool abstract, char ret_name[80])
{
    (void)snprintf(ret_name, 80, "%cweir_notify_%d_%d", abstract ? '@' : '/', (int)getpid(), abstract);
    if (!abstract)
        (void)snprintf(ret_name, 80, "/tmp/weir_notify_%d", (int)getpid());
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    memcpy(at.sun_path, ret_name, strlen(ret_name));
    if (abstract)
        at.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(
        bind(fd, (struct sockaddr *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(ret_name))), 0);
    return fd;
}

static void next_message_is(int fd, const char *want)
{
    char message[800];
    ssize_t got = recv(fd, message, sizeof message - 1, 0);
    message[got < 0 ? 0 : got] = '\0';
    assert_string_equal(message, want);
}

static void systemd_is_told(void **state)
{
    (void)state;
    for (int abstract = 0; abstract < 2; abstract++) {
        char name[80];
        int fd = notify_socket(abstract, name);
        setenv("NOTIFY_SOCKET", name, 1);
        assert_int_equal(run(tells_readiness), 0);
        unsetenv("NOTIFY_SOCKET");
        next_message_is(fd, "STATUS=not ready: redis: others are missing");
        next_message_is(fd, "STATUS=not ready: kafka: no broker answers");
        next_message_is(fd, "READY=1\nSTATUS=ready");
        next_message_is(fd, "STATUS=not ready: redis: not ready");
        next_message_is(fd, "STATUS=ready");
        next_message_is(fd, "STOPPING=1");
        next_message_is(fd, "");
        close(fd);
        if (!abstract)
            unlink(name);
    }
}

static void *set_often(void *part)
{
    for (int i = 0; i < 1000; i++)
        service_part_set(part, i % 2, "away");
    return NULL;
}

static int is_set_by_threads(void)
{
    start(5000);
    pthread_t threads[3];
    struct service_part *part = service_part("mysql");
    for (int i = 0; i < 3; i++)
        CHILD_MUST(pthread_create(&threads[i], NULL, set_often, part) == 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    service_part_set(part, true, NULL);
    CHILD_MUST(service_ready());
    kill(getpid(), SIGTERM);
    service_wait();
    return service_finish(true);
}

static void parts_are_set_from_any_thread(void **state)
{
    (void)state;
    assert_int_equal(run(is_set_by_threads), 0);
}

int main(void)
{
    unsetenv("NOTIFY_SOCKET");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_codes),
        cmocka_unit_test(past_the_deadline_it_says_what_hung),
        cmocka_unit_test(a_log_that_nobody_reads_holds_up_no_stop),
        cmocka_unit_test(readiness_is_the_parts_together),
        cmocka_unit_test(systemd_is_told),
        cmocka_unit_test(parts_are_set_from_any_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
