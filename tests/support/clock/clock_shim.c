/* A wall clock that a test can move, for one process: preloaded (LD_PRELOAD), it adds an offset to CLOCK_REALTIME.
 *
 *     WEIR_CLOCK_FILE: 8 bytes, the offset in us as a signed number of this machine -> mmap -> added to what time(),
 *     gettimeofday(), clock_gettime() and timespec_get() answer; a change takes effect at once.
 *
 * CLOCK_MONOTONIC, CLOCK_BOOTTIME and the rest are never touched, for no step of the wall clock moves them. A wait
 * until a wall-clock time (pthread_cond_timedwait, cnd_timedwait, sem_timedwait and their like) is cut into short ones,
 * after each of which the moved clock is looked at: as under a kernel, a step ahead ends a wait that is under way, and
 * a step back makes it as much longer. Not covered: timerfd, and programs that ask the kernel without libc.
 *
 * Any thread; nothing is allocated or locked, so it is safe in signal handlers, too. Without the variable it does
 * nothing; with a file that cannot be mapped the process ends at once: a test must not run on an unmoved clock.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

enum { US_PER_S = 1000000, NS_PER_US = 1000, NS_PER_S = 1000000000, SLICE_US = 50000 };
/* A wait's clock is not always known here; no machine has been up for thirty years. */
enum { REALTIME_S_MIN = 1000000000 };

static const _Atomic int64_t *offset_us;

static void shim_fail(const char *what, const char *path)
{
    fprintf(stderr, "clock shim: cannot %s '%s'\n", what, path);
    _exit(2);
}

__attribute__((constructor)) static void shim_start(void)
{
    const char *path = getenv("WEIR_CLOCK_FILE");
    if (!path || !*path)
        return;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || lseek(fd, 0, SEEK_END) != sizeof *offset_us)
        shim_fail("read 8 bytes of", path);
    void *mapped = mmap(NULL, sizeof *offset_us, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped == MAP_FAILED)
        shim_fail("map", path);
    offset_us = mapped;
}

static int64_t shim_offset_us(void)
{
    return offset_us ? atomic_load_explicit(offset_us, memory_order_relaxed) : 0;
}

/* Moves a time by `us`, which may be negative. */
static void time_move(struct timespec *time, int64_t us)
{
    int64_t ns = time->tv_nsec + us % US_PER_S * NS_PER_US;
    time->tv_sec += us / US_PER_S;
    if (ns < 0) {
        ns += NS_PER_S;
        time->tv_sec--;
    } else if (ns >= NS_PER_S) {
        ns -= NS_PER_S;
        time->tv_sec++;
    }
    time->tv_nsec = ns;
}

/* The library's own function, looked up each time it is first needed; `version` where an old one exists beside it. */
static void *real_function(_Atomic(void *) *kept, const char *name, const char *version)
{
    void *found = atomic_load_explicit(kept, memory_order_relaxed);
    if (found)
        return found;
    found = version ? dlvsym(RTLD_NEXT, name, version) : NULL;
    if (!found)
        found = dlsym(RTLD_NEXT, name);
    if (!found)
        shim_fail("find the function", name);
    atomic_store_explicit(kept, found, memory_order_relaxed);
    return found;
}

/* ---- reading ---- */

static int clock_read(clockid_t id, struct timespec *now)
{
    static _Atomic(void *) kept;
    int (*real)(clockid_t, struct timespec *) = real_function(&kept, "clock_gettime", NULL);
    const int rc = real(id, now);
    if (rc == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE || id == CLOCK_TAI))
        time_move(now, shim_offset_us());
    return rc;
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    return clock_read(id, now);
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec time;
    if (zone)
        *(struct timezone *)zone = (struct timezone){0};
    if (clock_read(CLOCK_REALTIME, &time) != 0)
        return -1;
    now->tv_sec = time.tv_sec;
    now->tv_usec = time.tv_nsec / NS_PER_US;
    return 0;
}

time_t time(time_t *ret_time)
{
    struct timespec now = {0};
    (void)clock_read(CLOCK_REALTIME, &now);
    if (ret_time)
        *ret_time = now.tv_sec;
    return now.tv_sec;
}

int timespec_get(struct timespec *now, int base)
{
    return base == TIME_UTC && clock_read(CLOCK_REALTIME, now) == 0 ? base : 0;
}

/* ---- waits until a time ---- */

/* Waits once, until a time of the kernel's own wall clock. The answer is 0, ETIMEDOUT or another error. */
typedef int (*wait_fn)(void *what, void *with, const struct timespec *until);

static bool time_before(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/* In slices, until `until` of the moved clock. `once`: one slice is enough, and its end is told as a wake-up without a
 * cause, which every user of a condition must bear; waiting on would miss a signal that came between two slices. */
static int wait_sliced(wait_fn wait, bool once, void *what, void *with, const struct timespec *until)
{
    for (;;) {
        struct timespec now, slice;
        (void)clock_read(CLOCK_REALTIME, &now);
        const bool over = !time_before(&now, until);
        slice = now;
        time_move(&slice, SLICE_US);
        if (time_before(until, &slice))
            slice = *until;
        time_move(&slice, -shim_offset_us());
        const int rc = wait(what, with, &slice);
        if (rc != ETIMEDOUT || over)
            return rc;
        if (once)
            return 0;
    }
}

/* A monotonic time, as some conditions take, is no matter of ours. */
static int wait_until(wait_fn wait, bool once, void *what, void *with, const struct timespec *until)
{
    return until->tv_sec < REALTIME_S_MIN ? wait(what, with, until) : wait_sliced(wait, once, what, with, until);
}

static int cond_wait(void *cond, void *mutex, const struct timespec *until)
{
    static _Atomic(void *) kept;
    int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *) =
        real_function(&kept, "pthread_cond_timedwait", "GLIBC_2.3.2");
    return real(cond, mutex, until);
}

static int mutex_wait(void *mutex, void *with, const struct timespec *until)
{
    static _Atomic(void *) kept;
    (void)with;
    int (*real)(pthread_mutex_t *, const struct timespec *) = real_function(&kept, "pthread_mutex_timedlock", NULL);
    return real(mutex, until);
}

static int sem_wait_once(void *sem, void *with, const struct timespec *until)
{
    static _Atomic(void *) kept;
    (void)with;
    int (*real)(sem_t *, const struct timespec *) = real_function(&kept, "sem_timedwait", NULL);
    return real(sem, until) == 0 ? 0 : errno;
}

int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until)
{
    return wait_until(cond_wait, true, cond, mutex, until);
}

int pthread_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *mutex, clockid_t id, const struct timespec *until)
{
    static _Atomic(void *) kept;
    if (id == CLOCK_REALTIME)
        return wait_until(cond_wait, true, cond, mutex, until);
    int (*real)(pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *) =
        real_function(&kept, "pthread_cond_clockwait", NULL);
    return real(cond, mutex, id, until);
}

int pthread_mutex_timedlock(pthread_mutex_t *restrict mutex, const struct timespec *restrict until)
{
    return wait_until(mutex_wait, false, mutex, NULL, until);
}

int sem_timedwait(sem_t *restrict sem, const struct timespec *restrict until)
{
    const int error = wait_until(sem_wait_once, false, sem, NULL, until);
    if (error == 0)
        return 0;
    errno = error;
    return -1;
}

/* glibc's C11 conditions and mutexes are its POSIX ones under another name (nptl/cnd_timedwait.c). */
static int thread_answer(int error)
{
    return error == 0 ? thrd_success : error == ETIMEDOUT ? thrd_timedout : thrd_error;
}

int cnd_timedwait(cnd_t *restrict cond, mtx_t *restrict mutex, const struct timespec *restrict until)
{
    return thread_answer(wait_until(cond_wait, true, cond, mutex, until));
}

int mtx_timedlock(mtx_t *restrict mutex, const struct timespec *restrict until)
{
    return thread_answer(wait_until(mutex_wait, false, mutex, NULL, until));
}
