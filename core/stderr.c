/* Who reads stderr may stop reading: a pager, a collector that hangs, a terminal with Ctrl-S.
 *
 *     socket             MSG_DONTWAIT
 *     pipe, terminal     opened once more for this line, not blocking: O_NONBLOCK belongs to the open file, and the one
 *                        that was inherited is also that of whoever started us
 *         cannot be      asked whether there is room, under a lock, so that no other thread takes it in between;
 *                        another process still may, and then this line waits for its reader
 *     anything else      a plain write: a file does not wait for a reader */
#include "core/stderr.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOCK_TRIES_MAX = 1000 }; /* a line that finds room takes one system call */

static ssize_t write_whole(int fd, const char *line, size_t len)
{
    ssize_t done;
    do
        done = write(fd, line, len);
    while (done < 0 && errno == EINTR);
    return done;
}

/* Not for long: who has the lock may be waiting for a reader after all. */
static bool lock_soon(pthread_mutex_t *lock)
{
    for (int tries = 0; tries < LOCK_TRIES_MAX; tries++) {
        if (pthread_mutex_trylock(lock) == 0)
            return true;
        sched_yield();
    }
    return false;
}

static ssize_t write_if_room(const char *line, size_t len)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    if (!lock_soon(&lock))
        return -1;
    struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
    ssize_t done = poll(&room, 1, 0) == 1 ? write_whole(STDERR_FILENO, line, len) : -1;
    pthread_mutex_unlock(&lock);
    return done;
}

static ssize_t write_unblocking(const char *line, size_t len)
{
    int own = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (own < 0)
        return write_if_room(line, len);
    ssize_t done = write_whole(own, line, len);
    (void)close(own);
    return done;
}

bool stderr_write(const char *line, size_t len)
{
    assert(len > 0 && len <= STDERR_LINE_BYTES_MAX);
    struct stat file;
    ssize_t done;
    if (fstat(STDERR_FILENO, &file) != 0)
        return false;
    if (S_ISSOCK(file.st_mode))
        done = send(STDERR_FILENO, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    else if (S_ISFIFO(file.st_mode) || S_ISCHR(file.st_mode))
        done = write_unblocking(line, len);
    else
        done = write_whole(STDERR_FILENO, line, len);
    return done == (ssize_t)len;
}
