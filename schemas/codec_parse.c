/* The parser: any JSON object that holds the fields, in any order, with unknown ones beside them. Slow and strict; it
 * also says what is wrong. */
#include "schemas/codec.h"
#include "schemas/codec_parts.h"

#include "protocol/ids.h"

#include <inttypes.h>
#include <jansson.h>

static bool range_error(const struct column *column, enum record_kind kind, struct err *err)
{
    const char *what = column->roles & COLUMN_ID_TEXT ? "a string of decimal digits" : "an integer";
    return err_set(err, ERR_DATA, "the record's %s must be %s, %" PRIu64 " to %" PRIu64, column->name, what,
                   codec_number_min(column, kind), codec_number_max(column));
}

/* 1..19 digits, no leading zero. */
static bool digits_of(const json_t *json, uint64_t *ret_number)
{
    const char *text = json_string_value(json);
    if (text == NULL)
        return false;
    size_t len = json_string_length(json);
    if (len == 1 && text[0] == '0') {
        *ret_number = 0;
        return true;
    }
    return text[0] != '0' && id_parse(text, len, ret_number);
}

static bool parse_number(const struct column *column, const json_t *json, enum record_kind kind, void *event,
                         struct err *err)
{
    uint64_t n = 0;
    bool good =
        column->roles & COLUMN_ID_TEXT ? digits_of(json, &n) : json_is_integer(json) && json_integer_value(json) >= 0;
    if (good && json_is_integer(json))
        n = (uint64_t)json_integer_value(json);
    if (!good || n < codec_number_min(column, kind) || n > codec_number_max(column))
        return range_error(column, kind, err);
    codec_store_number(column, n, event);
    return true;
}

static bool parse_f64(const struct column *column, const json_t *json, void *event, struct err *err)
{
    if (!json_is_number(json))
        return err_set(err, ERR_DATA, "the record's %s must be a number", column->name);
    double n = json_number_value(json);
    memcpy((char *)event + column->offset, &n, sizeof n);
    return true;
}

static bool parse_text(const struct column *column, const json_t *json, void *event, struct err *err)
{
    const char *text = json_string_value(json);
    size_t len = text != NULL ? json_string_length(json) : 0;
    if (len == 0 || len >= column->size)
        return err_set(err, ERR_DATA, "the record's %s must be a string of 1 to %zu bytes%s", column->name,
                       column->size - 1, column->roles & COLUMN_NULLABLE ? ", or null" : "");
    for (size_t i = 0; (column->roles & COLUMN_ASCII) && i < len; i++)
        if (!codec_char_ok(column, text[i]))
            return err_set(err, ERR_DATA, "the record's %s must be visible ASCII; byte %zu is not", column->name,
                           i + 1);
    memcpy((char *)event + column->offset, text, len);
    return true;
}

static bool parse_column(const struct column *column, const json_t *object, enum record_kind kind, void *event,
                         struct err *err)
{
    const json_t *json = json_object_get(object, column->name);
    if ((column->roles & COLUMN_NULLABLE) && (json == NULL || json_is_null(json)))
        return true;
    if (json == NULL)
        return err_set(err, ERR_DATA, "the record has no %s", column->name);
    if (column->type == COLUMN_TEXT)
        return parse_text(column, json, event, err);
    if (column->type == COLUMN_F64)
        return parse_f64(column, json, event, err);
    return parse_number(column, json, kind, event, err);
}

static bool parse_kind(const struct stream *stream, const json_t *object, enum record_kind *ret_kind, struct err *err)
{
    const json_t *version = json_object_get(object, "v");
    if (!json_is_integer(version) || json_integer_value(version) != (json_int_t)stream->version)
        return err_set(err, ERR_DATA, "the record's v must be %" PRIu32 ", the version of stream %s that is read here",
                       stream->version, stream->name);
    const char *type = json_string_value(json_object_get(object, "type"));
    for (int kind = RECORD_DATA; type != NULL && kind <= RECORD_BARRIER; kind++)
        if (stream->kind_name[kind] != NULL && strcmp(type, stream->kind_name[kind]) == 0) {
            *ret_kind = (enum record_kind)kind;
            return true;
        }
    return err_set(err, ERR_DATA, "the record's type is none of stream %s's", stream->name);
}

static bool parse_object(const struct stream *stream, const json_t *object, void *event, struct err *err)
{
    enum record_kind kind = RECORD_DATA;
    if (!json_is_object(object))
        return err_set(err, ERR_DATA, "the record is not a JSON object");
    if (!parse_kind(stream, object, &kind, err))
        return false;
    memset(event, 0, stream->event_size);
    ((uint8_t *)event)[stream->kind_offset] = (uint8_t)kind;
    for (size_t i = 0; i < stream->column_count; i++)
        if ((stream->columns[i].roles & COLUMN_WIRE) && !parse_column(&stream->columns[i], object, kind, event, err))
            return false;
    return true;
}

/* The parser quotes the record, and may cut it inside a character; the sentence goes into a table, so it must be plain
 * text. */
static bool syntax_error(json_error_t *where, struct err *err)
{
    for (char *c = where->text; *c != '\0'; c++)
        if (*c < 0x20 || *c > 0x7e)
            *c = '?';
    return err_set(err, ERR_DATA, "the record is not JSON (byte %d): %s", where->position, where->text);
}

bool codec_parse(const struct stream *stream, const char *json, size_t len, void *ret_event, struct err *err)
{
    json_error_t where;
    json_t *object = json_loadb(json, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &where);
    if (object == NULL)
        return syntax_error(&where, err);
    bool good = parse_object(stream, object, ret_event, err);
    json_decref(object);
    return good;
}
