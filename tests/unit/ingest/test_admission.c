/* The rule against a simulated stock and log: a stage of fixed time, then a queue in front of a server of a given rate.
 * Time goes in steps of 0.1 ms; every run is the same each time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/hist.h"
#include "ingest/admission.h"

enum { STEP_US = 100, RING = 1 << 16, TARGET_US = 20000, LIMIT_CALM = 256 };

struct sim_grab {
    int64_t start_us, ready_us;
    struct admission_span span;
};

struct queue {
    struct sim_grab grab[RING];
    uint32_t head, tail;
};

struct sim {
    struct admission admission;
    int64_t now_us;
    double offered, capacity;       /* a second */
    int64_t reserve_us, distant_us; /* RESERVE's time; the log's, beside its queue */
    int appended_of_100;            /* the rest is refused by the stock */
    double owed, served;            /* parts of a grab */
    int64_t stalled_until_us;
    struct queue reserving, appending, reporting;
    uint64_t begun, accepted, refused;
    struct hist latency; /* of those that were appended */
};

static struct sim sim;

static void sim_new(double capacity)
{
    sim = (struct sim){
        .now_us = 1000000, .capacity = capacity, .reserve_us = 1000, .distant_us = 3000, .appended_of_100 = 100};
    struct admission_options options = {
        .target_us = TARGET_US, .limit_min = 16, .limit_calm = LIMIT_CALM, .limit_max = 16384};
    admission_init(&sim.admission, &options);
}

static void put(struct queue *queue, const struct sim_grab *grab)
{
    assert_true(queue->tail - queue->head < RING);
    queue->grab[queue->tail++ % RING] = *grab;
}

static struct sim_grab *due(struct queue *queue)
{
    struct sim_grab *first = &queue->grab[queue->head % RING];
    return queue->head != queue->tail && first->ready_us <= sim.now_us ? first : NULL;
}

static void arrive(void)
{
    for (sim.owed += sim.offered * STEP_US / 1e6; sim.owed >= 1; sim.owed -= 1) {
        if (admission_full(&sim.admission)) {
            admission_refused(&sim.admission);
            sim.refused++;
            continue;
        }
        struct sim_grab grab = {.start_us = sim.now_us, .ready_us = sim.now_us + sim.reserve_us};
        admission_begin(&sim.admission);
        admission_stage_begin(&sim.admission, ADMISSION_RESERVE, sim.now_us, &grab.span);
        put(&sim.reserving, &grab);
    }
}

static void reserved(void)
{
    for (struct sim_grab *grab; (grab = due(&sim.reserving)) != NULL; sim.reserving.head++) {
        admission_stage_end(&sim.admission, ADMISSION_RESERVE, &grab->span, sim.now_us, true);
        if ((int)(sim.begun++ * 37 % 100) >= sim.appended_of_100) {
            admission_end(&sim.admission, sim.now_us);
            continue;
        }
        admission_stage_begin(&sim.admission, ADMISSION_APPEND, sim.now_us, &grab->span);
        put(&sim.appending, grab);
    }
}

static void appended(void)
{
    sim.served += sim.now_us < sim.stalled_until_us ? 0 : sim.capacity * STEP_US / 1e6;
    for (struct sim_grab *grab; sim.served >= 1 && (grab = due(&sim.appending)) != NULL; sim.appending.head++) {
        sim.served -= 1;
        grab->ready_us = sim.now_us + sim.distant_us;
        put(&sim.reporting, grab);
    }
    if (sim.served > 1)
        sim.served = 1; /* what was idle is gone */
    for (struct sim_grab *grab; (grab = due(&sim.reporting)) != NULL; sim.reporting.head++) {
        admission_stage_end(&sim.admission, ADMISSION_APPEND, &grab->span, sim.now_us, true);
        admission_end(&sim.admission, sim.now_us);
        sim.accepted++;
        hist_record(&sim.latency, (uint64_t)(sim.now_us - grab->start_us));
    }
}

/* Runs for `seconds` and forgets before what was counted. */
static void run(double offered, double seconds)
{
    sim.offered = offered;
    sim.accepted = sim.refused = 0;
    sim.latency = (struct hist){0};
    for (int64_t end_us = sim.now_us + (int64_t)(seconds * 1e6); sim.now_us < end_us; sim.now_us += STEP_US) {
        arrive();
        reserved();
        appended();
    }
}

static void assert_overload_is_held(double seconds)
{
    assert_true((double)sim.accepted >= 0.9 * sim.capacity * seconds);
    assert_true(sim.refused > sim.accepted);
    assert_true(hist_quantile(&sim.latency, 0.99) <= 50000);
}

static void ten_times_the_capacity_from_the_first_second(void **state)
{
    (void)state;
    static const double capacities[] = {800, 1500, 5000, 20000};
    for (size_t i = 0; i < sizeof capacities / sizeof *capacities; i++) {
        sim_new(capacities[i]);
        run(10 * sim.capacity, 60);
        assert_overload_is_held(60);
    }
}

static void a_little_over_the_capacity(void **state)
{
    (void)state;
    sim_new(2000);
    run(1.2 * sim.capacity, 60);
    assert_true((double)sim.accepted >= 0.95 * sim.capacity * 60);
    assert_true(hist_quantile(&sim.latency, 0.99) <= 60000); /* the queue grows slowly, so it is seen late */
}

static void half_the_capacity_is_never_refused(void **state)
{
    (void)state;
    sim_new(2000);
    run(0.5 * sim.capacity, 30);
    assert_int_equal(sim.refused, 0);
    assert_int_equal(sim.admission.probes, 0);
}

static void back_to_normal_at_once_after_the_overload(void **state)
{
    (void)state;
    sim_new(1500);
    run(10 * sim.capacity, 20);
    run(0.5 * sim.capacity, 0.5);
    run(0.5 * sim.capacity, 10);
    assert_int_equal(sim.refused, 0);
    assert_true(hist_quantile(&sim.latency, 0.99) <= 10000);
    assert_int_equal(sim.admission.limit, LIMIT_CALM);
}

static void the_capacity_falls_and_rises_under_overload(void **state)
{
    (void)state;
    sim_new(10000);
    run(15000, 10);
    sim.capacity = 1000;
    run(15000, 2);
    run(15000, 30);
    assert_overload_is_held(30);
    sim.capacity = 10000;
    run(25000, 2);
    run(25000, 30);
    assert_overload_is_held(30);
}

static void a_distant_log_is_not_an_overload(void **state)
{
    (void)state;
    sim_new(5000);
    sim.distant_us = 200000;
    run(1000, 20);
    assert_int_equal(sim.refused, 0);
    sim_new(5000);
    run(1000, 10);
    sim.distant_us = 200000; /* it goes away while we look: some are refused until that is understood */
    run(1000, 10);
    run(1000, 20);
    assert_int_equal(sim.refused, 0);
}

static void a_distant_log_is_overloaded_all_the_same(void **state)
{
    (void)state;
    sim_new(1000);
    sim.distant_us = 200000;
    run(10000, 10);
    run(10000, 30);
    assert_true((double)sim.accepted >= 0.9 * sim.capacity * 30);
    assert_true(hist_quantile(&sim.latency, 0.99) <= 300000);
}

static void short_stalls_and_bursts_are_no_overload(void **state)
{
    (void)state;
    sim_new(5000);
    run(1000, 5);
    for (int i = 0; i < 5; i++) {
        sim.stalled_until_us = sim.now_us + 80000;
        run(1000, 1);
        assert_int_equal(sim.refused, 0);
    }
    run(200000, 0.001); /* 200 at once */
    assert_int_equal(sim.refused, 0);
}

static void refusals_of_the_stock_hide_no_slow_log(void **state)
{
    (void)state;
    sim_new(1000);
    sim.appended_of_100 = 10;
    run(50000, 5);
    run(50000, 30);
    assert_true((double)sim.accepted >= 0.9 * sim.capacity * 30);
    assert_true(hist_quantile(&sim.latency, 0.99) <= 50000);
}

static void the_base_does_not_creep_under_lasting_overload(void **state)
{
    (void)state;
    sim_new(2000);
    run(20000, 300);
    run(20000, 10);
    assert_overload_is_held(10);
    assert_true(hist_quantile(&sim.latency, 0.5) <= 30000);
    assert_in_range(sim.admission.probes, 50, 70);
}

static void stalls_under_overload_are_not_taken_for_the_base(void **state)
{
    (void)state;
    sim_new(2000);
    run(20000, 2);
    for (int i = 0; i < 100; i++) {
        sim.stalled_until_us = sim.now_us + 60000;
        run(20000, 0.53);
        assert_true(sim.admission.stage[ADMISSION_APPEND].base_us <= 10000);
    }
    run(20000, 10);
    assert_true(hist_quantile(&sim.latency, 0.99) <= 50000);
}

static void few_in_flight_are_never_refused(void **state)
{
    (void)state;
    sim_new(10); /* each takes seconds */
    sim.admission.options.limit_min = 64;
    for (int round = 0; round < 200; round++) {
        run(1, 0.5);
        while (sim.admission.in_flight < 64 && sim.admission.probing == 0) {
            assert_false(admission_full(&sim.admission));
            run(1e4, 0.0001);
        }
    }
    assert_int_equal(sim.admission.probes, 0);
}

static void no_answer_teaches_nothing(void **state)
{
    (void)state;
    sim_new(1000);
    int before = sim.admission.limit;
    struct admission_span span;
    for (int64_t now_us = 2000000; now_us < 8000000; now_us += 10000) {
        admission_begin(&sim.admission);
        admission_stage_begin(&sim.admission, ADMISSION_RESERVE, now_us, &span);
        admission_stage_end(&sim.admission, ADMISSION_RESERVE, &span, now_us + 3000000, false);
        admission_refused(&sim.admission);
        admission_end(&sim.admission, now_us + 3000000);
    }
    assert_int_equal(sim.admission.limit, before);
    assert_int_equal(sim.admission.in_flight, 0);
}

static void limits_are_kept(void **state)
{
    (void)state;
    struct admission admission;
    struct admission_options options = {.target_us = TARGET_US, .limit_min = 8, .limit_calm = 16, .limit_max = 16};
    admission_init(&admission, &options);
    assert_int_equal(admission.limit, 16);
    for (int i = 0; i < 16; i++) {
        assert_false(admission_full(&admission));
        admission_begin(&admission);
    }
    assert_true(admission_full(&admission));
    admission_end(&admission, 1);
    assert_false(admission_full(&admission));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_times_the_capacity_from_the_first_second),
        cmocka_unit_test(a_little_over_the_capacity),
        cmocka_unit_test(half_the_capacity_is_never_refused),
        cmocka_unit_test(back_to_normal_at_once_after_the_overload),
        cmocka_unit_test(the_capacity_falls_and_rises_under_overload),
        cmocka_unit_test(a_distant_log_is_not_an_overload),
        cmocka_unit_test(a_distant_log_is_overloaded_all_the_same),
        cmocka_unit_test(short_stalls_and_bursts_are_no_overload),
        cmocka_unit_test(refusals_of_the_stock_hide_no_slow_log),
        cmocka_unit_test(the_base_does_not_creep_under_lasting_overload),
        cmocka_unit_test(stalls_under_overload_are_not_taken_for_the_base),
        cmocka_unit_test(few_in_flight_are_never_refused),
        cmocka_unit_test(no_answer_teaches_nothing),
        cmocka_unit_test(limits_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
