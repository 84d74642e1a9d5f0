/* Decoding of percent-escapes and query strings (RFC 3986, and application/x-www-form-urlencoded for '+'), and the rules
 * for request ids and for a body's length. No I/O. */
#include "core/http_text.h"
#include <string.h>
#include <strings.h>

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int http_escape_value(const char *text, size_t len)
{
    if (len < 3)
        return -1;
    int high = hex_value(text[1]);
    int low = hex_value(text[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* `word` is lower case. Most lines differ in their first letter. */
static bool begins_with(const char *line, const char *end, const char *word)
{
    size_t len = strlen(word);
    return (size_t)(end - line) >= len && (*line | 0x20) == *word && strncasecmp(line, word, len) == 0;
}

bool http_framed_once(struct text head)
{
    const char *end = head.data + head.len;
    int count = 0;
    bool framing = false; /* the line before was such a header */
    for (const char *at = head.data; at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL;) {
        at++;
        bool folded = at < end && (*at == ' ' || *at == '\t');
        framing = (framing && folded) || begins_with(at, end, "content-length:") ||
                  begins_with(at, end, "transfer-encoding:");
        count += framing;
    }
    return count <= 1;
}

long http_decode(char *text, size_t len, bool plus_is_space)
{
    size_t out = 0;
    for (size_t at = 0; at < len; at++) {
        int byte = (unsigned char)text[at];
        if (byte == '%') {
            byte = http_escape_value(text + at, len - at);
            if (byte < 0)
                return -1;
            at += 2;
        } else if (byte == '+' && plus_is_space) {
            byte = ' ';
        }
        text[out++] = (char)byte;
    }
    return (long)out;
}

bool http_escapes_valid(struct text text)
{
    for (size_t at = 0; at < text.len; at++)
        if (text.data[at] == '%' && http_escape_value(text.data + at, text.len - at) < 0)
            return false;
    return true;
}

/* `raw` decodes to `name`; a broken escape is equal to nothing. */
static bool name_is(struct text raw, const char *name)
{
    size_t at = 0;
    for (; at < raw.len && *name != '\0'; at++, name++) {
        int byte = (unsigned char)raw.data[at];
        if (byte == '%') {
            byte = http_escape_value(raw.data + at, raw.len - at);
            at += 2;
        } else if (byte == '+') {
            byte = ' ';
        }
        if (byte != (unsigned char)*name)
            return false;
    }
    return at == raw.len && *name == '\0';
}

bool http_query_find(struct text query, const char *name, struct text *ret_value)
{
    const char *end = query.data + query.len;
    for (const char *at = query.data; at < end;) {
        const char *stop = memchr(at, '&', (size_t)(end - at));
        if (stop == NULL)
            stop = end;
        const char *equal = memchr(at, '=', (size_t)(stop - at));
        const char *name_end = equal == NULL ? stop : equal;
        if (name_is((struct text){at, (size_t)(name_end - at)}, name)) {
            const char *value = equal == NULL ? stop : equal + 1;
            *ret_value = (struct text){value, (size_t)(stop - value)};
            return true;
        }
        at = stop + 1;
    }
    return false;
}

bool http_id_valid(struct text id)
{
    if (id.len < 1 || id.len > HTTP_ID_BYTES_MAX)
        return false;
    for (size_t i = 0; i < id.len; i++)
        if (id.data[i] < 0x20 || id.data[i] > 0x7e)
            return false;
    return true;
}

/* splitmix64 (Steele, Lea, Flood 2014): a counter, mixed. */
static uint64_t mix_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void http_id_make(uint64_t state[2], char ret_id[HTTP_ID_MADE_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    for (int half = 0; half < 2; half++) {
        uint64_t bits = mix_next(&state[half]);
        for (int i = 0; i < 16; i++, bits >>= 4)
            ret_id[half * 16 + i] = digits[bits & 15];
    }
}

const char *http_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } known[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {409, "Conflict"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].status == status)
            return known[i].reason;
    return "Status";
}
