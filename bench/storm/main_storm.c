/* weir-storm: an open-loop HTTP load generator for a Weir on this machine.
 *
 *   options -> plan -> probe -> client_run --on_done--> outcome_judge -> tally, history
 *                                          --on_tick--> progress line
 *           -> summary, JSON -> exit code
 *
 * Not a benchmark of other services: it speaks Weir's contract and goes to loopback only. */
#include "bench/storm/history.h"
#include "bench/storm/options.h"
#include "bench/storm/report.h"
#include "core/clock.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#define PROBE_TIMEOUT_MS 3000
#define FILES_SPARE      32u /* descriptors beside the connections: standard streams, epoll, files */

struct storm {
    struct options options;
    struct client_plan plan;
    struct tally_board *board;
    struct history history;
    FILE *json;
    struct client_status last_tick;
    int64_t started_unix_ms;
    bool is_terminal;
};

static volatile sig_atomic_t storm_stop;

static void on_signal(int number)
{
    (void)number;
    storm_stop = 1;
}

/* The first signal ends the sending, a second one the process. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static struct report report_of(const struct storm *storm, const struct client_status *status)
{
    return (struct report){.plan = &storm->plan,
                           .board = storm->board,
                           .status = *status,
                           .started_unix_ms = storm->started_unix_ms,
                           .interrupted = storm_stop != 0};
}

static void on_done(void *context, const struct request *request, const struct client_result *result)
{
    struct storm *storm = context;
    struct outcome outcome;
    outcome_judge(request, result, &outcome);
    tally_board_add(storm->board, request, result, &outcome);
    history_add(&storm->history, request, result, &outcome);
}

static void print_live(bool is_terminal, const char *line)
{
    struct winsize size = {.ws_col = 80};
    if (!is_terminal) {
        fprintf(stderr, "%s\n", line);
        return;
    }
    (void)ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
    int columns = size.ws_col > 1 ? size.ws_col - 1 : 79;
    fprintf(stderr, "\r%.*s\033[K", columns, line); /* a line that wraps could not be written over */
}

/* On a terminal the line is written over itself; elsewhere each stands alone. */
static void on_tick(void *context, const struct client_status *status)
{
    struct storm *storm = context;
    if (!storm->options.quiet) {
        struct report report = report_of(storm, status);
        struct buf line = {0};
        report_progress(&report, &storm->last_tick, &line);
        print_live(storm->is_terminal, line.data);
        buf_free(&line);
    }
    storm->last_tick = *status;
}

static uint64_t seed_fresh(void)
{
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed) {
        seed = (uint64_t)clock_boottime_us();
    }
    return seed | 1; /* 0 means "draw one" */
}

static void make_plan(struct storm *storm)
{
    const struct options *o = &storm->options;
    storm->plan = (struct client_plan){
        .target = o->target,
        .schedule = {.rate = o->rate, .count = o->count, .burst = o->burst},
        .scenario = {.scenario = o->scenario,
                     .seed = o->seed > 0 ? o->seed : seed_fresh(),
                     .user_first = o->user_first,
                     .users = o->users,
                     .clicks = o->clicks,
                     .coupon = o->coupon,
                     .room = o->room,
                     .try_keys = o->try_keys},
        .connections = (uint32_t)o->connections,
        .timeout_ms = (int64_t)o->timeout_ms,
        .drain_ms = (int64_t)o->drain_ms,
        .stop = &storm_stop,
        .on_done = on_done,
        .on_tick = on_tick,
        .context = storm,
    };
}

/* Takes as many descriptors as the connections need, within the hard limit. */
static bool raise_files(uint64_t connections, struct err *err)
{
    struct rlimit limit;
    rlim_t needed = connections + FILES_SPARE;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) {
        return true;
    }
    limit.rlim_cur = needed < limit.rlim_max ? needed : limit.rlim_max;
    if (limit.rlim_cur < needed || setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return err_set(err, ERR_USAGE,
                       "--connections: %llu need %llu file descriptors, and the limit is %llu: raise it (ulimit -n) or "
                       "ask for fewer",
                       (unsigned long long)connections, (unsigned long long)needed, (unsigned long long)limit.rlim_max);
    }
    return true;
}

/* Files are opened before any load is sent, so that a wrong path costs nothing. */
static bool open_files(struct storm *storm, struct err *err)
{
    const char *path = storm->options.json_path;
    storm->json = path != NULL ? fopen(path, "we") : NULL;
    if (path != NULL && storm->json == NULL) {
        return err_set_code(err, ERR_USAGE, errno, "--json: '%s' cannot be written (%s)", path, strerror(errno));
    }
    return history_open(storm->options.history_path, &storm->history, err);
}

static bool write_json(struct storm *storm, const struct report *report, struct err *err)
{
    if (storm->json == NULL) {
        return true;
    }
    struct buf text = {0};
    report_json(report, &text);
    bool has_failed = fwrite(text.data, 1, text.len, storm->json) != text.len;
    has_failed |= fclose(storm->json) != 0;
    storm->json = NULL;
    buf_free(&text);
    if (has_failed) {
        return err_set(err, ERR_INTERNAL, "--json: '%s' is not whole: is the disk full?", storm->options.json_path);
    }
    return true;
}

static bool run(struct storm *storm, struct client_status *ret_status, struct err *err)
{
    if (!raise_files(storm->options.connections, err) || !target_probe(&storm->plan.target, PROBE_TIMEOUT_MS, err) ||
        !open_files(storm, err)) {
        return false;
    }
    catch_signals();
    storm->started_unix_ms = clock_realtime_ms();
    bool ok = client_run(&storm->plan, ret_status, err);
    if (storm->is_terminal && !storm->options.quiet) {
        fputs("\r\033[K", stderr);
    }
    return ok;
}

static bool tell(struct storm *storm, const struct client_status *status, struct err *err)
{
    struct report report = report_of(storm, status);
    struct buf text = {0};
    report_summary(&report, &text);
    bool has_told = fputs(text.data, stdout) >= 0 && fflush(stdout) == 0;
    buf_free(&text);
    bool has_history = history_close(&storm->history, err);
    bool has_json = write_json(storm, &report, has_history ? err : NULL);
    if (!has_told && has_history && has_json) {
        return err_set(err, ERR_INTERNAL, "the summary could not be written to standard output");
    }
    return has_told && has_history && has_json;
}

static int fail(const struct err *err)
{
    fprintf(stderr, "weir-storm: %s\n", err->text);
    return err_exit_code(err);
}

static int storm_main(struct storm *storm)
{
    struct err err = {0};
    struct client_status status = {0};
    make_plan(storm);
    if (!run(storm, &status, &err) || !tell(storm, &status, &err)) {
        return fail(&err);
    }
    assert(tally_check(&storm->board->total) && storm->board->total.sent == status.sent);
    bool is_mostly_unanswered = tally_transport_errors(&storm->board->total) * 2 > status.sent;
    return storm_stop || is_mostly_unanswered ? 1 : 0;
}

static int print_help(void)
{
    struct buf text = {0};
    options_help(&text);
    fputs(text.data, stdout);
    buf_free(&text);
    return 0;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct storm storm = {.is_terminal = isatty(STDERR_FILENO) == 1};
    if (!options_parse(argc, argv, &storm.options, &err)) {
        return fail(&err);
    }
    if (storm.options.help) {
        return print_help();
    }
    if (storm.options.version) {
        puts("weir-storm " WEIR_VERSION);
        return 0;
    }
    storm.board = mem_alloc(sizeof *storm.board);
    int code = storm_main(&storm);
    free(storm.board);
    return code;
}
