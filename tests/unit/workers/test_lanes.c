/* Partitions whose leader is out of reach hold up the writer for a while, not for good: those that run go on between, and
 * each that waits has its turn. One whose owner is another is let go, and the log says which. Databases, brokers and the
 * clock are handed in. */
#include "core/clock.h"
#include "tests/unit/core/log_fixture.h"
#include "tests/unit/workers/records.h"
#include "workers/writer_parts.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

enum { LANES = 8, FAR = 4 /* the first so many partitions */, WAIT_MS = 5000, WORK_MS = 100 };

static int64_t now_ms;
static bool reachable, shard_away;
static int64_t wait_ms = WAIT_MS;
static int asked[LANES];

int64_t __wrap_clock_boottime_ms(void);
bool __wrap_writer_connect(struct writer *w, struct err *err);
void __wrap_writer_count_retry(const struct writer *w, enum worker_retry kind);
bool __wrap_kafka_admin_open(const char *brokers, const char *client_id, struct kafka_admin **ret_admin,
                             struct err *err);
bool __wrap_progress_own(struct sql *sql, const struct progress_key *key, const char owner[OWNER_LEN + 1],
                         struct progress *ret_progress, struct err *err);
bool __wrap_progress_read(struct sql *sql, const struct progress_key *key, bool lock, struct progress *ret_progress,
                          struct err *err);
enum log_answer __wrap_ownership_check_log(struct kafka_admin *admin, const char *brokers, const char *topic,
                                           int32_t partition, const struct progress *progress, struct err *err);

int64_t __wrap_clock_boottime_ms(void)
{
    return now_ms;
}

bool __wrap_writer_connect(struct writer *w, struct err *err)
{
    (void)w;
    return !shard_away || err_set(err, ERR_OUTAGE, "the shard is away");
}

void __wrap_writer_count_retry(const struct writer *w, enum worker_retry kind)
{
    (void)w, (void)kind;
}

bool __wrap_kafka_admin_open(const char *brokers, const char *client_id, struct kafka_admin **ret_admin,
                             struct err *err)
{
    (void)brokers, (void)client_id, (void)ret_admin, (void)err;
    return true;
}

bool __wrap_progress_own(struct sql *sql, const struct progress_key *key, const char owner[OWNER_LEN + 1],
                         struct progress *ret_progress, struct err *err)
{
    (void)sql, (void)key, (void)err;
    *ret_progress = (struct progress){.next_offset = 0};
    memcpy(ret_progress->owner, owner, OWNER_LEN);
    return true;
}

/* As it was left; so no lane has lost anything. */
bool __wrap_progress_read(struct sql *sql, const struct progress_key *key, bool lock, struct progress *ret_progress,
                          struct err *err)
{
    (void)sql, (void)key, (void)lock, (void)ret_progress;
    return err_set(err, ERR_OUTAGE, "not asked in this test");
}

enum log_answer __wrap_ownership_check_log(struct kafka_admin *admin, const char *brokers, const char *topic,
                                           int32_t partition, const struct progress *progress, struct err *err)
{
    (void)admin, (void)brokers, (void)topic, (void)progress;
    asked[partition]++;
    if (partition >= FAR || reachable)
        return LOG_AGREES;
    now_ms += wait_ms;
    err_set(err, ERR_OUTAGE, "out of reach");
    return LOG_UNKNOWN;
}

static struct writer *writer_of(struct seats *seats)
{
    static const struct worker_config config = {.kafka_brokers = (char *)"broker:9092"};
    static int32_t partitions[LANES];
    struct writer *w = mem_alloc(sizeof *w);
    w->options = (struct writer_options){.config = &config,
                                         .stream = &stream_grabs,
                                         .keys = stream_layout(&stream_grabs, "hash"),
                                         .seats = seats,
                                         .partition_count = LANES,
                                         .partitions = partitions};
    w->batch = records_batch("hash", 10, 1 << 20, 1000);
    w->lanes = mem_alloc(LANES * sizeof *w->lanes);
    for (int32_t i = 0; i < LANES; i++) {
        partitions[i] = i;
        w->lane_of[i] = (int16_t)i;
        w->lanes[i].partition = i;
        retry_init(&w->lanes[i].retry, 50, 5000, (uint64_t)i + 1);
    }
    return w;
}

static void writer_end(struct writer *w, struct seats *seats)
{
    lanes_release_all(w);
    batch_free(w->batch);
    free(w->lanes);
    free(w);
    seats_free(seats);
}

static size_t running(const struct writer *w)
{
    size_t count = 0;
    for (size_t i = 0; i < LANES; i++)
        count += w->lanes[i].state == LANE_RUNNING;
    return count;
}

/* One turn of the writer; answers how long the lanes held it up. */
static int64_t turn(struct writer *w)
{
    const int64_t began_ms = now_ms;
    lanes_attend(w);
    const int64_t held_ms = now_ms - began_ms;
    now_ms += WORK_MS;
    return held_ms;
}

static void those_that_run_go_on_between(void **state)
{
    (void)state;
    struct seats *seats = seats_new(LANES, 0);
    struct writer *w = writer_of(seats);
    now_ms = 1000;
    for (int32_t i = 0; i < LANES; i++)
        seats_assign(seats, i);
    for (int passes = 0; passes <= FAR; passes++)
        assert_true(turn(w) <= WAIT_MS); /* one a pass, also at first */
    assert_int_equal(running(w), LANES - FAR);

    const int64_t begin_ms = now_ms;
    int64_t held_ms = 0;
    memset(asked, 0, sizeof asked);
    while (now_ms - begin_ms < 200000)
        held_ms += turn(w);
    assert_true(held_ms * 10 <= (now_ms - begin_ms) * 3);
    for (int i = 0; i < FAR; i++)
        assert_in_range(asked[i], 2, 4);

    reachable = true;
    for (const int64_t healed_ms = now_ms; running(w) < LANES; turn(w))
        assert_true(now_ms - healed_ms <= 4 * WAIT_MS);
    writer_end(w, seats);
}

/* A lane that waited for its shard has not asked its log in vain. */
static void a_shard_that_was_away_delays_no_partition_in_reach(void **state)
{
    (void)state;
    struct seats *seats = seats_new(LANES, 0);
    struct writer *w = writer_of(seats);
    reachable = false;
    shard_away = true;
    for (int32_t i = 0; i < LANES; i++)
        seats_assign(seats, i);
    (void)turn(w);
    assert_true(lanes_wait_for_shard(w));
    shard_away = false;
    for (const int64_t back_ms = now_ms; running(w) < LANES - FAR; (void)turn(w))
        assert_true(now_ms - back_ms <= (FAR + 1) * WAIT_MS);
    writer_end(w, seats);
}

/* The process was stopped, or the machine suspended, within a check. */
static void a_sleep_within_a_check_puts_off_no_other(void **state)
{
    (void)state;
    struct seats *seats = seats_new(LANES, 0);
    struct writer *w = writer_of(seats);
    reachable = false;
    wait_ms = 3600000;
    seats_assign(seats, 0);
    (void)turn(w);
    wait_ms = WAIT_MS;
    assert_true(w->check_at_ms > now_ms && w->check_at_ms - now_ms <= 60000);
    writer_end(w, seats);
}

/* What the log says of a partition whose progress has this owner now. */
static void check_let_go(const char *owner, const char *words)
{
    struct transaction_result result = {.outcome = TRANSACTION_LOST};
    struct err err = {0};
    char said[2000] = "";
    struct seats *seats = seats_new(LANES, 0);
    struct writer *w = writer_of(seats);
    seats_assign(seats, 0);
    reachable = true;
    (void)turn(w);
    memcpy(result.progress.owner, owner, strlen(owner));
    rewind(caught);
    assert_int_equal(ftruncate(fileno(caught), 0), 0);
    lanes_lost(w, &result, &err);
    rewind(caught);
    said[fread(said, 1, sizeof said - 1, caught)] = '\0';
    assert_int_equal(w->lanes[0].state, LANE_LET_GO);
    assert_non_null(strstr(said, words));
    writer_end(w, seats);
}

static void who_has_it_instead_is_said(void **state)
{
    (void)state;
    open_as("info", "kv");
    check_let_go(RECORDS_OWNER, "another owner has the partition, letting it go");
    check_let_go("", "nobody owns the partition any more, letting it go");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(those_that_run_go_on_between),
                                       cmocka_unit_test(a_shard_that_was_away_delays_no_partition_in_reach),
                                       cmocka_unit_test(a_sleep_within_a_check_puts_off_no_other),
                                       CAUGHT(who_has_it_instead_is_said)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
