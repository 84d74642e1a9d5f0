/* Records of the log. The first byte chooses the stream, the rest is a record's value.
 *
 * Must hold: what the scanner takes, the parser takes, with the same event to the last byte; what the parser takes is
 * written as a record that the scanner or the parser reads back as the same event, and writing it again gives the same
 * bytes; with its own key the record is read, and a key with a byte more is refused (barriers carry no key of theirs);
 * what is refused is refused with a sentence of plain text on one line. */
#include "schemas/codec.h"
#include "schemas/grabs.h"
#include "schemas/readings.h"
#include "tests/fuzz/fuzz.h"

static void check_sentence(const struct err *err)
{
    assert(err->kind == ERR_DATA && err->text[0] != '\0');
    for (const char *c = err->text; *c != '\0'; c++)
        assert(*c >= 0x20 && *c <= 0x7e);
}

static void check_key(const struct stream *stream, const void *event, const struct buf *json)
{
    char again[STREAM_EVENT_BYTES_MAX];
    struct buf key = {0};
    struct err err = {0};
    codec_write_key(stream, event, &key);
    assert(codec_read(stream, key.data, key.len, json->data, json->len, again, &err));
    assert(memcmp(again, event, stream->event_size) == 0);
    buf_append_char(&key, '0');
    bool taken = codec_read(stream, key.data, key.len, json->data, json->len, again, &err);
    assert(taken == (stream_kind(stream, event) == RECORD_BARRIER));
    buf_free(&key);
}

static void check_round_trip(const struct stream *stream, const void *event)
{
    char again[STREAM_EVENT_BYTES_MAX];
    struct buf json = {0}, twice = {0};
    struct err err = {0};
    codec_write(stream, event, &json);
    assert(codec_parse(stream, json.data, json.len, again, &err));
    assert(memcmp(again, event, stream->event_size) == 0);
    codec_write(stream, again, &twice);
    assert(twice.len == json.len && memcmp(twice.data, json.data, json.len) == 0);
    check_key(stream, event, &json);
    buf_free(&json);
    buf_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct stream *const streams[] = {&stream_grabs, &stream_readings};
    char scanned[STREAM_EVENT_BYTES_MAX], parsed[STREAM_EVENT_BYTES_MAX];
    struct fuzz_input input = fuzz_input(data, size);
    const struct stream *stream = streams[fuzz_byte(&input) % 2];
    size_t len = fuzz_left(&input);
    char *json = fuzz_bytes(input.at, len);
    struct err err = {0};
    memset(scanned, 0xaa, sizeof scanned);
    memset(parsed, 0x55, sizeof parsed);
    bool scan = codec_scan(stream, json, len, scanned);
    bool parse = codec_parse(stream, json, len, parsed, &err);
    assert(parse || !scan);
    if (scan)
        assert(memcmp(scanned, parsed, stream->event_size) == 0);
    if (parse)
        check_round_trip(stream, parsed);
    else
        check_sentence(&err);
    free(json);
    return 0;
}
