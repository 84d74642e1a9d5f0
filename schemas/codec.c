#include "schemas/codec.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

static void write_f64(double n, struct buf *json)
{
    assert(isfinite(n));
    if (n == 0)
        buf_append_str(json, signbit(n) ? "-0.0" : "0"); /* "-0" would come back as the integer 0 */
    else
        buf_printf(json, "%.17g", n);
}

static void write_column(const struct column *column, const void *event, struct buf *json)
{
    struct value value = stream_value(column, event);
    const char *quote = column->roles & COLUMN_ID_TEXT ? "\"" : "";
    buf_append(json, column->wire, column->wire_len);
    switch (value.type) {
    case VALUE_NULL:
        buf_append_str(json, "null");
        return;
    case VALUE_U64:
        buf_append_str(json, quote);
        buf_append_u64(json, value.u64);
        buf_append_str(json, quote);
        return;
    case VALUE_I64:
    case VALUE_TIME_MS:
        buf_append_i64(json, value.i64);
        return;
    case VALUE_F64:
        write_f64(value.f64, json);
        return;
    case VALUE_TEXT:
        buf_append_json(json, value.text, value.len);
        return;
    }
}

void codec_write(const struct stream *stream, const void *event, struct buf *ret_json)
{
    const char *kind = stream->kind_name[stream_kind(stream, event)];
    assert(kind != NULL);
    buf_append_str(ret_json, "{\"v\":");
    buf_append_u64(ret_json, stream->version);
    buf_append_str(ret_json, ",\"type\":\"");
    buf_append_str(ret_json, kind);
    buf_append_char(ret_json, '"');
    write_column(stream_column_of(stream, COLUMN_ID), event, ret_json);
    for (size_t i = 0; i < stream->column_count; i++)
        if ((stream->columns[i].roles & (COLUMN_WIRE | COLUMN_ID)) == COLUMN_WIRE)
            write_column(&stream->columns[i], event, ret_json);
    buf_append_char(ret_json, '}');
}

void codec_write_key(const struct stream *stream, const void *event, struct buf *ret_key)
{
    struct value key = stream_value(stream_column_of(stream, COLUMN_KEY), event);
    if (key.type == VALUE_TEXT)
        buf_append(ret_key, key.text, key.len);
    else
        buf_append_u64(ret_key, key.u64);
}

static bool key_agrees(const struct stream *stream, const void *event, const char *key, size_t key_len)
{
    struct value value = stream_value(stream_column_of(stream, COLUMN_KEY), event);
    char digits[20]; /* 2^64 - 1 has 20 */
    size_t at = sizeof digits;
    if (value.type != VALUE_TEXT) {
        do
            digits[--at] = (char)('0' + value.u64 % 10);
        while ((value.u64 /= 10) != 0);
        value = value_text(digits + at, sizeof digits - at);
    }
    return key_len == value.len && memcmp(key, value.text, key_len) == 0;
}

bool codec_read(const struct stream *stream, const char *key, size_t key_len, const char *json, size_t len,
                void *ret_event, struct err *err)
{
    if (json == NULL)
        return err_set(err, ERR_DATA, "the record has no value");
    if (!codec_scan(stream, json, len, ret_event) && !codec_parse(stream, json, len, ret_event, err))
        return false;
    const bool barrier = stream_kind(stream, ret_event) == RECORD_BARRIER;
    if (barrier && stream_epoch(stream, ret_event) > EPOCH_MAX)
        return err_set(err, ERR_DATA, "the epoch of the barrier is above %" PRIu64, EPOCH_MAX);
    if (barrier || (key != NULL && key_agrees(stream, ret_event, key, key_len)))
        return true;
    return err_set(err, ERR_DATA, "the record's key is not its %s", stream->key_column);
}
