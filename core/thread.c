#include "core/thread.h"

#include "core/stderr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As of memory (core/memory.c): told without the log, which may want some. */
static _Noreturn void thread_refused(const char *what, int code)
{
    char text[200];
    int len = snprintf(text, sizeof text,
                       "no thread could be had for %s: %s; give the process more memory or tasks, or load it less\n",
                       what, strerror(code));
    len = len < (int)sizeof text ? len : (int)sizeof text - 1;
    if (len > 0)
        (void)stderr_write(text, (size_t)len);
    _exit(1);
}

void thread_start(pthread_t *ret_thread, void *(*run)(void *arg), void *arg, const char *what)
{
    int code = pthread_create(ret_thread, NULL, run, arg);
    if (code != 0)
        thread_refused(what, code);
}
