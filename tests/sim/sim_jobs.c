#include "sim/sim_jobs.h"

#include "core/planted.h"
#include "sim/sim_digest.h"

#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* One job's part of the shared page; it alone writes there. */
struct job {
    pid_t pid;
    atomic_bool done;
    _Atomic uint64_t seed; /* that it is at */
    _Atomic uint64_t seeds;
    uint64_t events;
    bool failed;
    struct violation violation;
    uint64_t digest; /* of the last seed */
    struct unknowns unknowns;
    uint64_t cover[FAULTS][STATES];
};

struct shared {
    _Atomic uint64_t end; /* seeds from here on need not be run: one below has failed */
    struct sample sample[SAMPLES_MAX];
    struct job job[JOBS_MAX];
};

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The lowest seed that fails is told, whatever ran first. */
static void fails_at(struct shared *shared, uint64_t seed)
{
    uint64_t end = shared->end;
    while (seed < end && !atomic_compare_exchange_weak(&shared->end, &end, seed)) {
    }
}

static void keep_sample(struct shared *shared, const struct jobs_options *options, uint64_t at, uint64_t digest)
{
    uint64_t step = (options->count + SAMPLES_MAX - 1) / SAMPLES_MAX;
    if (at % step == 0)
        shared->sample[at / step] = (struct sample){.seed = options->first + at, .digest = digest};
}

static void count_unknowns(struct unknowns *sum, const struct unknowns *more)
{
    sum->waited += more->waited;
    if (more->longest_permille > sum->longest_permille)
        sum->longest_permille = more->longest_permille;
}

static void job_main(struct shared *shared, struct job *job, const struct jobs_options *options, uint64_t offset)
{
    planted_choose(options->planted);
    struct world *world = world_new();
    for (uint64_t at = offset; options->first + at < shared->end; at += (uint64_t)options->jobs) {
        job->seed = options->first + at;
        job->failed = !world_run(world, job->seed);
        job->digest = world_digest(world);
        job->events += world->events_run;
        job->seeds++;
        count_unknowns(&job->unknowns, &world->unknowns);
        keep_sample(shared, options, at, job->digest);
        if (job->failed)
            break;
    }
    job->violation = world->violation;
    memcpy(job->cover, world->cover, sizeof job->cover);
    world_free(world);
    job->done = true;
    if (job->failed)
        fails_at(shared, job->seed);
}

static void start(struct shared *shared, const struct jobs_options *options)
{
    for (int i = 0; i < options->jobs; i++) {
        fflush(NULL);
        pid_t pid = fork();
        if (pid < 0) {
            perror("weir-sim: fork");
            exit(3);
        }
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL); /* none goes on when the command was ended */
            job_main(shared, &shared->job[i], options, (uint64_t)i);
            _exit(0);
        }
        shared->job[i].pid = pid;
    }
}

static uint64_t seeds_so_far(const struct shared *shared, int jobs)
{
    uint64_t seeds = 0;
    for (int i = 0; i < jobs; i++)
        seeds += shared->job[i].seeds;
    return seeds;
}

static void show(const struct shared *shared, const struct jobs_options *options, double seconds)
{
    uint64_t seeds = seeds_so_far(shared, options->jobs);
    double rate = seconds > 0 ? (double)seeds / seconds : 0;
    double left = rate > 0 ? (double)(options->count - seeds) / rate : 0;
    fprintf(stderr, "\r%s: %" PRIu64 " of %" PRIu64 " schedules, %.0f/s, %.0f s left   ", options->name, seeds,
            options->count, rate, left);
}

/* A job that did not come to its own end. */
static void job_died(struct shared *shared, struct job *job, int status)
{
    job->failed = true;
    snprintf(job->violation.what, sizeof job->violation.what, JOBS_CRASHED);
    snprintf(job->violation.text, sizeof job->violation.text, "the simulation ended by signal %d; see stderr",
             WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    fails_at(shared, job->seed);
}

static void await(struct shared *shared, const struct jobs_options *options, double begun)
{
    struct timespec pause = {.tv_nsec = 20000000};
    for (int alive = options->jobs, tick = 0; alive > 0; tick++) {
        for (int i = 0, status; i < options->jobs; i++) {
            struct job *job = &shared->job[i];
            if (job->pid == 0 || waitpid(job->pid, &status, WNOHANG) != job->pid)
                continue;
            job->pid = 0;
            alive--;
            if (!job->done)
                job_died(shared, job, status);
        }
        if (options->progress && tick % 10 == 0)
            show(shared, options, now_seconds() - begun);
        nanosleep(&pause, NULL);
    }
    if (options->progress)
        fputs("\r\033[K", stderr);
}

static void add_up(const struct shared *shared, const struct jobs_options *options, struct jobs_result *result)
{
    for (int i = 0; i < options->jobs; i++) {
        const struct job *job = &shared->job[i];
        result->seeds += job->seeds;
        result->events += job->events;
        count_unknowns(&result->unknowns, &job->unknowns);
        for (int f = 0; f < FAULTS; f++)
            for (int s = 0; s < STATES; s++)
                result->cover[f][s] += job->cover[f][s];
        if (!job->failed || (result->failed && result->seed < job->seed))
            continue;
        result->failed = true;
        result->seed = job->seed;
        result->violation = job->violation;
        result->digest = job->digest;
    }
}

void jobs_run(const struct jobs_options *options, struct jobs_result *ret_result)
{
    assert(options->jobs >= 1 && options->jobs <= JOBS_MAX);
    double begun = now_seconds();
    struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        perror("weir-sim: mmap");
        exit(3);
    }
    *ret_result = (struct jobs_result){0};
    shared->end = options->first + options->count;
    start(shared, options);
    await(shared, options, begun);
    add_up(shared, options, ret_result);
    memcpy(ret_result->sample, shared->sample, sizeof ret_result->sample);
    ret_result->seconds = now_seconds() - begun;
    munmap(shared, sizeof *shared);
}
