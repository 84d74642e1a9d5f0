/* stderr of a test of the log, caught in a file. */
#ifndef WEIR_TESTS_UNIT_CORE_LOG_FIXTURE_H
#define WEIR_TESTS_UNIT_CORE_LOG_FIXTURE_H

#include "core/log.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int real_stderr = -1;
static FILE *caught;

static int catch_begin(void **state)
{
    (void)state;
    caught = tmpfile();
    real_stderr = dup(STDERR_FILENO);
    return caught && real_stderr >= 0 && dup2(fileno(caught), STDERR_FILENO) >= 0 ? 0 : -1;
}

static int catch_end(void **state)
{
    (void)state;
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    fclose(caught);
    return 0;
}

static void open_as(const char *level, const char *format)
{
    struct err err = {0};
    assert_true(log_open("weir-test", level, format, &err));
}

#define CAUGHT(test) cmocka_unit_test_setup_teardown(test, catch_begin, catch_end)

#endif
