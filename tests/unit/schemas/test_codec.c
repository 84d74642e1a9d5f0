/* Records: written in one form, read in that form by the scanner and in any form by the parser, with one and the same
 * answer. */
#include "protocol/fold.h"
#include "schemas/codec.h"
#include "schemas/grabs.h"
#include "schemas/readings.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_TEXT "{\"v\":1,\"type\":\"grab\",\"grab_id\":\"9007199254740993\","
#define RECORD    HEAD_TEXT "\"user_id\":1,\"coupon_id\":2,\"room_id\":3,\"epoch\":4,\"try_key\":null}"

static void a_grab_looks_like_this(void **state)
{
    (void)state;
    struct grab_event grab = {.grab_id = UINT64_C(9007199254740993),
                              .user_id = 1,
                              .coupon_id = 2,
                              .room_id = 3,
                              .epoch = 4,
                              .kind = RECORD_DATA};
    struct buf json = {0}, key = {0};
    codec_write(&stream_grabs, &grab, &json);
    codec_write_key(&stream_grabs, &grab, &key);
    assert_string_equal(json.data, RECORD);
    assert_string_equal(key.data, "1");
    buf_free(&json);
    buf_free(&key);
}

/* Written, scanned, parsed and read: the same bytes of the event each time. */
static void assert_round_trip(const struct stream *stream, const void *event, bool scans)
{
    char scanned[STREAM_EVENT_BYTES_MAX], parsed[STREAM_EVENT_BYTES_MAX];
    struct buf json = {0}, key = {0};
    struct err err = {0};
    codec_write(stream, event, &json);
    codec_write_key(stream, event, &key);
    if (!codec_parse(stream, json.data, json.len, parsed, &err))
        fail_msg("%s: %s", json.data, err.text);
    assert_memory_equal(parsed, event, stream->event_size);
    assert_int_equal(codec_scan(stream, json.data, json.len, scanned), scans);
    if (scans)
        assert_memory_equal(scanned, event, stream->event_size);
    assert_true(codec_read(stream, key.data, key.len, json.data, json.len, scanned, &err));
    buf_free(&json);
    buf_free(&key);
}

static void grabs_come_back_as_they_were(void **state)
{
    (void)state;
    struct grab_event grab = {
        .grab_id = INT64_MAX, .user_id = INT64_MAX, .coupon_id = INT64_MAX, .room_id = UINT32_MAX, .epoch = INT64_MAX};
    memset(grab.try_key, 'k', TRY_KEY_MAX);
    assert_round_trip(&stream_grabs, &grab, true);
    grab = (struct grab_event){.grab_id = 1, .user_id = 1, .coupon_id = 1};
    assert_round_trip(&stream_grabs, &grab, true);
    strcpy(grab.try_key, "a\"b\\c"); /* escaped in JSON: the parser's */
    assert_round_trip(&stream_grabs, &grab, false);
    grab_event_cancel(&grab, 10, 20, 30, 40, 50, "try/1");
    assert_round_trip(&stream_grabs, &grab, true);
    grab_event_barrier(&grab, 7, "0123456789abcdef");
    assert_round_trip(&stream_grabs, &grab, true);
}

static void a_barrier_that_no_epoch_can_pass_is_no_record(void **state)
{
    (void)state;
    struct grab_event event, read;
    struct err err = {0};
    for (int above = 0; above < 2; above++) {
        struct buf json = {0};
        grab_event_barrier(&event, above ? EPOCH_MAX + 1 : EPOCH_MAX, "by");
        codec_write(&stream_grabs, &event, &json);
        assert_int_equal(codec_read(&stream_grabs, "0", 1, json.data, json.len, &read, &err), !above);
        buf_free(&json);
    }
    assert_int_equal(err.kind, ERR_DATA);
    assert_non_null(strstr(err.text, "epoch of the barrier"));
}

static void readings_come_back_as_they_were(void **state)
{
    (void)state;
    static const double values[] = {0,
                                    -0.0,
                                    1,
                                    -1,
                                    0.1,
                                    -273.15,
                                    1e300,
                                    -4.9e-324,
                                    123456789012345678.0,
                                    99999999999999984.0,
                                    1e16,
                                    9007199254740993.0};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct reading_event reading;
        memset(&reading, 0, sizeof reading);
        reading.reading_id = 5;
        reading.value = values[i];
        reading.taken_at = INT64_C(1795132800123);
        strcpy(reading.sensor_id, "hall-7/north");
        strcpy(reading.metric, "temperature in C");
        char scanned[STREAM_EVENT_BYTES_MAX];
        struct buf json = {0};
        codec_write(&stream_readings, &reading, &json);
        bool scans = codec_scan(&stream_readings, json.data, json.len, scanned);
        buf_free(&json);
        assert_round_trip(&stream_readings, &reading, scans);
    }
}

static void metrics_may_be_any_text(void **state)
{
    (void)state;
    struct reading_event reading;
    memset(&reading, 0, sizeof reading);
    reading.reading_id = 5;
    strcpy(reading.sensor_id, "s");
    strcpy(reading.metric, "\xe6\xb8\xa9\xe5\xba\xa6 \"T\"\n");
    assert_round_trip(&stream_readings, &reading, false);
}

/* Not canonical, and good all the same. */
static const char *const loose[] = {
    "{\"try_key\":null,\"epoch\":4,\"room_id\":3,\"coupon_id\":2,\"user_id\":1,\"grab_id\":\"9007199254740993\","
    "\"type\":\"grab\",\"v\":1}",
    HEAD_TEXT "\"user_id\":1,\"coupon_id\":2,\"room_id\":3,\"epoch\":4}",
    HEAD_TEXT "\"user_id\":1,\"coupon_id\":2,\"room_id\":3,\"epoch\":4,\"try_key\":null,\"new\":{\"a\":[1]}}",
    " " RECORD,
    RECORD "\n",
    HEAD_TEXT "\"user_id\": 1,\"coupon_id\":2,\"room_id\":3,\"epoch\":4,\"try_key\":null}",
    "{\"v\":1,\"type\":\"gr\\u0061b\",\"grab_id\":\"9007199254740993\",\"user_id\":1,\"coupon_id\":2,\"room_id\":3,"
    "\"epoch\":4,\"try_key\":null}",
};

static void any_order_and_unknown_fields_are_read(void **state)
{
    (void)state;
    struct grab_event wanted, event;
    struct err err = {0};
    assert_true(codec_scan(&stream_grabs, RECORD, strlen(RECORD), &wanted));
    for (size_t i = 0; i < sizeof loose / sizeof *loose; i++) {
        assert_false(codec_scan(&stream_grabs, loose[i], strlen(loose[i]), &event));
        if (!codec_read(&stream_grabs, "1", 1, loose[i], strlen(loose[i]), &event, &err))
            fail_msg("%s: %s", loose[i], err.text);
        assert_memory_equal(&event, &wanted, sizeof event);
    }
}

#define WITH(user, coupon, room, epoch, try)                                                                           \
    HEAD_TEXT "\"user_id\":" user ",\"coupon_id\":" coupon ",\"room_id\":" room ",\"epoch\":" epoch                    \
              ",\"try_key\":" try "}"
#define K16 "kkkkkkkkkkkkkkkk"

/* What is wrong, and a word of the sentence that says so. */
static const struct {
    const char *json;
    const char *says;
} wrong[] = {
    {"", "not JSON"},
    {"nonsense", "not JSON"},
    {"{\"v\":1", "not JSON"},
    {RECORD "x", "not JSON"},
    {RECORD RECORD, "not JSON"},
    {"[]", "not a JSON object"},
    {"1", "not a JSON object"},
    {"null", "not a JSON object"},
    {"{}", "v must be 1"},
    {"{\"v\":2,\"type\":\"grab\"}", "v must be 1"},
    {"{\"v\":\"1\",\"type\":\"grab\"}", "v must be 1"},
    {"{\"v\":1.0,\"type\":\"grab\"}", "v must be 1"},
    {"{\"v\":1}", "type"},
    {"{\"v\":1,\"type\":\"\"}", "type"},
    {"{\"v\":1,\"type\":\"grabs\"}", "type"},
    {"{\"v\":1,\"type\":7}", "type"},
    {"{\"v\":1,\"type\":\"grab\"}", "no user_id"},
    {"{\"v\":1,\"type\":\"grab\",\"user_id\":1,\"coupon_id\":2,\"room_id\":3,\"epoch\":4}", "no grab_id"},
    {"{\"v\":1,\"type\":\"grab\",\"grab_id\":5,\"user_id\":1,\"coupon_id\":2,\"room_id\":3,\"epoch\":4}",
     "grab_id must be a string"},
    {"{\"v\":1,\"type\":\"grab\",\"grab_id\":\"0\",\"user_id\":1,\"coupon_id\":2,\"room_id\":3,\"epoch\":4}",
     "grab_id"},
    {"{\"v\":1,\"type\":\"grab\",\"grab_id\":\"05\",\"user_id\":1,\"coupon_id\":2,\"room_id\":3,\"epoch\":4}",
     "grab_id"},
    {"{\"v\":1,\"type\":\"grab\",\"grab_id\":\"\",\"user_id\":1,\"coupon_id\":2,\"room_id\":3,\"epoch\":4}", "grab_id"},
    {"{\"v\":1,\"type\":\"grab\",\"grab_id\":\"-5\",\"user_id\":1,\"coupon_id\":2,\"room_id\":3,\"epoch\":4}",
     "grab_id"},
    {"{\"v\":1,\"type\":\"grab\",\"grab_id\":\"9223372036854775808\",\"user_id\":1,\"coupon_id\":2,\"room_id\":3,"
     "\"epoch\":4}",
     "grab_id"},
    {"{\"v\":1,\"type\":\"barrier\",\"user_id\":0,\"coupon_id\":0,\"room_id\":0,\"epoch\":4}", "no grab_id"},
    {WITH("0", "2", "3", "4", "null"), "user_id"},
    {WITH("-1", "2", "3", "4", "null"), "user_id"},
    {WITH("01", "2", "3", "4", "null"), "not JSON"},
    {WITH("+1", "2", "3", "4", "null"), "not JSON"},
    {WITH("1.0", "2", "3", "4", "null"), "user_id"},
    {WITH("1e3", "2", "3", "4", "null"), "user_id"},
    {WITH("\"1\"", "2", "3", "4", "null"), "user_id"},
    {WITH("null", "2", "3", "4", "null"), "user_id"},
    {WITH("true", "2", "3", "4", "null"), "user_id"},
    {WITH("9223372036854775808", "2", "3", "4", "null"), "not JSON"},
    {WITH("99999999999999999999", "2", "3", "4", "null"), "not JSON"},
    {WITH("1", "0", "3", "4", "null"), "coupon_id"},
    {WITH("1", "null", "3", "4", "null"), "coupon_id"},
    {WITH("1", "2", "4294967296", "4", "null"), "room_id"},
    {WITH("1", "2", "-1", "4", "null"), "room_id"},
    {WITH("1", "2", "3", "-4", "null"), "epoch"},
    {WITH("1", "2", "3", "\"4\"", "null"), "epoch"},
    {WITH("1", "2", "3", "4", "5"), "try_key"},
    {WITH("1", "2", "3", "4", "\"\""), "try_key"},
    {WITH("1", "2", "3", "4", "\"a b\""), "visible ASCII"},
    {WITH("1", "2", "3", "4", "\"\\u0000\""), "not JSON"},
    {WITH("1", "2", "3", "4", "\"\xc3\xa9\""), "visible ASCII"},
    {WITH("1", "2", "3", "4", "\"\xff\""), "not JSON"},
    {WITH("1", "2", "3", "4", "\"" K16 K16 K16 K16 "k\""), "try_key"},
    {WITH("1,\"user_id\":1", "2", "3", "4", "null"), "not JSON"},
};

static void wrong_records_are_refused_in_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct grab_event event;
        struct err err = {0};
        assert_false(codec_scan(&stream_grabs, wrong[i].json, strlen(wrong[i].json), &event));
        assert_false(codec_read(&stream_grabs, "1", 1, wrong[i].json, strlen(wrong[i].json), &event, &err));
        assert_int_equal(err.kind, ERR_DATA);
        if (strstr(err.text, wrong[i].says) == NULL)
            fail_msg("%s: '%s' does not say '%s'", wrong[i].json, err.text, wrong[i].says);
        for (const char *c = err.text; *c != '\0'; c++)
            assert_in_range(*c, 0x20, 0x7e);
    }
}

static void the_key_must_agree(void **state)
{
    (void)state;
    static const char *const keys[] = {"", "2", "11", "01", "1 ", "+1"};
    struct grab_event event;
    struct err err = {0};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        assert_false(codec_read(&stream_grabs, keys[i], strlen(keys[i]), RECORD, strlen(RECORD), &event, &err));
        assert_int_equal(err.kind, ERR_DATA);
    }
    assert_false(codec_read(&stream_grabs, NULL, 0, RECORD, strlen(RECORD), &event, &err));
    assert_false(codec_read(&stream_grabs, "1", 1, NULL, 0, &event, &err));
    assert_true(codec_read(&stream_grabs, "1", 1, RECORD, strlen(RECORD), &event, &err));
    struct buf json = {0};
    grab_event_barrier(&event, 7, "by");
    codec_write(&stream_grabs, &event, &json);
    assert_true(codec_read(&stream_grabs, NULL, 0, json.data, json.len, &event, &err));
    assert_int_equal(event.kind, RECORD_BARRIER);
    buf_free(&json);
}

static void a_stream_has_only_its_own_types(void **state)
{
    (void)state;
    struct reading_event event;
    struct err err = {0};
    const char json[] = "{\"v\":1,\"type\":\"cancel\",\"reading_id\":\"5\",\"sensor_id\":\"s\",\"metric\":\"m\","
                        "\"value\":1,\"taken_at\":1}";
    assert_false(codec_read(&stream_readings, "s", 1, json, strlen(json), &event, &err));
    assert_non_null(strstr(err.text, "type"));
}

/* One byte changed, removed or doubled, anywhere: what the scanner takes, the parser takes too, and as the same
 * event. */
static void scanner_and_parser_never_differ(void **state)
{
    (void)state;
    static const char *const seeds[] = {
        RECORD,
        "{\"v\":1,\"type\":\"cancel\",\"grab_id\":\"10\",\"user_id\":20,\"coupon_id\":30,\"room_id\":0,\"epoch\":50,"
        "\"try_key\":\"try/1\"}",
        "{\"v\":1,\"type\":\"reading\",\"reading_id\":\"5\",\"sensor_id\":\"s-1\",\"metric\":\"m\",\"value\":-1.5e+10,"
        "\"taken_at\":17}",
    };
    int taken = 0;
    srand(20261120);
    for (int round = 0; round < 60000; round++) {
        static const char letters[] = "0123456789\"\\,:.-+eE{}nul \x01\xc3\x7f";
        char json[300], scanned[STREAM_EVENT_BYTES_MAX], parsed[STREAM_EVENT_BYTES_MAX];
        const char *seed = seeds[round % 3];
        const struct stream *stream = round % 3 == 2 ? &stream_readings : &stream_grabs;
        size_t len = strlen(seed), at = (size_t)rand() % len;
        memcpy(json, seed, len);
        if (round / 3 % 3 == 0)
            json[at] = letters[(size_t)rand() % (sizeof letters - 1)];
        else if (round / 3 % 3 == 1)
            memmove(json + at, json + at + 1, --len - at);
        else
            memmove(json + at + 1, json + at, len++ - at);
        struct err err = {0};
        if (!codec_scan(stream, json, len, scanned))
            continue;
        taken++;
        if (!codec_parse(stream, json, len, parsed, &err))
            fail_msg("%.*s: %s", (int)len, json, err.text);
        assert_memory_equal(scanned, parsed, stream->event_size);
    }
    assert_true(taken > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_grab_looks_like_this),
        cmocka_unit_test(grabs_come_back_as_they_were),
        cmocka_unit_test(a_barrier_that_no_epoch_can_pass_is_no_record),
        cmocka_unit_test(readings_come_back_as_they_were),
        cmocka_unit_test(metrics_may_be_any_text),
        cmocka_unit_test(any_order_and_unknown_fields_are_read),
        cmocka_unit_test(wrong_records_are_refused_in_words),
        cmocka_unit_test(the_key_must_agree),
        cmocka_unit_test(a_stream_has_only_its_own_types),
        cmocka_unit_test(scanner_and_parser_never_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
