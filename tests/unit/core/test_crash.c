/* What WEIR_CRASH_AT may say, and that an unchosen point does nothing. */
#include "core/crash.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const names[] = {"part.here", "part.there"};

static void names_and_counts(void **state)
{
    (void)state;
    char name[CRASH_NAME_BYTES_MAX + 1];
    uint32_t count;
    assert_true(crash_parse("part.here", name, &count));
    assert_string_equal(name, "part.here");
    assert_int_equal(count, 1);
    assert_true(crash_parse("a:20", name, &count));
    assert_int_equal(count, 20);
    assert_false(crash_parse("", name, &count));
    assert_false(crash_parse(":3", name, &count));
    assert_false(crash_parse("a:", name, &count));
    assert_false(crash_parse("a:0", name, &count));
    assert_false(crash_parse("a:-1", name, &count));
    assert_false(crash_parse("a:1x", name, &count));
    assert_false(crash_parse("a:99999999999", name, &count));
}

#ifdef WEIR_CRASH_POINTS
static int status_of(const char *at, int passings)
{
    const pid_t child = fork();
    if (child == 0) {
        setenv("WEIR_CRASH_AT", at, 1);
        crash_start(0, NULL, names, 2);
        for (int i = 0; i < passings; i++) {
            CRASH_POINT("part.here");
            CRASH_POINT("part.there");
        }
        _exit(7);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void the_chosen_passing_ends_it(void **state)
{
    (void)state;
    const int killed = status_of("part.there:3", 3);
    assert_true(WIFSIGNALED(killed) && WTERMSIG(killed) == SIGKILL);
    const int survived = status_of("part.there:3", 2);
    assert_true(WIFEXITED(survived) && WEXITSTATUS(survived) == 7);
    const int unknown = status_of("part.nowhere", 1);
    assert_true(WIFEXITED(unknown) && WEXITSTATUS(unknown) == 2);
}

static void the_chosen_passing_fails(void **state)
{
    (void)state;
    const pid_t child = fork();
    if (child == 0) {
        setenv("WEIR_FAIL_AT", "part.there:2", 1);
        crash_start(0, NULL, names, 2);
        int failed = 0;
        for (int i = 0; i < 4; i++)
            failed += FAIL_POINT("part.here") * 100 + FAIL_POINT("part.there") * (i + 1);
        _exit(failed);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 2); /* at the second passing alone */
}
#else
static void the_chosen_passing_fails(void **state)
{
    (void)state;
    assert_false(FAIL_POINT("part.here"));
}

static void the_chosen_passing_ends_it(void **state)
{
    (void)state;
    (void)names;
    CRASH_POINT("part.here");
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_counts),
        cmocka_unit_test(the_chosen_passing_ends_it),
        cmocka_unit_test(the_chosen_passing_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
