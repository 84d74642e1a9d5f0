/* The texts for people. */
#include "bench/storm/report.h"

#include <inttypes.h>
#include <stdio.h>

#define TIME_BYTES_MAX 24

/* "850 us", "1.25 ms", "2.10 s". */
static const char *time_text(uint64_t us, char ret_text[TIME_BYTES_MAX])
{
    if (us < 1000) {
        snprintf(ret_text, TIME_BYTES_MAX, "%" PRIu64 " us", us);
    } else if (us < 1000000) {
        snprintf(ret_text, TIME_BYTES_MAX, "%.2f ms", (double)us / 1e3);
    } else {
        snprintf(ret_text, TIME_BYTES_MAX, "%.2f s", (double)us / 1e6);
    }
    return ret_text;
}

static uint64_t errors_of(const struct tally *t)
{
    return tally_transport_errors(t) + t->outcome[OUTCOME_REJECTED_429] + t->outcome[OUTCOME_REJECTED_503] +
           t->outcome[OUTCOME_HTTP_OTHER] + t->outcome[OUTCOME_BAD_ANSWER];
}

double report_rate_sent(const struct report *report)
{
    const struct schedule *schedule = &report->plan->schedule;
    /* n requests on schedule take n intervals, though the last is sent n - 1 intervals after the first. */
    double interval_us = schedule->burst ? 0 : 1e6 / (double)schedule->rate;
    double sending_us = (double)report->status.last_sent_us + interval_us;
    return sending_us > 0 ? (double)report->status.sent * 1e6 / sending_us : 0;
}

static int64_t eta_s(const struct report *report)
{
    int64_t left_us = (int64_t)schedule_last_us(&report->plan->schedule) - report->status.elapsed_us;
    return left_us > 0 ? (left_us + 999999) / 1000000 : 0;
}

void report_progress(const struct report *report, const struct client_status *before, struct buf *out)
{
    const struct client_status *now = &report->status;
    const struct tally *t = &report->board->total;
    int64_t span_us = now->elapsed_us - before->elapsed_us;
    double rate = span_us > 0 ? (double)(now->sent - before->sent) * 1e6 / (double)span_us : 0;
    char p50[TIME_BYTES_MAX];
    char p99[TIME_BYTES_MAX];
    buf_printf(out,
               "%" PRId64 " s, ETA %" PRId64 " s | sent %" PRIu64 ", %.0f/s, in flight %" PRIu64 " (+%" PRIu64 " due)",
               now->elapsed_us / 1000000, eta_s(report), now->sent, rate, now->in_flight, now->waiting);
    buf_printf(out, " | accepted %" PRIu64 " refused %" PRIu64 " unknown %" PRIu64 " errors %" PRIu64,
               t->outcome[OUTCOME_ACCEPTED_NEW], t->outcome[OUTCOME_REFUSED], t->outcome[OUTCOME_UNKNOWN],
               errors_of(t));
    buf_printf(out, " | p50 %s p99 %s", time_text(hist_quantile(&t->latency, 0.5), p50),
               time_text(hist_quantile(&t->latency, 0.99), p99));
}

static void add_names(struct buf *out, const struct tally_names *names)
{
    for (uint32_t i = 0; i < names->len; i++) {
        buf_printf(out, "%s%s %" PRIu64, i == 0 ? " (" : ", ", names->entry[i].name, names->entry[i].count);
    }
    buf_append_str(out, names->len > 0 ? ")" : "");
}

static void add_head(const struct report *report, struct buf *out)
{
    const struct schedule *schedule = &report->plan->schedule;
    char asked[48] = "all at once";
    if (!schedule->burst) {
        snprintf(asked, sizeof asked, "asked %" PRIu64 "/s", schedule->rate);
    }
    buf_printf(out, "weir-storm: %s at http://%s, seed %" PRIu64 "%s\n", scenario_name(report->plan->scenario.scenario),
               report->plan->target.host, report->plan->scenario.seed, report->interrupted ? ", INTERRUPTED" : "");
    buf_printf(out, "  sent      %" PRIu64 " of %" PRIu64 " in %.2f s (%s, sent %.0f/s); answered %" PRIu64 "\n",
               report->status.sent, schedule->count, (double)report->status.elapsed_us / 1e6, asked,
               report_rate_sent(report), report->board->total.answered);
    uint64_t unsent = schedule->count - report->status.sent;
    if (unsent > 0) {
        buf_printf(out, "  UNSENT    %" PRIu64 " of the schedule: the run was over first\n", unsent);
    }
}

static void add_outcomes(const struct tally *t, struct buf *out)
{
    buf_printf(out, "  grabs     accepted %" PRIu64 ", replayed %" PRIu64 ", unknown %" PRIu64 ", refused %" PRIu64,
               t->outcome[OUTCOME_ACCEPTED_NEW], t->outcome[OUTCOME_REPLAYED], t->outcome[OUTCOME_UNKNOWN],
               t->outcome[OUTCOME_REFUSED]);
    add_names(out, &t->refused);
    buf_printf(out, "\n  reads     ok %" PRIu64 "\n", t->outcome[OUTCOME_READ_OK]);
    buf_printf(out, "  statuses  429 %" PRIu64 ", 503 %" PRIu64 ", other %" PRIu64, t->outcome[OUTCOME_REJECTED_429],
               t->outcome[OUTCOME_REJECTED_503], t->outcome[OUTCOME_HTTP_OTHER]);
    add_names(out, &t->other_status);
    buf_printf(out, "; answers against the contract %" PRIu64 "\n", t->outcome[OUTCOME_BAD_ANSWER]);
    buf_printf(out,
               "  transport %" PRIu64 " without an answer (connect %" PRIu64 ", reset %" PRIu64 ", timeout %" PRIu64
               ", bad HTTP %" PRIu64 "), of them grabs lost %" PRIu64 "\n",
               tally_transport_errors(t), t->failure[FAILURE_CONNECT], t->failure[FAILURE_RESET],
               t->failure[FAILURE_TIMEOUT], t->failure[FAILURE_BAD_HTTP], t->outcome[OUTCOME_LOST]);
}

static void add_latency(const struct hist *hist, struct buf *out)
{
    static const struct {
        const char *name;
        double q;
    } quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}};
    char text[TIME_BYTES_MAX];
    buf_append_str(out, "  latency   ");
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
        buf_printf(out, "%s %s, ", quantiles[i].name, time_text(hist_quantile(hist, quantiles[i].q), text));
    }
    buf_printf(out, "max %s (answered ones, from the intended time)\n", time_text(hist->max_us, text));
}

static void add_scenario(enum scenario scenario, const struct tally *t, struct buf *out)
{
    char p50[TIME_BYTES_MAX];
    char p99[TIME_BYTES_MAX];
    char max[TIME_BYTES_MAX];
    buf_printf(out, "  %-10s %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %11s %11s %11s\n", scenario_name(scenario), t->sent,
               t->answered, errors_of(t), time_text(hist_quantile(&t->latency, 0.5), p50),
               time_text(hist_quantile(&t->latency, 0.99), p99), time_text(t->latency.max_us, max));
}

void report_summary(const struct report *report, struct buf *out)
{
    const struct tally_board *board = report->board;
    add_head(report, out);
    add_outcomes(&board->total, out);
    add_latency(&board->total.latency, out);
    if (report->plan->scenario.scenario != SCENARIO_MIX) {
        return;
    }
    buf_printf(out, "  %-10s %9s %9s %9s %11s %11s %11s\n", "scenario", "sent", "answered", "errors", "p50", "p99",
               "max");
    for (int i = 0; i < SCENARIO_COUNT; i++) {
        if (board->scenario[i].sent > 0) {
            add_scenario((enum scenario)i, &board->scenario[i], out);
        }
    }
}
