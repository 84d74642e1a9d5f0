/* A partition has lost its progress only where the row is gone: a table of progress that is away is an outage like any
 * other. The database is handed in. */
#include "tests/unit/workers/records.h"
#include "workers/transaction.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

enum { NO_TABLE = 1146, NO_DATABASE = 1049 };

static struct err answer;

bool __wrap_sql_begin(struct sql *sql, struct err *err);
void __wrap_sql_rollback(struct sql *sql);
bool __wrap_progress_move(struct sql *sql, const struct progress_key *key, const struct batch_part *part,
                          bool *ret_moved, struct err *err);
bool __wrap_progress_read(struct sql *sql, const struct progress_key *key, bool lock, struct progress *ret_progress,
                          struct err *err);

bool __wrap_sql_begin(struct sql *sql, struct err *err)
{
    (void)sql, (void)err;
    return true;
}

void __wrap_sql_rollback(struct sql *sql)
{
    (void)sql;
}

bool __wrap_progress_move(struct sql *sql, const struct progress_key *key, const struct batch_part *part,
                          bool *ret_moved, struct err *err)
{
    (void)sql, (void)key, (void)part, (void)err;
    *ret_moved = false;
    return true;
}

bool __wrap_progress_read(struct sql *sql, const struct progress_key *key, bool lock, struct progress *ret_progress,
                          struct err *err)
{
    (void)sql, (void)key, (void)lock, (void)ret_progress;
    *err = answer;
    return false;
}

/* By both ways that ask for it: a batch that could not move it, and one that is settled. */
static void check_outcome(int code, enum transaction_outcome expected)
{
    struct transaction *t = transaction_new(&stream_grabs, stream_layout(&stream_grabs, "hash"), 10);
    struct batch *batch = records_batch("hash", 10, 1 << 20, 1000);
    const struct grab_event event = grab_of(RECORD_DATA, id_pack(RECORDS_NOON_MS, 1, 1), 1, 7, 1);
    struct transaction_result moved, settled;
    struct err err;
    records_add(batch, 3, &event);
    batch_fold(batch);
    err_set_code(&answer, ERR_MISSING, code, "not there");
    transaction_run(t, NULL, batch, false, 0, &moved, &err);
    transaction_settle(t, NULL, batch, &settled, &err);
    assert_int_equal(moved.outcome, expected);
    assert_int_equal(settled.outcome, expected);
    assert_int_equal(moved.no_progress, expected == TRANSACTION_LOST);
    assert_int_equal(settled.no_progress, expected == TRANSACTION_LOST);
    batch_free(batch);
    transaction_free(t);
}

static void a_row_that_is_gone_is_lost(void **state)
{
    (void)state;
    check_outcome(0, TRANSACTION_LOST);
}

static void a_table_that_is_gone_is_an_outage(void **state)
{
    (void)state;
    check_outcome(NO_TABLE, TRANSACTION_FAILED);
    check_outcome(NO_DATABASE, TRANSACTION_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_row_that_is_gone_is_lost),
                                       cmocka_unit_test(a_table_that_is_gone_is_an_outage)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
