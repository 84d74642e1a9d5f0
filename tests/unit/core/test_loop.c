/* The loop: timers in order and bounded, messages from another thread, hooks before the wait, descriptors. */
#include "core/clock.h"
#include "core/loop.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct trace {
    struct loop *loop;
    char text[64];
    struct loop_timer *timer;
    int count;
};
static struct trace trace;

static void note(const char *word)
{
    assert_true(strlen(trace.text) + strlen(word) < sizeof trace.text);
    strcat(trace.text, word);
}

static int setup(void **state)
{
    (void)state;
    trace = (struct trace){.loop = loop_new()};
    return trace.loop == NULL;
}

static int teardown(void **state)
{
    (void)state;
    loop_free(trace.loop);
    return 0;
}

static void on_word(void *arg)
{
    note(arg);
}

static void on_stop(void *arg)
{
    (void)arg;
    loop_stop(trace.loop);
}

static void test_timers_run_in_order_of_time(void **state)
{
    (void)state;
    char words[4][2] = {"a", "b", "c", "x"};
    struct loop_timer *timers[5];
    for (int i = 0; i < 4; i++)
        timers[i] = loop_timer_new(trace.loop, on_word, words[i]);
    timers[4] = loop_timer_new(trace.loop, on_stop, NULL);
    loop_timer_set(timers[2], 15);
    loop_timer_set(timers[0], 40);
    loop_timer_set(timers[1], 10);
    loop_timer_set(timers[3], 1);
    loop_timer_set(timers[4], 25);
    loop_timer_set(timers[0], 5); /* moved */
    loop_timer_cancel(timers[3]);
    int64_t begin_us = clock_boottime_us();
    loop_run(trace.loop);
    assert_string_equal(trace.text, "abc");
    assert_true(clock_boottime_us() - begin_us >= 24000);
    for (int i = 0; i < 5; i++)
        loop_timer_free(timers[i]);
}

static void on_again(void *arg)
{
    (void)arg;
    if (++trace.count == 3)
        loop_stop(trace.loop);
    else
        loop_timer_set(trace.timer, 0);
}

static void test_a_timer_that_sets_itself_does_not_hold_the_tick(void **state)
{
    (void)state;
    trace.timer = loop_timer_new(trace.loop, on_again, NULL);
    loop_timer_set(trace.timer, 0);
    loop_run(trace.loop);
    assert_int_equal(trace.count, 3);
    loop_timer_free(trace.timer);
}

static void test_many_timers_keep_the_heap_in_order(void **state)
{
    (void)state;
    enum { COUNT = 200 };
    struct loop_timer *timers[COUNT];
    unsigned random = 7;
    for (int i = 0; i < COUNT; i++) {
        timers[i] = loop_timer_new(trace.loop, on_stop, NULL);
        random = random * 1103515245u + 12345u;
        loop_timer_set(timers[i], 1000 + (random >> 16) % 1000);
    }
    for (int i = 0; i < COUNT; i += 3)
        loop_timer_cancel(timers[i]);
    struct loop_timer *first = loop_timer_new(trace.loop, on_word, "1");
    struct loop_timer *stop = loop_timer_new(trace.loop, on_stop, NULL);
    loop_timer_set(stop, 6);
    loop_timer_set(first, 3);
    loop_run(trace.loop);
    assert_string_equal(trace.text, "1");
    for (int i = 0; i < COUNT; i++)
        loop_timer_free(timers[i]);
    loop_timer_free(first);
    loop_timer_free(stop);
}

struct word_msg {
    struct loop_msg msg;
    const char *word;
};

static void on_msg(struct loop_msg *msg)
{
    const char *word = ((struct word_msg *)msg)->word;
    note(word);
    if (*word == '!')
        loop_stop(trace.loop);
}

static void *poster(void *msgs)
{
    struct word_msg *msg = msgs;
    for (int i = 0; i < 4; i++)
        loop_post(trace.loop, &msg[i].msg);
    return NULL;
}

static void test_messages_of_a_thread_keep_their_order(void **state)
{
    (void)state;
    struct word_msg msgs[4] = {
        {{.fn = on_msg}, "1"}, {{.fn = on_msg}, "2"}, {{.fn = on_msg}, "3"}, {{.fn = on_msg}, "!"}};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, poster, msgs), 0);
    loop_run(trace.loop);
    pthread_join(thread, NULL);
    assert_string_equal(trace.text, "123!");
}

static void on_low(void *arg)
{
    (void)arg;
    if (trace.count++ < 1)
        note("low");
}

static void on_high(void *arg)
{
    (void)arg;
    if (trace.count == 0)
        note("high ");
}

static void test_the_hook_added_last_runs_first(void **state)
{
    (void)state;
    struct loop_hook low = {.fn = on_low};
    struct loop_hook high = {.fn = on_high};
    loop_hook_add(trace.loop, &low);
    loop_hook_add(trace.loop, &high);
    struct loop_timer *stop = loop_timer_new(trace.loop, on_stop, NULL);
    loop_timer_set(stop, 0);
    loop_run(trace.loop);
    assert_string_equal(trace.text, "high low");
    loop_hook_remove(trace.loop, &low);
    loop_hook_remove(trace.loop, &high);
    loop_timer_free(stop);
}

static int pipe_fds[2];

static void on_pipe_readable(void *arg)
{
    char c;
    assert_int_equal(read(pipe_fds[0], &c, 1), 1);
    note("r");
    loop_fd_free(*(struct loop_fd **)arg); /* from inside its own callback */
    loop_stop(trace.loop);
}

static void on_pipe_writable(void *arg)
{
    (void)arg;
    note("w");
    assert_int_equal(write(pipe_fds[1], "x", 1), 1);
}

static void test_descriptors_are_watched_and_stay_the_callers(void **state)
{
    (void)state;
    assert_int_equal(pipe(pipe_fds), 0);
    struct loop_fd *reader = NULL;
    reader = loop_fd_new(trace.loop, pipe_fds[0], on_pipe_readable, &reader);
    struct loop_fd *writer = loop_fd_new(trace.loop, pipe_fds[1], NULL, NULL);
    loop_fd_read(reader, true);
    loop_fd_write_once(writer, on_pipe_writable);
    loop_fd_write_once(writer, on_pipe_writable);
    loop_run(trace.loop);
    assert_string_equal(trace.text, "wr");
    loop_fd_free(writer);
    assert_int_equal(close(pipe_fds[0]), 0);
    assert_int_equal(close(pipe_fds[1]), 0);
}

static void on_late(struct loop_msg *msg)
{
    (void)msg;
    strcat(trace.text, "late");
}

static void test_what_was_posted_before_the_stop_is_served(void **state)
{
    (void)state;
    struct loop_msg msg = {.fn = on_late};
    loop_post(trace.loop, &msg);
    loop_stop(trace.loop);
    loop_run(trace.loop);
    assert_string_equal(trace.text, "late");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_timers_run_in_order_of_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_timer_that_sets_itself_does_not_hold_the_tick, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_timers_keep_the_heap_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_messages_of_a_thread_keep_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_was_posted_before_the_stop_is_served, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_hook_added_last_runs_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_descriptors_are_watched_and_stay_the_callers, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
