#include "ingest/keeper_progress.h"

#include "core/clock.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/service.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const step_names[] = {
    [REBUILD_RAISE] = "raise",     [REBUILD_LIST] = "list", [REBUILD_CLOSE] = "close", [REBUILD_WAIT] = "wait",
    [REBUILD_BARRIER] = "barrier", [REBUILD_FOLD] = "fold", [REBUILD_LOOK] = "look",   [REBUILD_CLAIMS] = "claims",
    [REBUILD_OPEN] = "open",       [REBUILD_DONE] = "done", [REBUILD_STOP] = "stop",
};

const char *rebuild_step_name(enum rebuild_step step)
{
    return step_names[step];
}

/* ---- the sentence ---- */

enum { NUMBER_TEXT_MAX = 24 };

/* "730", "310 k", "1.2 M" */
static const char *number_text(uint64_t n, char text[NUMBER_TEXT_MAX])
{
    if (n >= 1000000)
        snprintf(text, NUMBER_TEXT_MAX, "%.1f M", (double)n / 1e6);
    else if (n >= 10000)
        snprintf(text, NUMBER_TEXT_MAX, "%" PRIu64 " k", n / 1000);
    else
        snprintf(text, NUMBER_TEXT_MAX, "%" PRIu64, n);
    return text;
}

static uint64_t per_second(uint64_t n, int64_t ms)
{
    return ms > 0 ? n * 1000 / (uint64_t)ms : 0;
}

static int fold_text(const struct rebuild_progress *progress, int64_t took_ms, char *ret_text, size_t size)
{
    char rows[NUMBER_TEXT_MAX], records[NUMBER_TEXT_MAX], rate[NUMBER_TEXT_MAX];
    uint64_t row_count = atomic_load(&progress->rows), record_count = atomic_load(&progress->records);
    uint64_t of_step = row_count + record_count - progress->step_from;
    return snprintf(ret_text, size, ", %zu of %zu shards, %s rows, %s records, %s/s",
                    atomic_load(&progress->shards_done), progress->shards, number_text(row_count, rows),
                    number_text(record_count, records), number_text(per_second(of_step, took_ms), rate));
}

static int claims_text(const struct rebuild_progress *progress, int64_t took_ms, char *ret_text, size_t size)
{
    char done[NUMBER_TEXT_MAX], all[NUMBER_TEXT_MAX], rate[NUMBER_TEXT_MAX];
    uint64_t each_s = per_second(progress->claims - progress->step_from, took_ms);
    int len = snprintf(ret_text, size, ", %s of %s claims, %s/s", number_text(progress->claims, done),
                       number_text(progress->claims_all, all), number_text(each_s, rate));
    if (each_s > 0 && len > 0 && (size_t)len < size)
        len += snprintf(ret_text + len, size - (size_t)len, ", %" PRIu64 " s to go",
                        (progress->claims_all - progress->claims) / each_s);
    return len;
}

void progress_text(const struct rebuild_progress *progress, int64_t now_ms, char ret_text[PROGRESS_TEXT_MAX])
{
    int64_t took_ms = now_ms - progress->step_begun_ms, wait_ms = progress->wait_until_ms - now_ms;
    int len = progress->epoch == 0 /* it is still to be raised */
                  ? snprintf(ret_text, PROGRESS_TEXT_MAX, "rebuild: %s", step_names[progress->step])
                  : snprintf(ret_text, PROGRESS_TEXT_MAX, "rebuild: epoch %" PRIu64 ", %s", progress->epoch,
                             step_names[progress->step]);
    char *end = ret_text + len;
    size_t size = PROGRESS_TEXT_MAX - (size_t)len;
    if (progress->step == REBUILD_WAIT && wait_ms > 0)
        snprintf(end, size, ", %" PRId64 " s to go", (wait_ms + 999) / 1000);
    else if (progress->step == REBUILD_FOLD)
        fold_text(progress, took_ms, end, size);
    else if (progress->step == REBUILD_CLAIMS)
        claims_text(progress, took_ms, end, size);
    else if (progress->step == REBUILD_OPEN)
        snprintf(end, size, ", %zu of %zu coupons", progress->coupons_done, progress->coupons);
}

/* ---- telling it ---- */

static void gauge(const char *name, const char *help, double value)
{
    metric_set(metric_gauge(name, help, NULL), value);
}

static void show(const struct rebuild_progress *progress)
{
    for (enum rebuild_step step = REBUILD_RAISE; step < REBUILD_DONE; step++) {
        char labels[40];
        snprintf(labels, sizeof labels, "step=\"%s\"", step_names[step]);
        metric_set(metric_gauge("weir_keeper_rebuild_step", "1 for the step that a rebuild is at.", labels),
                   step == progress->step ? 1 : 0);
    }
    gauge("weir_keeper_rebuild_epoch", "Sale epoch of the last rebuild.", (double)progress->epoch);
    gauge("weir_keeper_rebuild_shards", "Shards that the last rebuild has folded.",
          (double)atomic_load(&progress->shards_done));
    gauge("weir_keeper_rebuild_rows", "Rows that the last rebuild has read.", (double)atomic_load(&progress->rows));
    gauge("weir_keeper_rebuild_records", "Records of the log that the last rebuild has read.",
          (double)atomic_load(&progress->records));
    gauge("weir_keeper_rebuild_claims", "Claims that the last rebuild has written.", (double)progress->claims);
    gauge("weir_keeper_rebuild_claims_all", "Claims that the last rebuild has to write.", (double)progress->claims_all);
    gauge("weir_keeper_rebuild_coupons", "Coupons that the last rebuild has opened.", (double)progress->coupons_done);
    gauge("weir_keeper_rebuild_coupons_all", "Coupons that the last rebuild has to open.", (double)progress->coupons);
}

static void tell(struct rebuild_progress *progress, struct service_part *part, int64_t now_ms)
{
    char text[PROGRESS_TEXT_MAX];
    progress_text(progress, now_ms, text);
    service_part_set(part, false, text);
    show(progress);
    progress->told_ms = now_ms;
    if (now_ms - progress->logged_ms < PROGRESS_LOG_MS)
        return;
    log_info(text);
    progress->logged_ms = now_ms;
}

void progress_step(struct rebuild_progress *progress, enum rebuild_step step, struct service_part *part)
{
    progress->step = step;
    progress->step_begun_ms = clock_boottime_ms();
    progress->step_from =
        step == REBUILD_CLAIMS ? progress->claims : atomic_load(&progress->rows) + atomic_load(&progress->records);
    if (step == REBUILD_RAISE)
        progress->logged_ms = progress->step_begun_ms;
    tell(progress, part, progress->step_begun_ms);
}

void progress_tell(struct rebuild_progress *progress, struct service_part *part)
{
    int64_t now_ms = clock_boottime_ms();
    if (now_ms - progress->told_ms >= PROGRESS_TELL_MS)
        tell(progress, part, now_ms);
}

void progress_end(struct rebuild_progress *progress)
{
    progress->stopped_at = progress->step;
    progress->step = REBUILD_DONE;
    show(progress);
}
