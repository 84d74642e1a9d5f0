/* The rules of request headers. The input is a token, a NUL, and a header's value.
 *
 * Must hold: a media type that is taken begins with application/json in any case; a traceparent and a try key that are
 * taken are visible ASCII of the lengths that the log and the stock count on, and a try key holds nothing that would
 * part two claims; a bearer token is taken exactly when it is the token, and never when that is empty; a request id
 * that is taken can be written into a header and a log line as it is. */
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
    free(value);
    free(token);
    return 0;
}
