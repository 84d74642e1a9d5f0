/* A batch whose COMMIT is refused again and again waits between its tries, says that its shard takes nothing, and is given
 * up when the writer stops. The database is handed in. */
#include "core/service.h"
#include "tests/unit/workers/records.h"
#include "workers/writer_parts.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

enum { TRIES = 5, TRIES_MAX = 100 };

static int tries, pauses;

bool __wrap_writer_connect(struct writer *w, struct err *err);
void __wrap_writer_pause(struct writer *w);
void __wrap_writer_count_retry(const struct writer *w, enum worker_retry kind);
void __wrap_transaction_run(struct transaction *t, struct sql *sql, struct batch *batch, bool lookup, int64_t now_ms,
                            struct transaction_result *ret_result, struct err *err);
void __wrap_transaction_settle(struct transaction *t, struct sql *sql, const struct batch *batch,
                               struct transaction_result *ret_result, struct err *err);

bool __wrap_writer_connect(struct writer *w, struct err *err)
{
    (void)w, (void)err;
    return true;
}

void __wrap_writer_pause(struct writer *w)
{
    if (++pauses == TRIES)
        atomic_store(&w->stop, true);
}

void __wrap_writer_count_retry(const struct writer *w, enum worker_retry kind)
{
    (void)w, (void)kind;
}

void __wrap_transaction_run(struct transaction *t, struct sql *sql, struct batch *batch, bool lookup, int64_t now_ms,
                            struct transaction_result *ret_result, struct err *err)
{
    (void)t, (void)sql, (void)batch, (void)lookup, (void)now_ms;
    if (++tries > TRIES_MAX)
        fail_msg("it is tried without end");
    err_set(err, ERR_OUTAGE, "no COMMIT today");
    *ret_result = (struct transaction_result){.outcome = TRANSACTION_UNKNOWN};
}

void __wrap_transaction_settle(struct transaction *t, struct sql *sql, const struct batch *batch,
                               struct transaction_result *ret_result, struct err *err)
{
    (void)t, (void)sql, (void)batch;
    *err = (struct err){0};
    *ret_result = (struct transaction_result){.outcome = TRANSACTION_REFUSED};
}

static void a_commit_that_is_refused_twice_waits(void **state)
{
    (void)state;
    struct seats *seats = seats_new(1, 0);
    struct service_part *part = service_part("shard 0");
    struct writer *w = mem_alloc(sizeof *w);
    struct buf said = {0};
    w->options = (struct writer_options){.seats = seats, .ready = part};
    w->batch = records_batch("hash", 10, 1 << 20, 1000);
    const struct grab_event event = grab_of(RECORD_DATA, id_pack(RECORDS_NOON_MS, 1, 1), 1, 7, 1);
    records_add(w->batch, 0, &event);
    service_part_set(part, true, NULL);
    writer_store(w);
    assert_int_equal(pauses, TRIES);
    assert_int_equal(tries, TRIES + 2); /* the second was at once, and the last began before the stop was seen */
    assert_int_equal(w->batch->count, 0);
    service_ready_text(&said);
    assert_non_null(strstr(said.data, "[-] shard 0: no COMMIT today\n"));
    buf_free(&said);
    batch_free(w->batch);
    free(w);
    seats_free(seats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_commit_that_is_refused_twice_waits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
