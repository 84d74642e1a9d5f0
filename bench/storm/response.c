/* The answer parser. One function a state; response_feed() is the loop that hands bytes to them.
 *
 *   bytes -> take_line -> on_status | on_header | on_chunk_size | on_trailer
 *         -> take_body (with a length, a chunk, or to the end of the connection) */
#include "bench/storm/response.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#define CHUNK_BYTES_MAX  (1ull << 30)
#define LENGTH_BYTES_MAX (1ull << 40)

void response_reset(struct response *r)
{
    /* The buffers are left as they are: clearing 10 KiB an answer would cost more than parsing it. */
    r->state = RESPONSE_AT_STATUS;
    r->status = 0;
    r->keep_alive = true;
    r->chunked = false;
    r->has_length = false;
    r->headers = 0;
    r->left = 0;
    r->body_bytes = 0;
    r->line_len = 0;
    r->body_len = 0;
    r->location[0] = '\0';
}

static enum response_progress response_fail(struct response *r)
{
    r->state = RESPONSE_AT_ERROR;
    return RESPONSE_BAD;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 OK"; the reason phrase may be missing. */
static bool on_status(struct response *r)
{
    const char *l = r->line;
    if (r->line_len < 12 || memcmp(l, "HTTP/1.", 7) != 0 || !is_digit(l[7]) || l[8] != ' ') {
        return false;
    }
    if (!is_digit(l[9]) || !is_digit(l[10]) || !is_digit(l[11]) || (r->line_len > 12 && l[12] != ' ')) {
        return false;
    }
    r->status = (l[9] - '0') * 100 + (l[10] - '0') * 10 + (l[11] - '0');
    r->keep_alive = l[7] != '0';
    r->state = RESPONSE_AT_HEADER;
    return r->status >= 100;
}

static bool parse_length(const char *text, uint64_t *ret_value)
{
    uint64_t value = 0;
    if (*text == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (!is_digit(*text)) {
            return false;
        }
        value = value * 10 + (uint64_t)(*text - '0');
        if (value > LENGTH_BYTES_MAX) {
            return false;
        }
    }
    *ret_value = value;
    return true;
}

static bool on_content_length(struct response *r, const char *value)
{
    uint64_t length = 0;
    if (!parse_length(value, &length) || (r->has_length && length != r->left)) {
        return false;
    }
    r->has_length = true;
    r->left = length;
    return true;
}

static bool header_take(struct response *r, const char *name, const char *value)
{
    if (strcasecmp(name, "content-length") == 0) {
        return on_content_length(r, value);
    }
    if (strcasecmp(name, "transfer-encoding") == 0) {
        r->chunked = true;
        return strcasecmp(value, "chunked") == 0;
    }
    if (strcasecmp(name, "connection") == 0) {
        if (strcasecmp(value, "close") == 0) {
            r->keep_alive = false;
        } else if (strcasecmp(value, "keep-alive") == 0) {
            r->keep_alive = true;
        }
    } else if (strcasecmp(name, "location") == 0 && strlen(value) < sizeof r->location) {
        strcpy(r->location, value);
    }
    return true;
}

/* The empty line: what follows is decided by RFC 9112, 6.3. */
static bool on_headers_end(struct response *r)
{
    if (r->status < 200) {
        response_reset(r);
        return true;
    }
    if (r->chunked && r->has_length) {
        return false;
    }
    if (r->status == 204 || r->status == 304) {
        r->state = RESPONSE_AT_END;
    } else if (r->chunked) {
        r->state = RESPONSE_AT_CHUNK_SIZE;
    } else if (r->has_length) {
        r->state = r->left > 0 ? RESPONSE_IN_BODY : RESPONSE_AT_END;
    } else {
        r->keep_alive = false;
        r->state = RESPONSE_IN_BODY_TO_END;
    }
    return true;
}

static bool on_header(struct response *r)
{
    if (r->line_len == 0) {
        return on_headers_end(r);
    }
    char *colon = memchr(r->line, ':', r->line_len);
    if (++r->headers > RESPONSE_HEADERS_MAX || colon == NULL || colon == r->line) {
        return false;
    }
    *colon = '\0';
    char *value = colon + 1 + strspn(colon + 1, " \t");
    for (char *end = r->line + r->line_len; end > value && (end[-1] == ' ' || end[-1] == '\t');) {
        *--end = '\0';
    }
    return header_take(r, r->line, value);
}

static int hex_value(char c)
{
    if (is_digit(c)) {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Hexadecimal size; an extension behind ';' is read over. */
static bool on_chunk_size(struct response *r)
{
    uint64_t size = 0;
    size_t i = 0;
    for (; i < r->line_len && hex_value(r->line[i]) >= 0; i++) {
        size = size * 16 + (uint64_t)hex_value(r->line[i]);
        if (size > CHUNK_BYTES_MAX) {
            return false;
        }
    }
    if (i == 0 || (i < r->line_len && r->line[i] != ';' && r->line[i] != ' ')) {
        return false;
    }
    r->left = size;
    r->state = size > 0 ? RESPONSE_IN_CHUNK : RESPONSE_AT_TRAILER;
    return true;
}

static bool on_trailer(struct response *r)
{
    if (r->line_len == 0) {
        r->state = RESPONSE_AT_END;
    }
    return ++r->headers <= 2 * RESPONSE_HEADERS_MAX;
}

static bool on_line(struct response *r)
{
    switch (r->state) {
    case RESPONSE_AT_STATUS:
        return on_status(r);
    case RESPONSE_AT_HEADER:
        return on_header(r);
    case RESPONSE_AT_CHUNK_SIZE:
        return on_chunk_size(r);
    case RESPONSE_AFTER_CHUNK:
        r->state = RESPONSE_AT_CHUNK_SIZE;
        return r->line_len == 0;
    case RESPONSE_AT_TRAILER:
        return on_trailer(r);
    default:
        return false;
    }
}

/* Collects one line in r->line (NUL-ended, without its line end) and hands it on. Returns the bytes taken; *ret_ok
 * is false when the line was too long or refused. */
static size_t take_line(struct response *r, const char *data, size_t len, bool *ret_ok)
{
    const char *newline = memchr(data, '\n', len);
    size_t part = newline != NULL ? (size_t)(newline - data) : len;
    *ret_ok = r->line_len + part < sizeof r->line;
    if (!*ret_ok) {
        return 0;
    }
    memcpy(r->line + r->line_len, data, part);
    r->line_len += part;
    if (newline == NULL) {
        return part;
    }
    if (r->line_len > 0 && r->line[r->line_len - 1] == '\r') {
        r->line_len--;
    }
    r->line[r->line_len] = '\0';
    *ret_ok = on_line(r);
    r->line_len = 0;
    return part + 1;
}

static void body_keep(struct response *r, const char *data, size_t len)
{
    size_t room = sizeof r->body - r->body_len;
    size_t kept = len < room ? len : room;
    memcpy(r->body + r->body_len, data, kept);
    r->body_len += kept;
    r->body_bytes += len;
}

static size_t take_body(struct response *r, const char *data, size_t len)
{
    if (r->state == RESPONSE_IN_BODY_TO_END) {
        body_keep(r, data, len);
        return len;
    }
    size_t part = len < r->left ? len : (size_t)r->left;
    body_keep(r, data, part);
    r->left -= part;
    if (r->left == 0) {
        r->state = r->state == RESPONSE_IN_CHUNK ? RESPONSE_AFTER_CHUNK : RESPONSE_AT_END;
    }
    return part;
}

static bool in_body(const struct response *r)
{
    return r->state == RESPONSE_IN_BODY || r->state == RESPONSE_IN_CHUNK || r->state == RESPONSE_IN_BODY_TO_END;
}

enum response_progress response_feed(struct response *r, const char *data, size_t len, size_t *ret_used)
{
    assert(r->state != RESPONSE_AT_END && r->state != RESPONSE_AT_ERROR);
    size_t used = 0;
    bool ok = true;
    while (ok && used < len && r->state != RESPONSE_AT_END) {
        if (in_body(r)) {
            used += take_body(r, data + used, len - used);
        } else {
            used += take_line(r, data + used, len - used, &ok);
        }
    }
    *ret_used = used;
    assert(used <= len);
    if (!ok) {
        return response_fail(r);
    }
    return r->state == RESPONSE_AT_END ? RESPONSE_DONE : RESPONSE_MORE;
}

enum response_progress response_close(struct response *r)
{
    if (r->state != RESPONSE_IN_BODY_TO_END) {
        return response_fail(r);
    }
    r->state = RESPONSE_AT_END;
    return RESPONSE_DONE;
}
