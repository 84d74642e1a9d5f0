/* Admission: how many grabs may be in flight at once, so that those that are let in are answered in time however many
 * are offered. Refusing is cheap and comes before anything is reserved; waiting helps nobody.
 *
 * When more is offered than the slowest part can take, a queue grows somewhere between RESERVE and the delivery report.
 * Grabs in flight = rate x time (Little, Operations Research 9, 1961): a bound on the grabs in flight is a bound on
 * their time, whichever part is slow and whatever its rate. The bound is found by measuring each stage (RESERVE to its
 * answer, produce to its report), so that a sale in which most are refused by the stock hides no slow log:
 *
 *     base    what the stages take while nothing waits
 *     queue   what they take more than that
 *     limit   <- limit x (base + target) / (base + queue), half way: the gradient rule of Netflix's concurrency-limits
 *
 * Base is separated from queue because a distant broker is not an overloaded one: no limit makes a link shorter. It is
 * the least mean of the last seconds, and under lasting overload, where no window is without a queue, it is probed as
 * BBR does (Cardwell et al., ACM Queue 14-5, 2016): for some milliseconds hardly anything is let in.
 *
 *     window: grabs that begin and end in it -> means -> refused some? -> probe when the last is old, else the rule
 *                                                     -> refused none: a queue over target that stands for
 *                                                        ADMISSION_STANDING_US (CoDel, RFC 8289) is an overload that
 *                                                        begins; a burst or a short stall is not
 *     settling: after a cut, until no more are in flight than the limit; what began before says nothing of it
 *
 * A loop has one, of its own: several loops and processes share the parts by each bounding its own. Grabs up to
 * limit_min are refused by a probe alone. Pure: the clock is handed in, in us of CLOCK_BOOTTIME. */
#ifndef WEIR_INGEST_ADMISSION_H
#define WEIR_INGEST_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

enum admission_stage { ADMISSION_RESERVE, ADMISSION_APPEND, ADMISSION_STAGES };

enum {
    ADMISSION_WINDOW_US = 20 * 1000,     /* the shortest; it lasts until enough that began in it has ended */
    ADMISSION_SAMPLES = 16,              /* or a quarter of the limit: enough of a stage */
    ADMISSION_PATIENCE_US = 1000 * 1000, /* of a window and of settling: then go on without */
    ADMISSION_STANDING_US = 100 * 1000,  /* CoDel's interval */
    ADMISSION_PROBE_LIMIT = 4,
    ADMISSION_PROBE_WINDOWS = 2,
    ADMISSION_BASE_LIFE_US = 5 * 1000 * 1000,
};

struct admission_options {
    int64_t target_us; /* that grabs may wait for one another */
    int limit_min;     /* 1 .. limit_max */
    int limit_calm; /* limit_min .. limit_max: before anything is known, and to which the limit rises again in calm */
    int limit_max;
};

/* One grab's stay in one stage. Window 0: it is not counted. */
struct admission_span {
    int64_t began_us;
    uint32_t window;
};

struct admission_sum { /* of one stage, in one window */
    int64_t sum_us;
    int begun, ended, measured;
    int64_t mean_us; /* of the last window that measured any, 0: none did */
    int64_t base_us; /* 0: not known */
};

struct admission {
    struct admission_options options;
    int limit;
    int in_flight;
    struct admission_sum stage[ADMISSION_STAGES];
    uint32_t window; /* 0 while settling */
    uint32_t windows;
    int64_t since_us;    /* this window's or settling's begin */
    int peak, refused;   /* in this window */
    int64_t standing_us; /* since when there is a queue over target; 0: there is none */
    int64_t base_at_us;
    int probing;       /* windows of the probe that are still to come; 0: none is under way */
    int64_t probed_us; /* the end of the last probe; 0: never */
    int probe_limit;   /* before the probe: limit, and what a grab took */
    int64_t probe_time_us;
    int drained; /* grabs that ended, and how long that took, while it waited for an empty pipe */
    int64_t drain_us;
    int64_t queue_us; /* as the last window saw it */
    uint64_t probes;
};

void admission_init(struct admission *admission, const struct admission_options *options);
static inline bool admission_full(const struct admission *admission)
{
    return admission->in_flight >= admission->limit;
}
void admission_refused(struct admission *admission); /* somebody was, because it is full */
void admission_begin(struct admission *admission);   /* a grab is let in; more than the limit are no error (a batch) */
void admission_end(struct admission *admission, int64_t now_us);
void admission_stage_begin(struct admission *admission, enum admission_stage stage, int64_t now_us,
                           struct admission_span *ret_span);
/* `good`: its time counts; else it ended without an answer, whose time is a deadline's. Ends the span. */
void admission_stage_end(struct admission *admission, enum admission_stage stage, struct admission_span *span,
                         int64_t now_us, bool good);

#endif
