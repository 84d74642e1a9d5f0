/* A writer's partitions: from assigned to running, and out of it again.
 *
 *     NONE -> OWN (token into progress) -> CHECK (is the log still the one of progress?) -> RUNNING
 *
 *     RUNNING -> CHECK    an offset out of range, a gap, or progress is ours but elsewhere (a batch or a look found it)
 *     any -> STOPPED      with an alarm: no progress row, a log that does not fit; looked at again, never reset
 *     RUNNING -> LET_GO   another owner is in progress, or nobody
 *     any -> NONE         the group took it back
 */
#include "core/clock.h"
#include "core/crash.h"
#include "core/log.h"
#include "workers/writer_parts.h"

#include <assert.h>
#include <string.h>

enum {
    GAPS_MAX = 3,
    ALARM_LOOK_MS = 5000,
    WAIT_ALARM_MS = 30000,
    PROGRESS_LOOK_MS = 3000,
    CHECK_SLOW_MS = 500,
    CHECK_MS_MAX = 10000, /* longer, and this process or the machine was asleep */
    CHECK_REST = 3        /* times as long as a check that came to nothing */
};

struct lane *lanes_find(struct writer *w, int32_t partition)
{
    if (partition < 0 || partition >= ROUTE_PARTITIONS_MAX || w->lane_of[partition] < 0)
        return NULL;
    return &w->lanes[w->lane_of[partition]];
}

static struct progress_key key_of(const struct writer *w, const struct lane *lane)
{
    return (struct progress_key){
        .layout = w->options.keys->layout->name, .topic = w->options.stream->name, .partition = lane->partition};
}

static void lane_leave(struct writer *w, struct lane *lane)
{
    batch_drop(w->batch, lane->partition);
    lane->state = LANE_NONE;
    lane->in_vain = false;
    lane->waits_ms = 0;
    seats_tell_wait(w->options.seats, lane->partition, NULL);
    (void)seats_alarm(w->options.seats, lane->partition, NULL);
    seats_release(w->options.seats, lane->partition);
}

void lanes_leave(struct writer *w)
{
    for (size_t i = 0; i < w->options.partition_count; i++) {
        struct lane *lane = &w->lanes[i];
        uint32_t generation;
        const bool assigned = seats_assigned(w->options.seats, lane->partition, &generation);
        if (lane->state != LANE_NONE && (!assigned || generation != lane->generation))
            lane_leave(w, lane);
    }
}

void lanes_release_all(struct writer *w)
{
    for (size_t i = 0; i < w->options.partition_count; i++)
        if (w->lanes[i].state != LANE_NONE)
            lane_leave(w, &w->lanes[i]);
}

static void lane_alarm(struct writer *w, struct lane *lane, enum lane_state again, const struct err *why)
{
    seats_want_end(w->options.seats, lane->partition);
    batch_drop(w->batch, lane->partition);
    lane->state = LANE_STOPPED;
    lane->again = again;
    lane->look_at_ms = clock_boottime_ms() + ALARM_LOOK_MS;
    if (seats_alarm(w->options.seats, lane->partition, why->text))
        log_error("partition is stopped", LOG_INT("partition", lane->partition), LOG_ERR(why));
}

/* What is away comes back and needs no alarm, but is shown at once; what does not come back is an alarm. */
static void lane_wait(struct writer *w, struct lane *lane, const struct err *why)
{
    const int64_t now_ms = clock_boottime_ms();
    lane->look_at_ms = now_ms + retry_next_ms(&lane->retry);
    if (lane->waits_ms == 0)
        lane->waits_ms = now_ms;
    log_warn("cannot take the partition over yet", LOG_INT("partition", lane->partition), LOG_ERR(why));
    seats_tell_wait(w->options.seats, lane->partition, why->text);
    if (lane->state != LANE_STOPPED && now_ms - lane->waits_ms >= WAIT_ALARM_MS)
        (void)seats_alarm(w->options.seats, lane->partition, why->text);
}

/* The same, for the shard's sake: it does not count as ready before every lane of it was let begin. */
static void lane_wait_for_shard(struct writer *w, struct lane *lane, const struct err *why)
{
    lane_wait(w, lane, why);
    writer_tell_ready(w, false, why->text);
}

bool lanes_wait_for_shard(const struct writer *w)
{
    for (size_t i = 0; i < w->options.partition_count; i++)
        if (w->lanes[i].state == LANE_OWN && w->lanes[i].waits_ms != 0)
            return true;
    return false;
}

static void lane_own(struct writer *w, struct lane *lane)
{
    struct err err = {0};
    const struct progress_key key = key_of(w, lane);
    if (!writer_connect(w, &err)) {
        lane_wait_for_shard(w, lane, &err);
        return;
    }
    owner_make(lane->owner);
    if (progress_own(w->sql, &key, lane->owner, &lane->progress, &err))
        lane->state = LANE_CHECK;
    else if (progress_is_missing(&err))
        lane_alarm(w, lane, LANE_OWN, &err);
    else
        lane_wait_for_shard(w, lane, &err);
}

static void lane_run(struct writer *w, struct lane *lane)
{
    lane->expected = lane->progress.next_offset;
    lane->state = LANE_RUNNING;
    lane->waits_ms = 0;
    seats_tell_wait(w->options.seats, lane->partition, NULL);
    retry_reset(&lane->retry);
    seats_tell_next(w->options.seats, lane->partition, lane->expected);
    seats_want_begin(w->options.seats, lane->partition, lane->expected);
    if (lane->gaps == 0)
        (void)seats_alarm(w->options.seats, lane->partition, NULL);
    log_info("partition begins", LOG_INT("partition", lane->partition), LOG_INT("offset", lane->expected),
             LOG_INT("shard", w->options.shard));
}

static bool lanes_any_runs(const struct writer *w)
{
    for (size_t i = 0; i < w->options.partition_count; i++)
        if (w->lanes[i].state == LANE_RUNNING)
            return true;
    return false;
}

/* A broker out of reach holds a check up for all the time that it may wait, and the shard's other partitions with it. So
 * one such check a pass; and whoever has had one waits for its turn, which comes after a rest for those that run. */
static bool lane_may_check(const struct writer *w, const struct lane *lane)
{
    if (w->check_was_slow)
        return false;
    return !lane->in_vain || clock_boottime_ms() >= w->check_at_ms || !lanes_any_runs(w);
}

static enum log_answer lane_ask_log(struct writer *w, struct lane *lane, struct err *err)
{
    const int64_t began_ms = clock_boottime_ms();
    const enum log_answer answer = ownership_check_log(w->admin, w->options.config->kafka_brokers,
                                                       w->options.stream->name, lane->partition, &lane->progress, err);
    const int64_t now_ms = clock_boottime_ms();
    const int64_t took_ms = now_ms - began_ms < CHECK_MS_MAX ? now_ms - began_ms : CHECK_MS_MAX;
    lane->in_vain = answer == LOG_UNKNOWN;
    w->check_was_slow = took_ms >= CHECK_SLOW_MS;
    if (w->check_was_slow)
        w->attend_from = (size_t)(lane - w->lanes) + 1; /* else the first of many would have every turn */
    if (lane->in_vain && now_ms + CHECK_REST * took_ms > w->check_at_ms)
        w->check_at_ms = now_ms + CHECK_REST * took_ms;
    return answer;
}

static void lane_check(struct writer *w, struct lane *lane)
{
    struct err err = {0};
    if (!w->admin && !kafka_admin_open(w->options.config->kafka_brokers, "weir-worker", &w->admin, &err)) {
        lane_wait(w, lane, &err);
        return;
    }
    switch (lane_ask_log(w, lane, &err)) {
    case LOG_AGREES:
        lane_run(w, lane);
        return;
    case LOG_DISAGREES:
        lane_alarm(w, lane, LANE_CHECK, &err);
        return;
    case LOG_UNKNOWN:
        lane_wait(w, lane, &err);
        return;
    }
}

/* `owner` is in progress now; "": nobody, as in a progress row that was made anew. */
static void lane_let_go(struct writer *w, struct lane *lane, const char *owner, const struct err *why)
{
    log_warn(*owner ? "another owner has the partition, letting it go"
                    : "nobody owns the partition any more, letting it go",
             LOG_INT("partition", lane->partition), LOG_ERR(why));
    lane->state = LANE_LET_GO;
    lane->look_at_ms = INT64_MAX;
    seats_tell_wait(w->options.seats, lane->partition, NULL);
    seats_want_end(w->options.seats, lane->partition);
    seats_let_go(w->options.seats, lane->partition);
}

/* Out of an alarm: somebody may have mended progress meanwhile, or taken it over. The owner is not set again: that is
 * an assignment's right alone. */
static void lane_look_again(struct writer *w, struct lane *lane)
{
    struct err err = {0};
    struct progress progress;
    const struct progress_key key = key_of(w, lane);
    if (lane->again == LANE_OWN) {
        lane->state = LANE_OWN;
    } else if (!writer_connect(w, &err)) {
        lane_wait(w, lane, &err);
    } else if (!progress_read(w->sql, &key, false, &progress, &err)) {
        if (progress_is_missing(&err))
            lane_alarm(w, lane, LANE_OWN, &err);
        else
            lane_wait(w, lane, &err);
    } else if (strcmp(progress.owner, lane->owner) != 0) {
        err_set(&err, ERR_CONFLICT, "Progress of %s/%s partition %d has the owner '%s' now.", key.topic, key.layout,
                (int)key.partition, progress.owner);
        lane_let_go(w, lane, progress.owner, &err);
    } else {
        lane->progress = progress;
        lane->state = LANE_CHECK;
    }
}

static void lane_attend(struct writer *w, struct lane *lane)
{
    uint32_t generation;
    if (lane->state == LANE_NONE && seats_assigned(w->options.seats, lane->partition, &generation) &&
        seats_hold(w->options.seats, lane->partition, generation)) {
        lane->generation = generation;
        lane->state = LANE_OWN;
        lane->look_at_ms = 0;
        lane->gaps = 0;
    }
    if (lane->state == LANE_RUNNING && seats_take_broken(w->options.seats, lane->partition))
        lane->state = LANE_CHECK;
    if (lane->state == LANE_NONE || clock_boottime_ms() < lane->look_at_ms || atomic_load(&w->stop))
        return;
    if (lane->state == LANE_STOPPED)
        lane_look_again(w, lane);
    if (lane->state == LANE_OWN)
        lane_own(w, lane);
    if (lane->state == LANE_CHECK && lane_may_check(w, lane))
        lane_check(w, lane);
}

/* Is progress still where it was left? A partition that has nothing to store would not notice that its shard was
 * replaced by a copy that lags. False: could not be asked. */
static bool lane_look_at_progress(struct writer *w, const struct lane *lane, struct err *err)
{
    struct transaction_result result = {.partition = lane->partition};
    const struct progress_key key = key_of(w, lane);
    if (!progress_read(w->sql, &key, false, &result.progress, err)) {
        result.no_progress = progress_is_missing(err);
        if (!result.no_progress)
            return false;
    } else if (result.progress.next_offset == lane->progress.next_offset &&
               strcmp(result.progress.owner, lane->owner) == 0) {
        return true;
    } else {
        err_set(err, ERR_CONFLICT,
                "Progress of %s/%s partition %d is at offset %lld with owner '%s', not at %lld with '%s'.", key.topic,
                key.layout, (int)key.partition, (long long)result.progress.next_offset, result.progress.owner,
                (long long)lane->progress.next_offset, lane->owner);
    }
    lanes_lost(w, &result, err);
    return true;
}

static void lanes_look_at_progress(struct writer *w)
{
    struct err err = {0};
    if (clock_boottime_ms() < w->look_at_ms)
        return;
    bool asked = writer_connect(w, &err);
    for (size_t i = 0; asked && i < w->options.partition_count; i++)
        if (w->lanes[i].state == LANE_RUNNING)
            asked = lane_look_at_progress(w, &w->lanes[i], &err);
    if (!asked)
        log_warn("shard is away, nothing waits for it yet", LOG_INT("shard", w->options.shard), LOG_ERR(&err));
    writer_tell_ready(w, asked, asked ? NULL : err.text);
    w->look_at_ms = clock_boottime_ms() + PROGRESS_LOOK_MS;
}

void lanes_attend(struct writer *w)
{
    assert(w->batch->count == 0);
    const size_t count = w->options.partition_count, from = w->attend_from;
    w->check_was_slow = false;
    for (size_t i = 0; i < count; i++) {
        lanes_leave(w); /* each may take seconds when a server is away */
        lane_attend(w, &w->lanes[(from + i) % count]);
    }
    lanes_leave(w);
    lanes_look_at_progress(w);
}

/* The log has left something out, as it seems: begin again there, and when that does not help, stop. */
static void lane_gap(struct writer *w, struct lane *lane, int64_t offset)
{
    struct err err;
    writer_count_retry(w, WORKER_RETRY_GAP);
    lane->gaps++;
    err_set(&err, ERR_CONFLICT, "After offset %lld of %s[%d] came %lld: records between them are missing.",
            (long long)lane->expected - 1, w->options.stream->name, (int)lane->partition, (long long)offset);
    if (lane->gaps > GAPS_MAX) {
        lane_alarm(w, lane, LANE_CHECK, &err);
        return;
    }
    log_warn("gap in the log, beginning again", LOG_INT("partition", lane->partition), LOG_ERR(&err));
    batch_drop(w->batch, lane->partition);
    lane->state = LANE_CHECK;
    lane->look_at_ms = clock_boottime_ms() + retry_next_ms(&lane->retry);
}

static void lane_add(struct writer *w, struct lane *lane, struct kafka_record *record)
{
    (void)batch_part(w->batch, lane->partition, lane->progress.next_offset, lane->progress.fold, lane->owner);
    batch_add(w->batch, record, kafka_record_checksum(record), clock_boottime_ms());
    lane->expected = record->offset + 1;
    if (lane->gaps > 0) {
        lane->gaps = 0;
        (void)seats_alarm(w->options.seats, lane->partition, NULL);
    }
    CRASH_POINT("worker.after_take");
}

void lanes_take(struct writer *w, struct kafka_record *record)
{
    struct lane *lane = lanes_find(w, record->partition);
    if (!lane || lane->state != LANE_RUNNING || record->offset < lane->expected) {
        kafka_record_free(record);
        return;
    }
    if (record->offset == lane->expected) {
        lane_add(w, lane, record);
        return;
    }
    if (!seats_beginning(w->options.seats, lane->partition)) /* else it was read before the begin that is to come */
        lane_gap(w, lane, record->offset);
    kafka_record_free(record);
}

void lanes_lost(struct writer *w, const struct transaction_result *result, const struct err *err)
{
    struct lane *lane = lanes_find(w, result->partition);
    assert(lane && lane->state == LANE_RUNNING);
    writer_count_retry(w, WORKER_RETRY_CONFLICT);
    batch_drop(w->batch, lane->partition);
    if (result->no_progress) {
        lane_alarm(w, lane, LANE_OWN, err);
    } else if (strcmp(result->progress.owner, lane->owner) != 0) {
        lane_let_go(w, lane, result->progress.owner, err);
    } else { /* ours, elsewhere: a failover took rows and offset back together */
        log_warn("progress has moved, going on from there", LOG_INT("partition", lane->partition), LOG_ERR(err));
        lane->progress = result->progress;
        lane->state = LANE_CHECK;
        lane->look_at_ms = 0;
    }
}
