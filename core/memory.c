/* Memory that cannot be had ends the process, whoever asked for it.
 *
 * The libraries differ in what they do without memory: jansson answers as if the text were no JSON, which would make a
 * dead letter of a good record; hiredis 0.14 drops a callback and gives the next answers to the wrong commands; the
 * client library of MySQL goes on with half a packet; h2o and librdkafka abort. None of it can be gone on from, so
 * malloc, calloc and realloc of the whole process are those below. The others of the family (posix_memalign, …) stay as
 * they are and mix with these.
 *
 * Not under a sanitizer, which has its own; nor without glibc, whose functions are what these wrap.
 */
#include "core/buf.h"
#include "core/stderr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void memory_gone(size_t size)
{
    char text[160];
    int len =
        snprintf(text, sizeof text,
                 "memory is exhausted: %zu bytes could not be had; give the process more or load it less\n", size);
    if (len > 0)
        (void)stderr_write(text, (size_t)len);
    _exit(1);
}

#ifdef __has_feature /* clang's */
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define MEMORY_IS_WATCHED
#endif
#endif
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define MEMORY_IS_WATCHED
#endif

#if defined __GLIBC__ && !defined MEMORY_IS_WATCHED

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

void *malloc(size_t size)
{
    void *made = __libc_malloc(size);
    if (!made)
        memory_gone(size);
    return made;
}

void *calloc(size_t count, size_t size)
{
    size_t whole;
    void *made = __libc_calloc(count, size);
    if (!made)
        memory_gone(__builtin_mul_overflow(count, size, &whole) ? SIZE_MAX : whole);
    return made;
}

void *realloc(void *old, size_t size)
{
    void *made = __libc_realloc(old, size);
    if (!made && (size > 0 || !old)) /* realloc(old, 0) frees */
        memory_gone(size);
    return made;
}

#endif

void *mem_alloc(size_t size)
{
    void *made = calloc(1, size ? size : 1);
    if (!made)
        memory_gone(size);
    return made;
}

void *mem_grow(void *old, size_t size)
{
    void *made = realloc(old, size ? size : 1);
    if (!made)
        memory_gone(size);
    return made;
}

char *mem_copy_str(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(mem_alloc(size), text, size);
}
