/* A line that stderr does not take at once is lost and told, never waited for, and the lines of threads stay whole. */
#include "core/log.h"
#include "core/metrics.h"
#include "core/stderr.h"
#include "tests/unit/core/log_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

static uint64_t lost(void)
{
    return metric_read(metric_counter("weir_log_lines_lost_total", "", NULL));
}

/* Fills what is written to in `ends[1]`, which blocks afterwards as a service's stderr does. */
static void fill(int ends[2])
{
    static const char dots[4096] = {'.'};
    assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    while (write(ends[1], dots, sizeof dots) > 0) {
    }
    while (write(ends[1], dots, 1) > 0) {
    }
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
}

static void empty(int fd)
{
    char taken[4096];
    while (read(fd, taken, sizeof taken) > 0) {
    }
}

static void lines_are_lost_and_told(int ends[2])
{
    fill(ends);
    open_as("info", "kv");
    uint64_t before = lost();
    for (int i = 0; i < 3; i++)
        log_info("nobody reads this");
    assert_int_equal(lost(), before + 3);
    assert_int_equal(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0); /* it belongs to others too */
    empty(ends[0]);
    log_info("read again");
    log_info("and again");
    char text[1000] = {0};
    assert_true(read(ends[0], text, sizeof text - 1) > 0);
    assert_non_null(strstr(text, " message=\"read again\" lines_lost=3\n"));
    assert_non_null(strstr(text, " message=\"and again\"\n"));
    assert_int_equal(lost(), before + 3);
    close(ends[0]);
    close(ends[1]);
}

static void a_full_pipe_is_not_waited_for(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    lines_are_lost_and_told(ends);
}

static void a_full_socket_is_not_waited_for(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    lines_are_lost_and_told(ends);
}

/* From now on nothing can be opened; returns the limit to put back. */
static struct rlimit use_up_descriptors(void)
{
    struct rlimit limit, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = (struct rlimit){.rlim_cur = 3, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    return limit;
}

static void a_full_pipe_is_not_waited_for_without_descriptors(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fill(ends);
    struct rlimit limit = use_up_descriptors();
    open_as("info", "kv");
    uint64_t before = lost();
    for (int i = 0; i < 3; i++)
        log_info("nobody reads this");
    assert_int_equal(lost(), before + 3);
    empty(ends[0]);
    log_info("read again");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    char text[1000] = {0};
    assert_true(read(ends[0], text, sizeof text - 1) > 0);
    assert_non_null(strstr(text, " message=\"read again\" lines_lost=3\n"));
    close(ends[0]);
    close(ends[1]);
}

enum { WRITERS = 4, LINES_EACH = 2000 };

static void *write_into_pipe(void *arg)
{
    char big[700];
    memset(big, 'x', sizeof big);
    big[sizeof big - 1] = '\0';
    for (int i = 0; i < LINES_EACH; i++) {
        struct log_site site = {0};
        log_write(&site, LOG_LEVEL_INFO, arg, &LOG_STR("big", big), 1);
    }
    return NULL;
}

/* Reads as lines come, slower than they do, until there is an end; each must be whole. */
static void *read_whole_lines(void *arg)
{
    FILE *from = arg;
    static char line[STDERR_LINE_BYTES_MAX + 1];
    static size_t lines;
    lines = 0;
    while (fgets(line, sizeof line, from) != NULL) {
        json_t *read = json_loads(line, 0, NULL);
        assert_non_null(read);
        json_decref(read);
        lines++;
    }
    return &lines;
}

static void lines_of_threads_stay_whole(bool without_descriptors)
{
    int ends[2];
    char name[] = "from a thread";
    pthread_t writers[WRITERS], reader;
    uint64_t before = lost();
    void *read = NULL;
    open_as("info", "json");
    assert_int_equal(pipe(ends), 0);
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, 4096) >= 4096);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    close(ends[1]);
    FILE *from = fdopen(ends[0], "r");
    assert_int_equal(pthread_create(&reader, NULL, read_whole_lines, from), 0);
    struct rlimit limit = {0};
    if (without_descriptors)
        limit = use_up_descriptors();
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&writers[i], NULL, write_into_pipe, name), 0);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(writers[i], NULL);
    if (without_descriptors)
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    dup2(real_stderr, STDERR_FILENO); /* the reader's end of file */
    pthread_join(reader, &read);
    assert_int_equal(*(size_t *)read + (lost() - before), WRITERS * LINES_EACH);
    assert_true(*(size_t *)read > 0);
    fclose(from);
}

static void lines_of_threads_stay_whole_in_a_small_pipe(void **state)
{
    (void)state;
    lines_of_threads_stay_whole(false);
    lines_of_threads_stay_whole(true);
}

int main(void)
{
    alarm(120); /* a line that is waited for */
    const struct CMUnitTest tests[] = {
        CAUGHT(a_full_pipe_is_not_waited_for),
        CAUGHT(a_full_socket_is_not_waited_for),
        CAUGHT(a_full_pipe_is_not_waited_for_without_descriptors),
        CAUGHT(lines_of_threads_stay_whole_in_a_small_pipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
