/* The scanner: reads the one form that codec_write makes, in one pass, without allocation. Whatever is not exactly that
 * (other order, spaces, escapes, text that is not ASCII) is left to the parser; what is taken here, the parser takes
 * too, with the same event. */
#include "schemas/codec.h"
#include "schemas/codec_parts.h"

#include <math.h>
#include <stdlib.h>

enum { U63_DIGITS_MAX = 19, F64_CHARS_MAX = 31, F64_INTEGER_CHARS_MAX = 16 };

struct cursor {
    const char *at;
    const char *end;
};

static inline bool take(struct cursor *cursor, const char *text, size_t len)
{
    if ((size_t)(cursor->end - cursor->at) < len || memcmp(cursor->at, text, len) != 0)
        return false;
    cursor->at += len;
    return true;
}

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* No sign, no leading zero. */
static bool take_number(struct cursor *cursor, uint64_t min, uint64_t max, uint64_t *ret_number)
{
    const char *begin = cursor->at, *at = begin;
    uint64_t n = 0;
    for (; at < cursor->end && is_digit(*at); at++) {
        if (at - begin == U63_DIGITS_MAX)
            return false;
        n = n * 10 + (uint64_t)(*at - '0'); /* 19 digits stay below 2^64 */
    }
    if (at == begin || (*begin == '0' && at - begin > 1) || n < min || n > max)
        return false;
    cursor->at = at;
    *ret_number = n;
    return true;
}

static bool take_column_number(struct cursor *cursor, const struct column *column, enum record_kind kind, void *event)
{
    bool quoted = (column->roles & COLUMN_ID_TEXT) != 0;
    uint64_t n;
    if ((quoted && !take(cursor, "\"", 1)) ||
        !take_number(cursor, codec_number_min(column, kind), codec_number_max(column), &n) ||
        (quoted && !take(cursor, "\"", 1)))
        return false;
    codec_store_number(column, n, event);
    return true;
}

static bool take_text(struct cursor *cursor, const struct column *column, void *event)
{
    if ((column->roles & COLUMN_NULLABLE) && take(cursor, "null", 4))
        return true;
    if (!take(cursor, "\"", 1))
        return false;
    const char *begin = cursor->at, *at = begin;
    while (at < cursor->end && *at != '"') {
        if (*at == '\\' || !codec_char_ok(column, *at))
            return false;
        at++;
    }
    size_t len = (size_t)(at - begin);
    if (at == cursor->end || len == 0 || len >= column->size)
        return false;
    memcpy((char *)event + column->offset, begin, len);
    cursor->at = at + 1;
    return true;
}

/* Behind one digit or more, or NULL. */
static const char *digits_end(const char *at, const char *end)
{
    const char *begin = at;
    while (at < end && is_digit(*at))
        at++;
    return at == begin ? NULL : at;
}

/* The end of a JSON number (RFC 8259), or NULL. An integer that the parser would not read as this double ("-0", very
 * long) is no number here. */
static const char *number_end(const char *begin, const char *end)
{
    const char *at = begin + (begin < end && *begin == '-');
    const char *digits = at;
    at = digits_end(at, end);
    if (at == NULL || (*digits == '0' && at - digits > 1))
        return NULL;
    if (at == end || (*at != '.' && *at != 'e' && *at != 'E'))
        return at - begin > F64_INTEGER_CHARS_MAX || (*begin == '-' && *digits == '0') ? NULL : at;
    if (*at == '.' && (at = digits_end(at + 1, end)) == NULL)
        return NULL;
    if (at == end || (*at != 'e' && *at != 'E'))
        return at;
    at++;
    at += at < end && (*at == '+' || *at == '-');
    return digits_end(at, end);
}

static bool take_f64(struct cursor *cursor, const struct column *column, void *event)
{
    char text[F64_CHARS_MAX + 1];
    const char *end = number_end(cursor->at, cursor->end);
    if (end == NULL || end - cursor->at > F64_CHARS_MAX)
        return false;
    size_t len = (size_t)(end - cursor->at);
    memcpy(text, cursor->at, len);
    text[len] = '\0';
    double n = strtod(text, NULL);
    if (!isfinite(n))
        return false;
    memcpy((char *)event + column->offset, &n, sizeof n);
    cursor->at = end;
    return true;
}

static bool take_column(struct cursor *cursor, const struct column *column, enum record_kind kind, void *event)
{
    if (!take(cursor, column->wire, column->wire_len))
        return false;
    if (column->type == COLUMN_TEXT)
        return take_text(cursor, column, event);
    if (column->type == COLUMN_F64)
        return take_f64(cursor, column, event);
    return take_column_number(cursor, column, kind, event);
}

static bool take_head(struct cursor *cursor, const struct stream *stream, enum record_kind *ret_kind)
{
    static const char version[] = "{\"v\":", type[] = ",\"type\":\"";
    uint64_t v;
    if (!take(cursor, version, sizeof version - 1) || !take_number(cursor, stream->version, stream->version, &v) ||
        !take(cursor, type, sizeof type - 1))
        return false;
    for (int kind = RECORD_DATA; kind <= RECORD_BARRIER; kind++) {
        const char *name = stream->kind_name[kind];
        if (name != NULL && take(cursor, name, strlen(name))) {
            *ret_kind = (enum record_kind)kind;
            return take(cursor, "\"", 1); /* no name begins with another */
        }
    }
    return false;
}

bool codec_scan(const struct stream *stream, const char *json, size_t len, void *ret_event)
{
    struct cursor cursor = {.at = json, .end = json + len};
    enum record_kind kind;
    if (!take_head(&cursor, stream, &kind))
        return false;
    memset(ret_event, 0, stream->event_size);
    ((uint8_t *)ret_event)[stream->kind_offset] = (uint8_t)kind;
    if (!take_column(&cursor, stream_column_of(stream, COLUMN_ID), kind, ret_event))
        return false;
    for (size_t i = 0; i < stream->column_count; i++)
        if ((stream->columns[i].roles & (COLUMN_WIRE | COLUMN_ID)) == COLUMN_WIRE &&
            !take_column(&cursor, &stream->columns[i], kind, ret_event))
            return false;
    return take(&cursor, "}", 1) && cursor.at == cursor.end;
}
