/* C11 threads on POSIX threads, for ThreadSanitizer and for LeakSanitizer.
 *
 * What: mtx_*, cnd_*, thrd_*, call_once and tss_* of <threads.h>, each as one call of its pthread_* twin; cnd_timedwait
 * is core/kafka_common.c's own in every build. Why: the Kafka client library of Debian 12 is built on C11 threads, and
 * the sanitizers of gcc 12 and clang 14 see POSIX threads only: without this every record that passes from the
 * library's threads to ours looks like a race, and what such a thread alone still refers to when the program ends looks
 * like a leak. How: linked into the programs and tests of the presets tsan and asan alone; the linker lets a program's
 * own symbols go before those of the C library. glibc has the types side by side (same size, and thrd_t is a
 * pthread_t); checked below. Source: ISO/IEC 9899:2011, 7.26; glibc 2.36, nptl. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t), "a mtx_t holds a pthread_mutex_t");
_Static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t), "a cnd_t holds a pthread_cond_t");
_Static_assert(sizeof(thrd_t) == sizeof(pthread_t), "a thrd_t is a pthread_t");
_Static_assert(sizeof(once_flag) == sizeof(pthread_once_t), "a once_flag holds a pthread_once_t");
_Static_assert(sizeof(tss_t) == sizeof(pthread_key_t), "a tss_t is a pthread_key_t");

static int result(int error)
{
    switch (error) {
    case 0:
        return thrd_success;
    case EBUSY:
        return thrd_busy;
    case ETIMEDOUT:
        return thrd_timedout;
    case ENOMEM:
        return thrd_nomem;
    default:
        return thrd_error;
    }
}

static pthread_mutex_t *mutex(mtx_t *mtx)
{
    return (pthread_mutex_t *)mtx;
}

static pthread_cond_t *condition(cnd_t *cnd)
{
    return (pthread_cond_t *)cnd;
}

int mtx_init(mtx_t *mtx, int type)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, type & mtx_recursive ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
    int error = pthread_mutex_init(mutex(mtx), &attributes);
    pthread_mutexattr_destroy(&attributes);
    return result(error);
}

int mtx_lock(mtx_t *mtx)
{
    return result(pthread_mutex_lock(mutex(mtx)));
}

int mtx_trylock(mtx_t *mtx)
{
    return result(pthread_mutex_trylock(mutex(mtx)));
}

int mtx_timedlock(mtx_t *restrict mtx, const struct timespec *restrict until)
{
    return result(pthread_mutex_timedlock(mutex(mtx), until));
}

int mtx_unlock(mtx_t *mtx)
{
    return result(pthread_mutex_unlock(mutex(mtx)));
}

void mtx_destroy(mtx_t *mtx)
{
    pthread_mutex_destroy(mutex(mtx));
}

int cnd_init(cnd_t *cnd)
{
    return result(pthread_cond_init(condition(cnd), NULL));
}

int cnd_signal(cnd_t *cnd)
{
    return result(pthread_cond_signal(condition(cnd)));
}

int cnd_broadcast(cnd_t *cnd)
{
    return result(pthread_cond_broadcast(condition(cnd)));
}

int cnd_wait(cnd_t *cnd, mtx_t *mtx)
{
    return result(pthread_cond_wait(condition(cnd), mutex(mtx)));
}

void cnd_destroy(cnd_t *cnd)
{
    pthread_cond_destroy(condition(cnd));
}

struct start {
    thrd_start_t fn;
    void *arg;
};

static void *thread_run(void *arg)
{
    struct start start = *(struct start *)arg;
    free(arg);
    return (void *)(intptr_t)start.fn(start.arg);
}

int thrd_create(thrd_t *thread, thrd_start_t fn, void *arg)
{
    struct start *start = malloc(sizeof *start);
    if (start == NULL)
        return thrd_nomem;
    *start = (struct start){fn, arg};
    int error = pthread_create(thread, NULL, thread_run, start);
    if (error != 0)
        free(start);
    return error == EAGAIN ? thrd_nomem : result(error);
}

int thrd_join(thrd_t thread, int *ret_value)
{
    void *value = NULL;
    int error = pthread_join(thread, &value);
    if (error == 0 && ret_value != NULL)
        *ret_value = (int)(intptr_t)value;
    return result(error);
}

int thrd_detach(thrd_t thread)
{
    return result(pthread_detach(thread));
}

_Noreturn void thrd_exit(int value)
{
    pthread_exit((void *)(intptr_t)value);
}

void call_once(once_flag *flag, void (*fn)(void))
{
    pthread_once((pthread_once_t *)flag, fn);
}

int tss_create(tss_t *key, tss_dtor_t destroy)
{
    return result(pthread_key_create(key, destroy));
}

void tss_delete(tss_t key)
{
    pthread_key_delete(key);
}

void *tss_get(tss_t key)
{
    return pthread_getspecific(key);
}

int tss_set(tss_t key, void *value)
{
    return result(pthread_setspecific(key, value));
}
