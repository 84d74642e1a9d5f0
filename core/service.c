/* The life of a service process.
 *
 *     service_start -> watcher thread: poll(signalfd, stop_fd) -> stop_begin -> poll(deadline) -> _exit(1)
 *     service_part_set -> all ready? -> READY=1, once
 *     service_stop -> stop_begin (flag, deadline, STOPPING=1, stop_fd) -> service_wait returns -> main drains
 *                  -> service_finish
 *
 * The watcher is the only place that ends the process past the deadline, so a drain that hangs anywhere is bounded. A
 * second signal changes nothing. What it does not do: restart, daemonise, pid files; those are a supervisor's. */
#include "core/service.h"

#include "core/clock.h"
#include "core/log.h"
#include "core/service_parts.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct service_part {
    const char *name;
    atomic_bool ready;
    char why[SERVICE_WHY_BYTES_MAX];  /* under the lock */
    char note[SERVICE_WHY_BYTES_MAX]; /* under the lock */
    int64_t away_ms;                  /* since when; 0: it is there; under the lock */
};

static const char *own_name = "weir";
static int64_t drain_whole_ms;
static int stop_fd = -1, signal_fd = -1;
static atomic_bool stopping, failed;
static char stop_why[SERVICE_WHY_BYTES_MAX]; /* written before `stopping` is set, read after */
static _Atomic int64_t deadline_ms;          /* of CLOCK_BOOTTIME */
static _Atomic(const char *) drain_step = "the start of the drain";

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct service_part parts[SERVICE_PARTS_MAX]; /* under the lock, but for `ready` */
static size_t part_count;
static bool told_ready;

const char *service_name(void)
{
    return own_name;
}

bool service_stopping(void)
{
    return atomic_load_explicit(&stopping, memory_order_relaxed);
}

int service_stop_fd(void)
{
    assert(stop_fd >= 0);
    return stop_fd;
}

/* The first call wins; `why` is what service_wait logs: a line may be slow, and the stop waits for none. */
static void stop_begin(const char *why, bool as_failure)
{
    static atomic_bool begun;
    if (atomic_exchange(&begun, true))
        return;
    atomic_store(&deadline_ms, clock_boottime_ms() + drain_whole_ms);
    (void)snprintf(stop_why, sizeof stop_why, "%s", why);
    atomic_store(&failed, as_failure);
    atomic_store(&stopping, true); /* after the deadline: who sees it may ask how much is left */
    (void)service_notify("STOPPING=1");
    uint64_t one = 1;
    if (write(stop_fd, &one, sizeof one) != sizeof one)
        abort(); /* an eventfd that is ours and empty takes a number */
}

void service_stop(const char *why)
{
    assert(stop_fd >= 0);
    stop_begin(why, true);
}

/* Takes what signals there are; returns the first one, or 0. */
static int signal_take(void)
{
    struct signalfd_siginfo info;
    return read(signal_fd, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}

static void watch_for_stop(void)
{
    while (!atomic_load(&stopping)) {
        struct pollfd ready[] = {{.fd = signal_fd, .events = POLLIN}, {.fd = stop_fd, .events = POLLIN}};
        if (poll(ready, 2, -1) < 0 && errno != EINTR)
            abort(); /* without this thread SIGTERM would do nothing */
        int taken = ready[0].revents & POLLIN ? signal_take() : 0;
        if (taken)
            stop_begin(taken == SIGINT ? "SIGINT" : "SIGTERM", false);
    }
}

static void *watcher_main(void *arg)
{
    (void)arg;
    watch_for_stop();
    int64_t left;
    while ((left = service_drain_left_ms()) > 0)
        clock_sleep_ms(left);
    log_error("the drain is past its deadline, the process ends itself", LOG_STR("why", stop_why),
              LOG_STR("hung", atomic_load(&drain_step)), LOG_INT("drain_ms", drain_whole_ms));
    _exit(1);
}

static bool signals_block(struct err *err)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    int rc = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (rc != 0)
        return err_set(err, ERR_INTERNAL, "signals cannot be blocked: %s", strerror(rc));
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (sigaction(SIGPIPE, &ignore, NULL) != 0)
        return err_set(err, ERR_INTERNAL, "SIGPIPE cannot be ignored: %s", strerror(errno));
    signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (signal_fd < 0 || stop_fd < 0)
        return err_set(err, ERR_OUTAGE, "no descriptor for signals: %s; raise the limit on open files",
                       strerror(errno));
    return true;
}

bool service_start(const char *name, int64_t drain_ms, struct err *err)
{
    assert(name && drain_ms >= 0 && stop_fd < 0);
    own_name = name;
    drain_whole_ms = drain_ms;
    if (!signals_block(err))
        return false;
    pthread_t watcher;
    int rc = pthread_create(&watcher, NULL, watcher_main, NULL);
    if (rc != 0)
        return err_set(err, ERR_OUTAGE, "the thread that takes signals cannot be started: %s", strerror(rc));
    (void)pthread_detach(watcher);
    return true;
}

struct service_part *service_part(const char *name)
{
    pthread_mutex_lock(&lock);
    struct service_part *part = NULL;
    for (size_t at = 0; at < part_count && !part; at++)
        if (strcmp(parts[at].name, name) == 0)
            part = &parts[at];
    if (!part && part_count < SERVICE_PARTS_MAX) {
        part = &parts[part_count++];
        part->name = name;
        (void)snprintf(part->why, sizeof part->why, "not ready yet");
    }
    pthread_mutex_unlock(&lock);
    if (!part) {
        fprintf(stderr, "service: more parts than SERVICE_PARTS_MAX (%s); this is a fault of the program\n", name);
        abort();
    }
    return part;
}

/* Lock held. */
static bool parts_are_ready(void)
{
    for (size_t at = 0; at < part_count; at++)
        if (!atomic_load_explicit(&parts[at].ready, memory_order_relaxed))
            return false;
    return true;
}

/* Lock held, so that systemd hears of changes in their order. */
static void tell_change(const struct service_part *part, bool ready)
{
    bool all = parts_are_ready();
    if (ready)
        log_info("part is ready", LOG_STR("part", part->name));
    else
        log_warn("part is not ready", LOG_STR("part", part->name), LOG_STR("why", part->why));
    char status[SERVICE_WHY_BYTES_MAX + 100];
    if (all)
        (void)snprintf(status, sizeof status, "%sSTATUS=ready", told_ready ? "" : "READY=1\n");
    else
        (void)snprintf(status, sizeof status, "STATUS=not ready: %.60s: %s", part->name,
                       ready ? "others are missing" : part->why);
    told_ready = told_ready || all;
    (void)service_notify(status);
}

/* One line: it goes into /readyz and into systemd's message, where a newline begins another variable. */
static void line_set(char line[SERVICE_WHY_BYTES_MAX], const char *text)
{
    (void)snprintf(line, SERVICE_WHY_BYTES_MAX, "%.*s", SERVICE_WHY_BYTES_MAX - 1, text);
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < 0x20)
            *c = ' ';
}

void service_part_set(struct service_part *part, bool ready, const char *why)
{
    if (ready && atomic_load_explicit(&part->ready, memory_order_relaxed))
        return;
    pthread_mutex_lock(&lock);
    bool was = atomic_load_explicit(&part->ready, memory_order_relaxed);
    bool first_why = !ready && !was && strcmp(part->why, "not ready yet") == 0;
    if (!ready)
        line_set(part->why, why && *why ? why : "not ready");
    atomic_store_explicit(&part->ready, ready, memory_order_relaxed);
    if (was != ready || first_why)
        tell_change(part, ready);
    pthread_mutex_unlock(&lock);
}

void service_part_note(struct service_part *part, const char *note)
{
    pthread_mutex_lock(&lock);
    line_set(part->note, note);
    pthread_mutex_unlock(&lock);
}

static void away_begin(struct service_part *part, const char *meanwhile, const char *why)
{
    part->away_ms = clock_boottime_ms();
    log_warn("a part is away", LOG_STR("part", part->name), LOG_STR("meanwhile", meanwhile), LOG_STR("why", why));
}

static void away_end(struct service_part *part)
{
    log_info("a part is back", LOG_STR("part", part->name), LOG_INT("away_ms", clock_boottime_ms() - part->away_ms));
    part->away_ms = 0;
    part->note[0] = '\0';
}

void service_part_away(struct service_part *part, const char *meanwhile, const char *why)
{
    char note[2 * SERVICE_WHY_BYTES_MAX];
    pthread_mutex_lock(&lock);
    if (meanwhile && part->away_ms == 0)
        away_begin(part, meanwhile, why);
    else if (!meanwhile && part->away_ms != 0)
        away_end(part);
    if (meanwhile) {
        (void)snprintf(note, sizeof note, "away for %lld s, %s: %s",
                       (long long)(clock_boottime_ms() - part->away_ms) / 1000, meanwhile, why);
        line_set(part->note, note);
    }
    pthread_mutex_unlock(&lock);
}

bool service_ready(void)
{
    pthread_mutex_lock(&lock);
    bool ready = parts_are_ready();
    pthread_mutex_unlock(&lock);
    return ready && !service_stopping();
}

void service_ready_text(struct buf *ret_text)
{
    pthread_mutex_lock(&lock);
    for (size_t at = 0; at < part_count; at++) {
        if (atomic_load_explicit(&parts[at].ready, memory_order_relaxed))
            buf_printf(ret_text, "[+] %s ok%s%s\n", parts[at].name, *parts[at].note ? ": " : "", parts[at].note);
        else
            buf_printf(ret_text, "[-] %s: %s\n", parts[at].name, parts[at].why);
    }
    pthread_mutex_unlock(&lock);
    if (service_stopping())
        buf_append_str(ret_text, "[-] stopping\n");
}

void service_wait(void)
{
    struct pollfd stop = {.fd = service_stop_fd(), .events = POLLIN};
    while (poll(&stop, 1, -1) != 1)
        assert(errno == EINTR);
    if (atomic_load(&failed))
        log_error("stopping after a failure", LOG_STR("why", stop_why), LOG_INT("drain_ms", drain_whole_ms));
    else
        log_info("stopping", LOG_STR("why", stop_why), LOG_INT("drain_ms", drain_whole_ms));
}

void service_drain_step(const char *what)
{
    atomic_store(&drain_step, what);
}

int64_t service_drain_left_ms(void)
{
    if (!atomic_load(&stopping))
        return drain_whole_ms;
    int64_t left = atomic_load(&deadline_ms) - clock_boottime_ms();
    return left > 0 ? left : 0;
}

int service_finish(bool drained)
{
    bool in_time = service_drain_left_ms() > 0 || !service_stopping();
    int exit_code = drained && in_time && !atomic_load(&failed) ? 0 : 1;
    if (!drained || !in_time)
        log_error("ended before all was drained", LOG_STR("at", atomic_load(&drain_step)),
                  LOG_INT("drain_ms", drain_whole_ms), LOG_INT("exit_code", exit_code));
    else
        log_info("ended", LOG_INT("exit_code", exit_code));
    service_drain_step("the end of the process");
    return exit_code;
}
