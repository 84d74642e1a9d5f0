#include "core/crash.h"

#include <assert.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const *point_names;
static size_t point_count;
static char chosen[CRASH_NAME_BYTES_MAX + 1]; /* "" : none */
static int chosen_signal;                     /* SIGKILL, SIGSTOP, or 0: the point answers that it fails */
static atomic_uint passings_left;

static bool point_known(const char *name)
{
    for (size_t i = 0; i < point_count; i++)
        if (strcmp(point_names[i], name) == 0)
            return true;
    return false;
}

_Bool crash_parse(const char *text, char ret_name[CRASH_NAME_BYTES_MAX + 1], uint32_t *ret_count)
{
    const size_t len = strcspn(text, ":");
    if (len == 0 || len > CRASH_NAME_BYTES_MAX)
        return false;
    uint32_t count = 1;
    if (text[len] == ':') {
        char *end;
        const long number = strtol(text + len + 1, &end, 10);
        if (*end != '\0' || end == text + len + 1 || number < 1 || number > INT32_MAX)
            return false;
        count = (uint32_t)number;
    }
    memcpy(ret_name, text, len);
    ret_name[len] = '\0';
    *ret_count = count;
    return true;
}

static void crash_list(void)
{
    for (size_t i = 0; i < point_count; i++)
        puts(point_names[i]);
    exit(0);
}

static void crash_choose(const char *variable, const char *text, int signal_number)
{
    uint32_t count;
    if (!crash_parse(text, chosen, &count)) {
        fprintf(stderr, "%s is '%s'; it must be name or name:count\n", variable, text);
        exit(2);
    }
#ifndef WEIR_CRASH_POINTS
    fprintf(stderr, "%s is set, but this build has no crash points: build with -DWEIR_CRASH_POINTS=ON\n", variable);
    exit(2);
#endif
    if (!point_known(chosen)) {
        fprintf(stderr, "%s names '%s', which is no crash point of this program; see --crash-points\n", variable,
                chosen);
        exit(2);
    }
    chosen_signal = signal_number;
    atomic_store(&passings_left, count);
}

void crash_start(int argc, char **argv, const char *const *names, size_t count)
{
    point_names = names;
    point_count = count;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--crash-points") == 0)
            crash_list();
    static const struct {
        const char *variable;
        int signal;
    } kinds[] = {{"WEIR_CRASH_AT", SIGKILL}, {"WEIR_STOP_AT", SIGSTOP}, {"WEIR_FAIL_AT", 0}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && chosen[0] == '\0'; i++) {
        const char *text = getenv(kinds[i].variable);
        if (text && *text)
            crash_choose(kinds[i].variable, text, kinds[i].signal);
    }
}

bool crash_point(const char *name)
{
    assert(point_count == 0 || point_known(name));
    if (chosen[0] == '\0' || strcmp(chosen, name) != 0)
        return false;
    if (atomic_fetch_sub(&passings_left, 1) != 1)
        return false;
    dprintf(STDERR_FILENO, "crash point %s\n", name);
    if (chosen_signal == 0)
        return true;
    (void)raise(chosen_signal); /* to this thread: one that was sent to the process might let it run on for a moment */
    while (chosen_signal == SIGKILL)
        pause();
    return false;
}
