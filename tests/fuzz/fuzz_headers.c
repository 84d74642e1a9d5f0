/* The rules of request headers. The input is a token, a NUL, and a header's value, which is a whole head, too.
 *
 * Must hold: a media type that is taken begins with application/json in any case; a traceparent and a try key that are
 * taken are visible ASCII of the lengths that the log and the stock count on, and a try key holds nothing that would
 * part two claims; a bearer token is taken exactly when it is the token, and never when that is empty; a request id
 * that is taken can be written into a header and a log line as it is; a head takes one header more that says where the
 * body ends exactly when it has none, and never two. */
#include "core/buf.h"
#include "core/http_text.h"
#include "ingest/admin_request.h"
#include "schemas/stock.h"
#include "tests/fuzz/fuzz.h"

#include <strings.h>

static bool visible(const char *text, size_t len, char from)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] < from || text[i] > 0x7e)
            return false;
    return true;
}

static void check_media_type(const char *value, size_t len)
{
    static const char want[] = "application/json";
    size_t at = 0;
    if (!request_is_json(value, len))
        return;
    while (at < len && (value[at] == ' ' || value[at] == '\t'))
        at++;
    assert(len - at >= sizeof want - 1 && strncasecmp(value + at, want, sizeof want - 1) == 0);
}

static void check_token(const char *value, size_t len, const char *token)
{
    static const char scheme[] = "bearer ";
    const size_t scheme_len = sizeof scheme - 1;
    bool same = token[0] != '\0' && len == scheme_len + strlen(token) && strncasecmp(value, scheme, scheme_len) == 0 &&
                memcmp(value + scheme_len, token, strlen(token)) == 0;
    assert(admin_token_ok(value, len, token) == same);
}

static bool holds(const char *text, size_t len, const char *word)
{
    const size_t word_len = strlen(word);
    for (size_t i = 0; i + word_len <= len; i++)
        if (strncasecmp(text + i, word, word_len) == 0)
            return true;
    return false;
}

static void check_framing(const char *head, size_t len)
{
    static const char length[] = "\ncontent-length:1", encoding[] = "\nTransfer-Encoding: x\r\n\r\n";
    struct buf longer = {0};
    bool none = !holds(head, len, "\ncontent-length:") && !holds(head, len, "\ntransfer-encoding:");
    bool once = http_framed_once((struct text){head, len});
    buf_append(&longer, head, len);
    buf_append_str(&longer, length);
    assert(http_framed_once((struct text){longer.data, longer.len}) == none && (once || !none));
    buf_append_str(&longer, encoding);
    assert(!http_framed_once((struct text){longer.data, longer.len}));
    buf_free(&longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input(data, size);
    char *token = fuzz_text(&input, NULL);
    size_t len = fuzz_left(&input);
    char *value = fuzz_bytes(input.at, len);
    check_media_type(value, len);
    if (request_is_traceparent(value, len))
        assert(len >= 55 && len <= 64 && visible(value, len, 0x21));
    assert(!!stock_try_key_ok(value, len) == (len >= 1 && len <= 64 && visible(value, len, 0x21)));
    assert(http_id_valid((struct text){value, len}) ==
           (len >= 1 && len <= HTTP_ID_BYTES_MAX && visible(value, len, 0x20)));
    check_token(value, len, token);
    check_framing(value, len);
    free(value);
    free(token);
    return 0;
}
