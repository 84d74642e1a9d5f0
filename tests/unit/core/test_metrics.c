/* The page is Prometheus text 0.0.4, and sums are right over threads that live and that have ended. */
#include "core/metrics.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <math.h>
#include <pthread.h>
#include <string.h>

static char *page(struct buf *text)
{
    buf_reset(text);
    metrics_render(text);
    return text->data;
}

static void page_has(const char *lines)
{
    struct buf text = {0};
    if (!strstr(page(&text), lines))
        fail_msg("the page lacks:\n%s\nit is:\n%s", lines, text.data);
    buf_free(&text);
}

static void a_family_is_shown_together(void **state)
{
    (void)state;
    struct metric *won = metric_counter("weir_t_grabs_total", "Grabs \\ answered\nby outcome.", "outcome=\"success\"");
    metric_counter("weir_t_between_total", "Another.", NULL);
    struct metric *lost = metric_counter("weir_t_grabs_total", "unused", "outcome=\"out_of_stock\"");
    metric_add(won, 2);
    metric_add(won, 1);
    metric_add(lost, 40000000000u);
    page_has("# HELP weir_t_grabs_total Grabs \\\\ answered\\nby outcome.\n# TYPE weir_t_grabs_total counter\n"
             "weir_t_grabs_total{outcome=\"success\"} 3\nweir_t_grabs_total{outcome=\"out_of_stock\"} 40000000000\n"
             "# HELP weir_t_between_total Another.\n# TYPE weir_t_between_total counter\nweir_t_between_total 0\n");
    assert_int_equal(metric_read(won), 3);
}

static void the_same_declaration_is_the_same_metric(void **state)
{
    (void)state;
    struct metric *one = metric_counter("weir_t_same_total", "h", "a=\"1\"");
    assert_ptr_equal(one, metric_counter("weir_t_same_total", "h", "a=\"1\""));
    assert_ptr_not_equal(one, metric_counter("weir_t_same_total", "h", "a=\"2\""));
    assert_ptr_equal(metric_counter("weir_t_bare_total", "h", NULL), metric_counter("weir_t_bare_total", "h", ""));
}

static void gauges_show_the_last_value(void **state)
{
    (void)state;
    struct metric *gauge = metric_gauge("weir_t_lag_seconds", "Lag.", NULL);
    page_has("\nweir_t_lag_seconds 0\n");
    metric_set(gauge, 5);
    metric_set(gauge, 0.1);
    page_has("# TYPE weir_t_lag_seconds gauge\nweir_t_lag_seconds 0.1\n");
    metric_set(gauge, -1e300);
    page_has("\nweir_t_lag_seconds -1e+300\n");
    assert_int_equal(metric_read(gauge), 0);
    metric_set(gauge, (double)NAN);
    page_has("\nweir_t_lag_seconds NaN\n");
    metric_set(gauge, -(double)INFINITY);
    page_has("\nweir_t_lag_seconds -Inf\n");
    metric_set(gauge, 7.9);
    assert_int_equal(metric_read(gauge), 7);
}

static void histograms_are_cumulative_and_in_seconds(void **state)
{
    (void)state;
    struct metric *wait = metric_histogram("weir_t_wait_seconds", "Wait.", "part=\"redis\"");
    metric_observe_us(wait, 500); /* on a bound: inside */
    metric_observe_us(wait, 501); /* just past it */
    metric_observe_us(wait, 2000000);
    metric_observe_us(wait, 30000000); /* past the last */
    page_has("# TYPE weir_t_wait_seconds histogram\n"
             "weir_t_wait_seconds_bucket{part=\"redis\",le=\"0.0005\"} "
             "1\nweir_t_wait_seconds_bucket{part=\"redis\",le=\"0.001\"} 2\n");
    page_has("weir_t_wait_seconds_bucket{part=\"redis\",le=\"1\"} "
             "2\nweir_t_wait_seconds_bucket{part=\"redis\",le=\"2.5\"} 3\n");
    page_has("weir_t_wait_seconds_bucket{part=\"redis\",le=\"10\"} "
             "3\nweir_t_wait_seconds_bucket{part=\"redis\",le=\"+Inf\"} 4\n"
             "weir_t_wait_seconds_sum{part=\"redis\"} 32.001001\nweir_t_wait_seconds_count{part=\"redis\"} 4\n");
    assert_int_equal(metric_read(wait), 4);
    metric_histogram("weir_t_empty_seconds", "None.", NULL);
    page_has("weir_t_empty_seconds_bucket{le=\"+Inf\"} 0\nweir_t_empty_seconds_sum "
             "0.000000\nweir_t_empty_seconds_count 0\n");
}

enum { THREADS = 4, ADDS = 20000 };
static pthread_barrier_t added;

static void *add_many(void *arg)
{
    for (int i = 0; i < ADDS; i++)
        metric_add(arg, 1);
    pthread_barrier_wait(&added);
    pthread_barrier_wait(&added);
    return NULL;
}

static void threads_are_added_up(void **state)
{
    (void)state;
    struct metric *hits = metric_counter("weir_t_hits_total", "Hits.", NULL);
    pthread_t threads[THREADS];
    pthread_barrier_init(&added, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, hits), 0);
    pthread_barrier_wait(&added);
    assert_int_equal(metric_read(hits), THREADS * ADDS); /* while they live */
    pthread_barrier_wait(&added);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&added);
    assert_int_equal(metric_read(hits), THREADS * ADDS); /* when they have ended */
    page_has("\nweir_t_hits_total 80000\n");
}

static void set_on_demand(void *arg)
{
    metric_set(metric_gauge("weir_t_demand", "Read at each render.", NULL), *(const double *)arg);
}

static void hooks_run_before_the_page(void **state)
{
    (void)state;
    static double now = 1;
    metrics_on_render(set_on_demand, &now);
    page_has("\nweir_t_demand 1\n");
    now = 2;
    page_has("\nweir_t_demand 2\n");
}

static void every_line_is_a_comment_or_a_sample(void **state)
{
    (void)state;
    struct buf text = {0};
    char *rest = page(&text);
    assert_int_equal(text.data[text.len - 1], '\n');
    for (char *line = strtok_r(rest, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        const char *space = strrchr(line, ' ');
        assert_true(strncmp(line, "# HELP weir_", 12) == 0 || strncmp(line, "# TYPE weir_", 12) == 0 ||
                    (strncmp(line, "weir_", 5) == 0 && space && space[1]));
    }
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_family_is_shown_together),
        cmocka_unit_test(the_same_declaration_is_the_same_metric),
        cmocka_unit_test(gauges_show_the_last_value),
        cmocka_unit_test(histograms_are_cumulative_and_in_seconds),
        cmocka_unit_test(threads_are_added_up),
        cmocka_unit_test(hooks_run_before_the_page),
        cmocka_unit_test(every_line_is_a_comment_or_a_sample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
