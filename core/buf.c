/* Growing byte buffers.
 *
 * Capacity doubles, so n appends cost O(n). Not for secrets: memory is not wiped. */
#include "core/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUF_FIRST_BYTES = 64 };

void buf_reserve(struct buf *buf, size_t more)
{
    assert(buf->data ? buf->len < buf->cap : buf->cap == 0 && buf->len == 0);
    size_t need;
    if (__builtin_add_overflow(buf->len, more, &need) || __builtin_add_overflow(need, (size_t)1, &need))
        need = SIZE_MAX; /* which cannot be had */
    if (need <= buf->cap)
        return;
    size_t cap = buf->cap > SIZE_MAX / 2 ? need : buf->cap * 2;
    if (cap < BUF_FIRST_BYTES)
        cap = BUF_FIRST_BYTES;
    if (cap < need)
        cap = need;
    buf->data = mem_grow(buf->data, cap);
    buf->cap = cap;
    buf->data[buf->len] = '\0';
}

void buf_append(struct buf *buf, const void *data, size_t len)
{
    buf_reserve(buf, len);
    if (len)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void buf_append_str(struct buf *buf, const char *text)
{
    buf_append(buf, text, strlen(text));
}

void buf_append_char(struct buf *buf, char c)
{
    buf_reserve(buf, 1);
    buf->data[buf->len++] = c;
    buf->data[buf->len] = '\0';
}

void buf_append_u64(struct buf *buf, uint64_t n)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    buf_append(buf, digits + at, sizeof digits - at);
}

void buf_append_i64(struct buf *buf, int64_t n)
{
    if (n < 0)
        buf_append_char(buf, '-');
    buf_append_u64(buf, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    buf_reserve(buf, 0);
    size_t room = buf->cap - buf->len;
    int need = vsnprintf(buf->data + buf->len, room, format, args);
    assert(need >= 0);
    if ((size_t)need >= room) {
        buf_reserve(buf, (size_t)need);
        need = vsnprintf(buf->data + buf->len, buf->cap - buf->len, format, again);
    }
    buf->len += (size_t)need;
    va_end(again);
    va_end(args);
}

size_t utf8_size(const char *text, size_t len)
{
    const unsigned char *t = (const unsigned char *)text;
    if (len == 0)
        return 0;
    if (t[0] < 0x80)
        return 1;
    size_t size = t[0] >= 0xC2 && t[0] <= 0xDF ? 2 : (t[0] & 0xF0) == 0xE0 ? 3 : t[0] >= 0xF0 && t[0] <= 0xF4 ? 4 : 0;
    if (size == 0 || len < size)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((t[i] & 0xC0) != 0x80)
            return 0;
    bool overlong = (t[0] == 0xE0 && t[1] < 0xA0) || (t[0] == 0xF0 && t[1] < 0x90);
    bool outside = (t[0] == 0xED && t[1] > 0x9F) || (t[0] == 0xF4 && t[1] > 0x8F); /* surrogates; past U+10FFFF */
    return overlong || outside ? 0 : size;
}

/* Escapes one control character: C0, DEL or C1 (the latter two are legal in JSON, but move a terminal's cursor). */
static void append_control(struct buf *buf, unsigned code)
{
    static const char short_form[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    if (code < sizeof short_form && short_form[code]) {
        buf_append_char(buf, '\\');
        buf_append_char(buf, short_form[code]);
        return;
    }
    buf_printf(buf, "\\u%04x", code);
}

/* U+2028 and U+2029, and U+FFFE and U+FFFF: 3 bytes each that JSON may hold, but the first two end a line of YAML 1.1,
 * and YAML has not the others. */
static unsigned not_of_yaml(const char *text, size_t size)
{
    static const unsigned codes[] = {0x2028, 0x2029, 0xFFFE, 0xFFFF};
    const unsigned char *t = (const unsigned char *)text;
    const unsigned code = size == 3 ? (t[0] & 0x0Fu) << 12 | (t[1] & 0x3Fu) << 6 | (t[2] & 0x3Fu) : 0;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (code == codes[i])
            return code;
    return 0;
}

/* Appends the first character of `text` and returns how many of its bytes that took. */
static size_t append_json_char(struct buf *buf, const char *text, size_t len)
{
    size_t size = utf8_size(text, len);
    unsigned char first = (unsigned char)text[0];
    if (size == 0) {
        buf_append(buf, "\xEF\xBF\xBD", 3);
        return 1;
    }
    if (first < 0x20 || first == 0x7F) {
        append_control(buf, first);
    } else if (first == 0xC2 && (unsigned char)text[1] < 0xA0) {
        append_control(buf, (unsigned char)text[1]);
    } else if (not_of_yaml(text, size) != 0) {
        append_control(buf, not_of_yaml(text, size));
    } else {
        if (first == '"' || first == '\\')
            buf_append_char(buf, '\\');
        buf_append(buf, text, size);
    }
    return size;
}

/* How many leading bytes need no escape: printable ASCII but for the quote and the backslash. */
static size_t plain_run(const char *text, size_t len)
{
    size_t at = 0;
    while (at < len && text[at] >= 0x20 && text[at] < 0x7F && text[at] != '"' && text[at] != '\\')
        at++;
    return at;
}

void buf_append_json(struct buf *buf, const char *text, size_t len)
{
    buf_append_char(buf, '"');
    while (len > 0) {
        size_t used = plain_run(text, len);
        if (used)
            buf_append(buf, text, used);
        else
            used = append_json_char(buf, text, len);
        text += used;
        len -= used;
    }
    buf_append_char(buf, '"');
}

void buf_reset(struct buf *buf)
{
    buf->len = 0;
    if (buf->data)
        buf->data[0] = '\0';
}

void buf_free(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){0};
}
