/* A process that gets no more memory, or no thread, ends with one sentence, whichever library asked. Not so under a
 * sanitizer, which has a malloc of its own and ends the process itself. */
#include "core/buf.h"
#include "core/thread.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define WATCHED 1
#else
#define WATCHED 0
#endif

/* Runs `fn` in a child that gets no more memory; its exit code, and what it wrote to stderr. */
static int end_of(void (*fn)(void), char *ret_text, size_t size)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        setrlimit(RLIMIT_DATA, &(struct rlimit){0, 0});
        fn();
        _exit(0);
    }
    close(ends[1]);
    ssize_t len, at = 0;
    while ((len = read(ends[0], ret_text + at, size - 1 - (size_t)at)) > 0)
        at += len;
    ret_text[at] = '\0';
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void assert_ends(void (*fn)(void), const char *words)
{
    char text[2000];
    if (WATCHED)
        return;
    int code = end_of(fn, text, sizeof text);
    if (code != 1 || strncmp(text, words, strlen(words)) != 0 || strchr(text, '\n') != text + strlen(text) - 1)
        fail_msg("exit code %d, and said: %s", code, text);
}

static void by_ours(void)
{
    for (;;)
        mem_alloc(4000);
}

static void by_growing(void)
{
    for (struct buf buf = {0};;)
        buf_append(&buf, "0123456789", 10);
}

static void by_a_size_that_no_machine_has(void)
{
    struct buf buf = {0};
    buf_reserve(&buf, SIZE_MAX);
}

static void by_our_functions(void **state)
{
    (void)state;
    assert_ends(by_ours, "memory is exhausted: 4000 bytes could not be had; ");
    assert_ends(by_growing, "memory is exhausted: ");
    assert_ends(by_a_size_that_no_machine_has, "memory is exhausted: 18446744073709551615 bytes ");
}

static void by_jansson(void)
{
    json_t *array = json_array();
    for (;;)
        json_array_append_new(array, json_loads("{\"text\": \"a record as good as any other\"}", 0, NULL));
}

static void by_libc(void)
{
    for (char *text = NULL; asprintf(&text, "%1000d", 1) > 0;)
        continue;
}

static void by_libraries(void **state)
{
    (void)state;
    assert_ends(by_jansson, "memory is exhausted: ");
    assert_ends(by_libc, "memory is exhausted: ");
}

static void *nothing(void *arg)
{
    return arg;
}

static void by_threads(void)
{
    for (pthread_t thread;;)
        thread_start(&thread, nothing, NULL, "a test");
}

static void by_a_thread(void **state)
{
    (void)state;
    assert_ends(by_threads, "no thread could be had for a test: ");
}

static void sizes_of_nothing(void **state)
{
    (void)state;
    void *made = mem_alloc(0);
    assert_non_null(made);
    made = mem_grow(made, 0);
    assert_non_null(made);
    free(made);
    free(realloc(malloc(10), 0)); /* frees, and answers NULL */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_our_functions),
        cmocka_unit_test(by_libraries),
        cmocka_unit_test(by_a_thread),
        cmocka_unit_test(sizes_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
