#include "core/clock.h"
#include "core/kafka_internal.h"
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <threads.h>
#include <time.h>

#include <cmocka.h>

static void test_kinds(void **state)
{
    (void)state;
    assert_int_equal(kafka_error_kind(RD_KAFKA_RESP_ERR_NO_ERROR), ERR_NONE);
    assert_int_equal(kafka_error_kind(RD_KAFKA_RESP_ERR__TRANSPORT), ERR_OUTAGE);
    assert_int_equal(kafka_error_kind(RD_KAFKA_RESP_ERR__QUEUE_FULL), ERR_OUTAGE);
    assert_int_equal(kafka_error_kind(RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE), ERR_OUTAGE);
    assert_int_equal(kafka_error_kind(RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET), ERR_MISSING);
    assert_int_equal(kafka_error_kind(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART), ERR_MISSING);
    assert_int_equal(kafka_error_kind(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE), ERR_DATA);
    assert_int_equal(kafka_error_kind(RD_KAFKA_RESP_ERR_INVALID_CONFIG), ERR_USAGE);
    assert_int_equal(kafka_error_kind(RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS), ERR_CONFLICT);
}

static void test_failure_reads_as_a_sentence(void **state)
{
    (void)state;
    struct err err = {0};
    assert_false(kafka_fail(&err, RD_KAFKA_RESP_ERR__TIMED_OUT, "h:1", NULL, "read %s[%d]", "grabs", 3));
    assert_int_equal(err.kind, ERR_OUTAGE);
    assert_int_equal(err.code, RD_KAFKA_RESP_ERR__TIMED_OUT);
    assert_string_equal(err.text, "Kafka at h:1 could not read grabs[3]: Local: Timed out (_TIMED_OUT)");
}

static void test_wrong_settings_are_usage(void **state)
{
    (void)state;
    static const struct kafka_setting wrong[] = {{"linger.ms", "-5"}, {NULL, NULL}};
    struct err err = {0};
    assert_null(kafka_conf_new("h:1", "test", wrong, &err));
    assert_int_equal(err.kind, ERR_USAGE);
    assert_non_null(strstr(err.text, "linger.ms"));
    assert_null(kafka_conf_new("", "test", NULL, &err));
    assert_non_null(strstr(err.text, "kafka.brokers"));
}

static void test_reader_settings_lose_nothing(void **state)
{
    (void)state;
    static const char *const wanted[][2] = {{"auto.offset.reset", "error"},
                                            {"enable.auto.commit", "false"},
                                            {"enable.auto.offset.store", "false"},
                                            {"queued.max.messages.kbytes", "1024"}};
    struct err err = {0};
    rd_kafka_conf_t *conf = kafka_reader_conf_new("h:1", "test", 1024 * 1024, &err);
    assert_non_null(conf);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        char value[100];
        size_t size = sizeof value;
        assert_int_equal(rd_kafka_conf_get(conf, wanted[i][0], value, &size), RD_KAFKA_CONF_OK);
        assert_string_equal(value, wanted[i][1]);
    }
    rd_kafka_conf_destroy(conf);
}

static void test_statistics_tell_brokers(void **state)
{
    (void)state;
    assert_true(kafka_statistics_up("{\"brokers\":{\"h:1\":{\"name\":\"h:1\",\"state\":\"UP\"}}}"));
    assert_true(kafka_statistics_up("{\"brokers\":{\"h:1\": {\"state\": \"UP\"}}}"));
    assert_false(kafka_statistics_up("{\"brokers\":{\"h:1\":{\"state\":\"DOWN\"}},\"cgrp\":{\"state\":\"up\"}}"));
    assert_false(kafka_statistics_up(NULL));
}

static void test_checksum_tells_records_apart(void **state)
{
    (void)state;
    struct kafka_record one = {.key = "12", .key_len = 2, .value = "345", .value_len = 3};
    struct kafka_record same = {.key = "12", .key_len = 2, .value = "345", .value_len = 3, .offset = 7, .partition = 1};
    struct kafka_record shifted = {.key = "123", .key_len = 3, .value = "45", .value_len = 2};
    struct kafka_record no_key = {.value = "345", .value_len = 3};
    struct kafka_record empty_key = {.key = "", .value = "345", .value_len = 3};
    struct kafka_record no_value = {.key = "12", .key_len = 2};
    assert_true(kafka_record_checksum(&one) == kafka_record_checksum(&same));
    assert_true(kafka_record_checksum(&one) != kafka_record_checksum(&shifted));
    assert_true(kafka_record_checksum(&no_key) != kafka_record_checksum(&empty_key));
    assert_true(kafka_record_checksum(&one) != kafka_record_checksum(&no_value));
}

/* `ms` from now; answers what it says, and how long it took. */
static int wait_timed(int64_t ms, int64_t *ret_us)
{
    cnd_t cond;
    mtx_t mutex;
    struct timespec until;
    assert_int_equal(cnd_init(&cond), thrd_success);
    assert_int_equal(mtx_init(&mutex, mtx_plain), thrd_success);
    assert_int_equal(mtx_lock(&mutex), thrd_success);
    assert_int_equal(timespec_get(&until, TIME_UTC), TIME_UTC);
    const int64_t ns = until.tv_nsec + ms * 1000000;
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    const int64_t begun_us = clock_boottime_us();
    const int rc = cnd_timedwait(&cond, &mutex, &until);
    *ret_us = clock_boottime_us() - begun_us;
    mtx_unlock(&mutex);
    mtx_destroy(&mutex);
    cnd_destroy(&cond);
    return rc;
}

static void test_waits_of_the_library_end_in_time(void **state)
{
    (void)state;
    int64_t took_us;
    assert_ptr_equal(dlsym(RTLD_DEFAULT, "cnd_timedwait"), cnd_timedwait); /* the one of this program */
    for (int64_t ms = 1; ms <= 1001; ms += 250) {
        assert_int_equal(wait_timed(ms, &took_us), thrd_timedout);
        assert_true(took_us >= ms * 1000 - 1000);
    }
    assert_int_equal(wait_timed(0, &took_us), thrd_timedout);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_failure_reads_as_a_sentence),
        cmocka_unit_test(test_wrong_settings_are_usage),
        cmocka_unit_test(test_reader_settings_lose_nothing),
        cmocka_unit_test(test_statistics_tell_brokers),
        cmocka_unit_test(test_checksum_tells_records_apart),
        cmocka_unit_test(test_waits_of_the_library_end_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
