/* Percent-escapes and query strings. The input is a name, a NUL, and a text.
 *
 * Must hold: a text decodes exactly when its escapes are whole, and never grows; escaped byte for byte, it decodes to
 * itself; a query string that begins with a pair answers that pair's value, whatever follows it; what is found lies
 * within the query string. */
#include "core/http_text.h"
#include "tests/fuzz/fuzz.h"

#include "core/buf.h"

static void append_escaped(struct buf *out, const char *text, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        const unsigned char byte = (unsigned char)text[i];
        const char escape[] = {'%', hex[byte >> 4], hex[byte & 15]};
        buf_append(out, escape, sizeof escape);
    }
}

static void check_decoded(const char *escaped, size_t escaped_len, const char *text, size_t len)
{
    char *copy = fuzz_bytes((const uint8_t *)escaped, escaped_len);
    long decoded = http_decode(copy, escaped_len, true);
    assert(decoded == (long)len && (len == 0 || memcmp(copy, text, len) == 0));
    free(copy);
}

static void check_pair(const char *name, const char *text, size_t len)
{
    struct buf query = {0};
    struct text value;
    append_escaped(&query, name, strlen(name));
    buf_append_char(&query, '=');
    append_escaped(&query, text, len);
    buf_append_char(&query, '&');
    buf_append(&query, text, len);
    assert(http_query_find((struct text){query.data, query.len}, name, &value));
    assert(value.data >= query.data && value.data + value.len <= query.data + query.len);
    check_decoded(value.data, value.len, text, len);
    buf_free(&query);
}

static void check_found(const char *name, const char *text, size_t len)
{
    struct text value;
    if (http_query_find((struct text){text, len}, name, &value))
        assert(value.data >= text && value.data + value.len <= text + len &&
               memchr(value.data, '&', value.len) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input(data, size);
    char *name = fuzz_text(&input, NULL);
    size_t len = fuzz_left(&input);
    char *text = fuzz_bytes(input.at, len), *copy = fuzz_bytes(input.at, len);
    long decoded = http_decode(copy, len, true);
    assert((decoded >= 0) == http_escapes_valid((struct text){text, len}));
    assert(decoded <= (long)len);
    check_found(name, text, len);
    check_pair(name, text, len);
    free(copy);
    free(text);
    free(name);
    return 0;
}
