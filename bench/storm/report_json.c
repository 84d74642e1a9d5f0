/* The result for programs. A scenario has the same keys as the whole. */
#include "bench/storm/report.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>

static void set_count(json_t *object, const char *name, uint64_t value)
{
    int failed = json_object_set_new(object, name, json_integer((json_int_t)value));
    assert(failed == 0);
    (void)failed;
}

static void set_object(json_t *object, const char *name, json_t *value)
{
    int failed = json_object_set_new(object, name, value);
    assert(failed == 0);
    (void)failed;
}

static json_t *names_object(const struct tally_names *names)
{
    json_t *object = json_object();
    for (uint32_t i = 0; i < names->len; i++) {
        set_count(object, names->entry[i].name, names->entry[i].count);
    }
    return object;
}

static json_t *latency_object(const struct hist *hist)
{
    json_t *object = json_object();
    set_count(object, "p50", hist_quantile(hist, 0.5));
    set_count(object, "p90", hist_quantile(hist, 0.9));
    set_count(object, "p99", hist_quantile(hist, 0.99));
    set_count(object, "p999", hist_quantile(hist, 0.999));
    set_count(object, "max", hist->max_us);
    return object;
}

static json_t *rejected_object(const struct tally *t)
{
    json_t *object = json_object();
    set_count(object, "429", t->outcome[OUTCOME_REJECTED_429]);
    set_count(object, "503", t->outcome[OUTCOME_REJECTED_503]);
    return object;
}

static json_t *transport_object(const struct tally *t)
{
    json_t *object = json_object();
    set_count(object, "connect", t->failure[FAILURE_CONNECT]);
    set_count(object, "reset", t->failure[FAILURE_RESET]);
    set_count(object, "timeout", t->failure[FAILURE_TIMEOUT]);
    set_count(object, "bad_http", t->failure[FAILURE_BAD_HTTP]);
    return object;
}

static void add_tally(json_t *object, const struct tally *t)
{
    set_count(object, "sent", t->sent);
    set_count(object, "answered", t->answered);
    set_count(object, "accepted_new", t->outcome[OUTCOME_ACCEPTED_NEW]);
    set_count(object, "replayed", t->outcome[OUTCOME_REPLAYED]);
    set_object(object, "refused", names_object(&t->refused));
    set_count(object, "unknown", t->outcome[OUTCOME_UNKNOWN]);
    set_count(object, "reads_ok", t->outcome[OUTCOME_READ_OK]);
    set_object(object, "rejected", rejected_object(t));
    set_count(object, "http_other", t->outcome[OUTCOME_HTTP_OTHER]);
    set_object(object, "http_other_by_status", names_object(&t->other_status));
    set_count(object, "bad_answers", t->outcome[OUTCOME_BAD_ANSWER]);
    set_count(object, "lost", t->outcome[OUTCOME_LOST]);
    set_count(object, "not_sent", t->outcome[OUTCOME_NOT_SENT]);
    set_count(object, "transport_errors", tally_transport_errors(t));
    set_object(object, "transport", transport_object(t));
    set_object(object, "latency_us", latency_object(&t->latency));
}

static json_t *scenarios_object(const struct tally_board *board)
{
    json_t *object = json_object();
    for (int i = 0; i < SCENARIO_COUNT; i++) {
        if (board->scenario[i].sent == 0) {
            continue;
        }
        json_t *one = json_object();
        add_tally(one, &board->scenario[i]);
        set_object(object, scenario_name((enum scenario)i), one);
    }
    return object;
}

static void add_run(json_t *object, const struct report *report)
{
    const struct client_plan *plan = report->plan;
    set_object(object, "scenario", json_string(scenario_name(plan->scenario.scenario)));
    set_object(object, "url", json_sprintf("http://%s", plan->target.host));
    set_object(object, "seed", json_sprintf("%llu", (unsigned long long)plan->scenario.seed));
    set_count(object, "started_unix_ms", (uint64_t)report->started_unix_ms);
    set_count(object, "started_boottime_us", (uint64_t)report->status.start_us);
    set_object(object, "interrupted", json_boolean(report->interrupted));
    set_object(object, "seconds", json_real((double)report->status.elapsed_us / 1e6));
    set_object(object, "rate_asked",
               plan->schedule.burst ? json_null() : json_integer((json_int_t)plan->schedule.rate));
    set_object(object, "rate_sent", json_real(report_rate_sent(report)));
    set_count(object, "planned", plan->schedule.count);
    set_count(object, "unsent", plan->schedule.count - report->status.sent);
}

void report_json(const struct report *report, struct buf *out)
{
    json_t *object = json_object();
    add_run(object, report);
    add_tally(object, &report->board->total);
    set_object(object, "scenarios", scenarios_object(report->board));
    char *text = json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    assert(text != NULL);
    buf_append_str(out, text);
    buf_append_char(out, '\n');
    free(text);
    json_decref(object);
}
