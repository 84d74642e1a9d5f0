#include "sim/sim_replay.h"

#include <inttypes.h>
#include <string.h>

static void run_alone(const struct jobs_options *options, uint64_t seed, struct jobs_result *ret_result)
{
    struct jobs_options one = *options;
    one.first = seed;
    one.count = 1;
    one.jobs = 1;
    one.progress = false;
    jobs_run(&one, ret_result);
}

static bool differs(uint64_t seed, const char *what, const char *alone, const char *before)
{
    fprintf(stderr, "weir-sim: seed %" PRIu64 " alone is not the run that it was: %s is %s, and was %s\n", seed, what,
            alone, before);
    return false;
}

static bool same_digest(uint64_t seed, uint64_t alone, uint64_t before)
{
    char words[2][20];
    snprintf(words[0], sizeof words[0], "%016" PRIx64, alone);
    snprintf(words[1], sizeof words[1], "%016" PRIx64, before);
    return alone == before || differs(seed, "the world's end", words[0], words[1]);
}

/* A process that died has left no digest. */
bool replay_failed(const struct jobs_options *options, const struct jobs_result *result)
{
    static struct jobs_result alone;
    const struct violation *before = &result->violation;
    run_alone(options, result->seed, &alone);
    const char *what = alone.failed ? alone.violation.what : "nothing", *text = alone.violation.text;
    if (strcmp(what, before->what) != 0)
        return differs(result->seed, "what it violates", what, before->what);
    if (strcmp(text, before->text) != 0)
        return differs(result->seed, "what is said of it", text, before->text);
    return strcmp(what, JOBS_CRASHED) == 0 || same_digest(result->seed, alone.digest, result->digest);
}

bool replay_samples(const struct jobs_options *options, const struct jobs_result *result, int *ret_count)
{
    static struct jobs_result alone;
    bool same = true;
    *ret_count = 0;
    for (int i = 0; i < SAMPLES_MAX; i++) {
        const struct sample *sample = &result->sample[i];
        if (sample->seed == 0)
            continue;
        run_alone(options, sample->seed, &alone);
        ++*ret_count;
        if (alone.failed)
            same = differs(sample->seed, "what it violates", alone.violation.what, "nothing");
        else
            same = same_digest(sample->seed, alone.sample[0].digest, sample->digest) && same;
    }
    return same;
}
