/* The pool of a database that is away: nobody listens on the port that these tests name. */
#include "query/pool.h"

#include "core/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { DEADLINE_US = 2000000, JOBS_MAX = 3 };

static struct loop *loop;
static int awaited;

static bool never_run(struct pool_job *job, struct sql *sql, struct err *err)
{
    (void)job, (void)sql, (void)err;
    fail_msg("a job was run without a connection");
    return true;
}

static void on_done(struct pool_job *job)
{
    assert_false(job->good);
    if (--awaited == 0)
        loop_stop(loop);
}

static struct pool_job make_job(void)
{
    return (struct pool_job){
        .loop = loop, .deadline_us = clock_boottime_us() + DEADLINE_US, .run = never_run, .done = on_done};
}

static struct pool *make_pool(int64_t retry_ms)
{
    struct pool_options options = {.name = "shard 3",
                                   .url = "mysql://weir:secret@127.0.0.1:1/weir_shard_3",
                                   .connections = 1,
                                   .jobs_max = JOBS_MAX,
                                   .connect_ms = 1000,
                                   .query_ms = 1000,
                                   .retry_ms = retry_ms};
    struct pool *pool = NULL;
    struct err err = {0};
    if (!pool_start(&options, &pool, &err))
        fail_msg("%s", err.text);
    return pool;
}

static void run_one(struct pool *pool, struct pool_job *job)
{
    struct err err = {0};
    *job = make_job();
    awaited = 1;
    assert_true(pool_submit(pool, job, &err));
    loop_run(loop);
}

static void test_a_failure_comes_back_and_is_told_at_once_afterwards(void **state)
{
    (void)state;
    struct pool *pool = make_pool(60000);
    struct pool_job first, second = make_job();
    struct err err = {0};
    run_one(pool, &first);
    assert_int_equal(first.err.kind, ERR_OUTAGE);
    assert_false(pool_submit(pool, &second, &err));
    assert_string_equal(err.text, first.err.text);
    assert_null(strstr(err.text, "secret"));
    pool_stop(pool);
}

static void test_one_question_tries_again(void **state)
{
    (void)state;
    struct pool *pool = make_pool(20);
    struct pool_job job, other;
    struct err err = {0};
    run_one(pool, &job);
    clock_sleep_ms(40);
    job = make_job();
    other = make_job();
    awaited = 1;
    assert_true(pool_submit(pool, &job, &err)); /* the one that looks whether it is back */
    assert_false(pool_submit(pool, &other, &err));
    loop_run(loop);
    pool_stop(pool);
}

static void test_a_job_past_its_deadline_is_not_begun(void **state)
{
    (void)state;
    struct pool *pool = make_pool(60000);
    struct pool_job job = make_job();
    struct err err = {0};
    job.deadline_us = clock_boottime_us() - 1;
    awaited = 1;
    assert_true(pool_submit(pool, &job, &err));
    loop_run(loop);
    assert_non_null(strstr(job.err.text, "deadline"));
    pool_stop(pool);
}

static void test_a_stopped_pool_gives_its_jobs_back(void **state)
{
    (void)state;
    struct pool *pool = make_pool(60000);
    struct pool_job jobs[JOBS_MAX];
    struct err err = {0};
    awaited = 0;
    for (int i = 0; i < JOBS_MAX; i++) {
        jobs[i] = make_job();
        awaited += pool_submit(pool, &jobs[i], &err);
    }
    assert_true(awaited > 0);
    pool_stop(pool);
    loop_run(loop); /* ends when the last one has come back */
    assert_int_equal(awaited, 0);
}

static void test_a_wrong_url_is_refused(void **state)
{
    (void)state;
    struct pool_options options = {.name = "shard 3", .url = "http://x", .connections = 1};
    struct pool *pool = NULL;
    struct err err = {0};
    assert_false(pool_start(&options, &pool, &err));
    assert_int_equal(strncmp(err.text, "shard 3: ", 9), 0);
    assert_null(pool);
}

static void test_the_address_holds_no_password(void **state)
{
    (void)state;
    struct pool *pool = make_pool(1000);
    assert_string_equal(pool_address(pool), "127.0.0.1:1/weir_shard_3");
    assert_string_equal(pool_name(pool), "shard 3");
    pool_stop(pool);
}

static int set_up(void **state)
{
    (void)state;
    loop = loop_new();
    return loop == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_failure_comes_back_and_is_told_at_once_afterwards),
        TEST(test_one_question_tries_again),
        TEST(test_a_job_past_its_deadline_is_not_begun),
        TEST(test_a_stopped_pool_gives_its_jobs_back),
        TEST(test_a_wrong_url_is_refused),
        TEST(test_the_address_holds_no_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
