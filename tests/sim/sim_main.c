/* weir-sim: the protocol against simulated Redis, log, clock and database, with faults from a seed. */
#include "sim/sim_jobs.h"

#include "sim/sim_planted.h"
#include "sim/sim_replay.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SEEDS_NORMAL = 100000 }; /* from here on no pair of fault and state may be missing */

struct options {
    struct jobs_options jobs;
    bool one, trace, json, planted_all;
};

static const char help[] =
    "weir-sim: runs the protocol's real code against a simulated world, with faults from a seed.\n"
    "\n"
    "  --seeds N       run N schedules (100000)\n"
    "  --first N       the first seed (1)\n"
    "  --seed N        run this one alone\n"
    "  --trace         print every event of --seed N, a line each\n"
    "  --jobs N        processes (one a processor)\n"
    "  --planted NAME  make this mistake on purpose, and stop at the first schedule that shows it\n"
    "  --planted-all   each planted bug in turn: which check found it, at which seed; that seed runs again alone\n"
    "  --json          the result as JSON\n"
    "  --help\n"
    "\n"
    "Exit codes: 0 nothing was violated, the seeds that ran again alone ended the same (and, from 100000 seeds on, "
    "every\n"
    "fault met every state that it can meet); 1 something was, or a planted bug was not found; 2 a wrong flag; 3 no "
    "process could be started.\n";

static uint64_t number(const char *flag, const char *text, uint64_t max)
{
    char *end;
    uint64_t value = strtoull(text, &end, 10);
    if (*text >= '0' && *text <= '9' && *end == '\0' && value >= 1 && value <= max)
        return value;
    fprintf(stderr, "weir-sim: --%s must be a number from 1 to %" PRIu64 "; see --help\n", flag, max);
    exit(2);
}

static struct options parse(int argc, char **argv)
{
    enum { SEEDS, FIRST, SEED, TRACE_ALL, JOBS, PLANTED_ONE, PLANTED_ALL, JSON, HELP };
    static const struct option flags[] = {
        {"seeds", 1, NULL, SEEDS},
        {"first", 1, NULL, FIRST},
        {"seed", 1, NULL, SEED},
        {"trace", 0, NULL, TRACE_ALL},
        {"jobs", 1, NULL, JOBS},
        {"planted", 1, NULL, PLANTED_ONE},
        {"planted-all", 0, NULL, PLANTED_ALL},
        {"json", 0, NULL, JSON},
        {"help", 0, NULL, HELP},
        {0},
    };
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    struct options options = {.jobs = {.first = 1,
                                       .count = SEEDS_NORMAL,
                                       .jobs = cpus < 1          ? 1
                                               : cpus > JOBS_MAX ? JOBS_MAX
                                                                 : (int)cpus,
                                       .progress = isatty(2) != 0,
                                       .name = "weir-sim"}};
    for (int flag; (flag = getopt_long(argc, argv, "", flags, NULL)) != -1;) {
        switch (flag) {
        case SEEDS:
            options.jobs.count = number("seeds", optarg, UINT32_MAX);
            break;
        case FIRST:
            options.jobs.first = number("first", optarg, INT64_MAX);
            break;
        case SEED:
            options.jobs.first = number("seed", optarg, INT64_MAX);
            options.jobs.count = 1;
            options.one = true;
            break;
        case TRACE_ALL:
            options.trace = true;
            break;
        case JOBS:
            options.jobs.jobs = (int)number("jobs", optarg, JOBS_MAX);
            break;
        case PLANTED_ONE:
            options.jobs.planted = optarg;
            break;
        case PLANTED_ALL:
            options.planted_all = true;
            break;
        case JSON:
            options.json = true;
            break;
        case HELP:
            fputs(help, stdout);
            exit(0);
        default:
            exit(2);
        }
    }
    if (optind < argc || (options.trace && !options.one)) {
        fprintf(stderr, "weir-sim: %s; see --help\n",
                optind < argc ? "there is a word too many" : "--trace needs --seed");
        exit(2);
    }
    return options;
}

static void print_violation(const struct jobs_options *options, const struct jobs_result *result)
{
    printf("seed %" PRIu64 " violates %s: %s\n", result->seed, result->violation.what, result->violation.text);
    printf("again, with every event: weir-sim --seed %" PRIu64 " --trace%s%s\n", result->seed,
           options->planted != NULL ? " --planted " : "", options->planted != NULL ? options->planted : "");
}

static void print_json(struct jobs_result *result)
{
    int met, missing, impossible;
    cover_count(result->cover, &met, &missing, &impossible);
    printf("{\"schedules\":%" PRIu64 ",\"events\":%" PRIu64 ",\"seconds\":%.1f,\"violated\":", result->seeds,
           result->events, result->seconds);
    if (result->failed)
        printf("{\"what\":\"%s\",\"seed\":%" PRIu64 "}", result->violation.what, result->seed);
    else
        fputs("null", stdout);
    printf(",\"met\":%d,\"missing\":%d,\"impossible\":%d,\"cover\":", met, missing, impossible);
    cover_print_json(stdout, result->cover);
    fputs("}\n", stdout);
}

static int run_seeds(const struct options *options)
{
    static struct jobs_result result;
    int met, missing, impossible;
    jobs_run(&options->jobs, &result);
    cover_count(result.cover, &met, &missing, &impossible);
    bool must_cover = result.seeds >= SEEDS_NORMAL && options->jobs.planted == NULL;
    int replayed = 0;
    bool same = options->one    ? true
                : result.failed ? replay_failed(&options->jobs, &result)
                                : replay_samples(&options->jobs, &result, &replayed);
    bool good =
        !result.failed && same && impossible == 0 && (!must_cover || (missing == 0 && result.unknowns.waited > 0));
    if (options->json) {
        print_json(&result);
        return good ? 0 : 1;
    }
    if (!options->one && options->jobs.planted == NULL)
        cover_print(stdout, result.cover);
    if (result.failed)
        print_violation(&options->jobs, &result);
    else
        puts("Nothing was violated.");
    if (replayed > 0)
        printf("%d seeds were run again alone%s\n", replayed, same ? ", and ended the same" : "");
    printf("%" PRIu64 " unknowns were open when all parts were back; the last had its end after %.2f holds\n",
           result.unknowns.waited, (double)result.unknowns.longest_permille / 1000);
    printf("%" PRIu64 " schedules, %" PRIu64 " events, %.1f s: %.0f schedules/s, %.0f events a schedule\n",
           result.seeds, result.events, result.seconds, (double)result.seeds / result.seconds,
           (double)result.events / (double)result.seeds);
    return good ? 0 : 1;
}

/* In this process, so that every line comes out in order. */
static int run_traced(const struct options *options)
{
    sim_choose_planted(options->jobs.planted);
    struct world *world = world_new();
    world->trace = true;
    bool good = world_run(world, options->jobs.first);
    if (good)
        puts("Nothing was violated.");
    else
        printf("seed %" PRIu64 " violates %s: %s\n", options->jobs.first, world->violation.what, world->violation.text);
    world_free(world);
    return good ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct options options = parse(argc, argv);
    if (options.jobs.planted != NULL && !sim_knows_planted(options.jobs.planted)) {
        fprintf(stderr, "weir-sim: there is no planted bug '%s' here; --planted-all lists them\n",
                options.jobs.planted);
        return 2;
    }
    int code = options.planted_all ? sim_planted_all(&options.jobs, options.json)
               : options.trace     ? run_traced(&options)
                                   : run_seeds(&options);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fputs("weir-sim: the output could not be written, or not all of it: is the disk full?\n", stderr);
    return code == 0 ? 1 : code;
}
