#include "ingest/admission.h"

#include <assert.h>
#include <stddef.h>

void admission_init(struct admission *admission, const struct admission_options *options)
{
    assert(options->target_us > 0 && options->limit_min >= 1);
    assert(options->limit_min <= options->limit_calm && options->limit_calm <= options->limit_max);
    *admission = (struct admission){.options = *options, .limit = options->limit_calm, .window = 1, .windows = 1};
}

/* ---- times ---- */

static int64_t base_of(const struct admission *admission)
{
    int64_t base_us = 0;
    for (int i = 0; i < ADMISSION_STAGES; i++)
        if (admission->stage[i].mean_us > 0)
            base_us += admission->stage[i].base_us;
    return base_us;
}

static int64_t time_of(const struct admission *admission)
{
    int64_t time_us = 0;
    for (int i = 0; i < ADMISSION_STAGES; i++)
        time_us += admission->stage[i].mean_us;
    return time_us;
}

static void means_take(struct admission *admission)
{
    for (int i = 0; i < ADMISSION_STAGES; i++) {
        struct admission_sum *stage = &admission->stage[i];
        stage->mean_us = stage->measured > 0 ? stage->sum_us / stage->measured : 0;
        if (stage->measured > 0 && stage->mean_us == 0)
            stage->mean_us = 1;
    }
}

/* `anew`: what is known is thrown away, also where it was less. */
static void bases_take(struct admission *admission, bool anew, int64_t now_us)
{
    for (int i = 0; i < ADMISSION_STAGES; i++) {
        struct admission_sum *stage = &admission->stage[i];
        if (stage->mean_us > 0 && (anew || stage->base_us == 0 || stage->mean_us < stage->base_us))
            stage->base_us = stage->mean_us;
    }
    if (anew)
        admission->base_at_us = now_us;
}

static int64_t queue_of(const struct admission *admission)
{
    int64_t queue_us = 0;
    for (int i = 0; i < ADMISSION_STAGES; i++) {
        const struct admission_sum *stage = &admission->stage[i];
        if (stage->mean_us > stage->base_us && stage->base_us > 0)
            queue_us += stage->mean_us - stage->base_us;
    }
    return queue_us;
}

/* ---- windows ---- */

static void window_open(struct admission *admission, int64_t now_us)
{
    for (int i = 0; i < ADMISSION_STAGES; i++) {
        struct admission_sum *stage = &admission->stage[i];
        stage->sum_us = 0;
        stage->begun = stage->ended = stage->measured = 0;
    }
    if (++admission->windows == 0)
        admission->windows = 1;
    admission->window = admission->windows;
    admission->since_us = now_us;
    admission->peak = admission->in_flight;
    admission->refused = 0;
}

/* Those that were in flight at a probe's begin were taken at the parts' own rate. */
static void drain_note(struct admission *admission, int64_t now_us)
{
    if (admission->probing != ADMISSION_PROBE_WINDOWS)
        return;
    admission->drained -= admission->in_flight;
    admission->drain_us = now_us - admission->since_us + 1;
}

static void settle_look(struct admission *admission, int64_t now_us)
{
    if (admission->in_flight > admission->limit && now_us - admission->since_us < ADMISSION_PATIENCE_US)
        return;
    drain_note(admission, now_us);
    window_open(admission, now_us);
}

static void settle(struct admission *admission, int64_t now_us)
{
    admission->window = 0;
    admission->since_us = now_us;
    settle_look(admission, now_us);
}

static bool stage_enough(const struct admission *admission, const struct admission_sum *stage)
{
    int wanted = admission->limit / 4 > ADMISSION_SAMPLES ? admission->limit / 4 : ADMISSION_SAMPLES;
    if (admission->probing > 0)
        wanted = 2 * ADMISSION_PROBE_LIMIT; /* it is dear, so it is short */
    int half = (stage->begun + 1) / 2;
    return stage->ended >= (half < wanted ? half : wanted);
}

static bool window_over(const struct admission *admission, int64_t now_us)
{
    int64_t age_us = now_us - admission->since_us;
    if (age_us < ADMISSION_WINDOW_US)
        return false;
    if (age_us >= ADMISSION_PATIENCE_US)
        return true;
    for (int i = 0; i < ADMISSION_STAGES; i++)
        if (!stage_enough(admission, &admission->stage[i]))
            return false;
    return true;
}

/* ---- the rule ---- */

static int bounded(const struct admission *admission, double limit)
{
    if (limit < admission->options.limit_min)
        return admission->options.limit_min;
    return limit > admission->options.limit_max ? admission->options.limit_max : (int)limit;
}

/* Limit for a queue of just the target, when `in_flight` took `time_us`. */
static double gradient(const struct admission *admission, int in_flight, int64_t time_us)
{
    double wanted_us = (double)(base_of(admission) + admission->options.target_us);
    return in_flight * wanted_us / (double)time_us;
}

static void probe_begin(struct admission *admission)
{
    admission->probing = ADMISSION_PROBE_WINDOWS;
    admission->probes++;
    admission->probe_limit = admission->limit;
    admission->probe_time_us = time_of(admission);
    admission->drained = admission->in_flight;
    admission->limit = ADMISSION_PROBE_LIMIT;
}

/* The least of its windows counts: a stall of the machine seldom meets two. */
static void after_probing(struct admission *admission, int64_t now_us)
{
    if (time_of(admission) > 0)
        bases_take(admission, admission->probing == ADMISSION_PROBE_WINDOWS, now_us);
    if (--admission->probing > 0)
        return;
    admission->probed_us = now_us;
    bool far_off = admission->probe_time_us > 2 * (base_of(admission) + admission->options.target_us);
    double limit = far_off ? gradient(admission, admission->drained, admission->drain_us)
                           : gradient(admission, admission->probe_limit, admission->probe_time_us);
    admission->limit = bounded(admission, limit);
}

/* A probe lasts about two stays, and should cost no more than some hundredths of what could have been taken. */
static int64_t probe_every_us(const struct admission *admission)
{
    int64_t seldom_us = 100 * base_of(admission);
    return seldom_us > ADMISSION_BASE_LIFE_US ? seldom_us : ADMISSION_BASE_LIFE_US;
}

static void after_refusals(struct admission *admission, int64_t now_us)
{
    admission->standing_us = 0;
    if (admission->probed_us == 0 || now_us - admission->probed_us >= probe_every_us(admission)) {
        probe_begin(admission);
        return;
    }
    bases_take(admission, false, now_us);
    double limit = admission->limit, wanted = gradient(admission, admission->limit, time_of(admission));
    bool idle = admission->queue_us < admission->options.target_us / 4;
    if (wanted < limit / 2)
        limit = wanted; /* far off: at once */
    else
        limit = idle || wanted > 2 * limit ? limit * 1.5 + 1 : (limit + wanted + (wanted > limit)) / 2;
    admission->limit = bounded(admission, limit);
}

static void after_no_refusals(struct admission *admission, int64_t now_us)
{
    bases_take(admission, now_us - admission->base_at_us >= ADMISSION_BASE_LIFE_US, now_us);
    if (queue_of(admission) > admission->options.target_us) {
        if (admission->standing_us == 0)
            admission->standing_us = now_us;
        if (now_us - admission->standing_us >= ADMISSION_STANDING_US)
            admission->limit = bounded(admission, gradient(admission, admission->peak, time_of(admission)));
        return;
    }
    admission->standing_us = 0;
    int calm = admission->options.limit_calm;
    int risen = admission->limit + admission->limit / 4 + 1;
    if (admission->limit < calm)
        admission->limit = risen < calm ? risen : calm;
}

static void window_close(struct admission *admission, int64_t now_us)
{
    means_take(admission);
    admission->queue_us = queue_of(admission);
    if (admission->probing > 0)
        after_probing(admission, now_us);
    else if (time_of(admission) == 0)
        admission->standing_us = 0; /* nothing was answered: nothing is learnt */
    else if (admission->refused > 0)
        after_refusals(admission, now_us);
    else
        after_no_refusals(admission, now_us);
    settle(admission, now_us);
}

static void turn(struct admission *admission, int64_t now_us)
{
    if (admission->window == 0)
        settle_look(admission, now_us);
    else if (window_over(admission, now_us))
        window_close(admission, now_us);
}

/* ---- what happens to grabs ---- */

void admission_refused(struct admission *admission)
{
    admission->refused++;
}

void admission_begin(struct admission *admission)
{
    admission->in_flight++;
    if (admission->in_flight > admission->peak)
        admission->peak = admission->in_flight;
}

void admission_end(struct admission *admission, int64_t now_us)
{
    assert(admission->in_flight > 0);
    admission->in_flight--;
    turn(admission, now_us);
}

void admission_stage_begin(struct admission *admission, enum admission_stage stage, int64_t now_us,
                           struct admission_span *ret_span)
{
    assert(stage < ADMISSION_STAGES);
    *ret_span = (struct admission_span){.began_us = now_us, .window = admission->window};
    admission->stage[stage].begun += admission->window != 0;
}

void admission_stage_end(struct admission *admission, enum admission_stage stage, struct admission_span *span,
                         int64_t now_us, bool good)
{
    struct admission_sum *sum = &admission->stage[stage];
    if (span->window != 0 && span->window == admission->window) {
        sum->ended++;
        sum->measured += good;
        sum->sum_us += good && now_us > span->began_us ? now_us - span->began_us : 0;
    }
    span->window = 0;
}
