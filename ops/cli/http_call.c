#include "ops/cli/http_call.h"
#include "core/config.h"

#include <curl/curl.h>

static size_t take_body(char *data, size_t size, size_t count, void *arg)
{
    struct buf *body = arg;
    size_t len = size * count;
    if (body->len + len > HTTP_ANSWER_BYTES_MAX)
        return 0; /* curl then ends the transfer with an error */
    buf_append(body, data, len);
    return len;
}

static struct curl_slist *headers_of(const struct http_call *call)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Accept: application/json");
    if (call->json)
        headers = curl_slist_append(headers, "Content-Type: application/json");
    if (call->token && *call->token) {
        struct buf line = {0};
        buf_printf(&line, "Authorization: Bearer %s", call->token);
        headers = curl_slist_append(headers, line.data);
        buf_free(&line);
    }
    return headers;
}

static void set_up(CURL *curl, const struct http_call *call, const struct curl_slist *headers, struct buf *body)
{
    curl_easy_setopt(curl, CURLOPT_URL, call->url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* the services are ours: a proxy of the environment has no part in it */
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    if (call->json)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->json);
}

/* Where no byte of it went out, nobody has it. */
static bool was_sent(CURL *curl)
{
    long bytes = 0;
    return curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &bytes) == CURLE_OK && bytes > 0;
}

static bool fail(const struct http_call *call, CURLcode code, bool sent, struct err *err)
{
    struct buf url = {0};
    const char *more = sent && call->if_sent ? call->if_sent : "";
    bool wrong = code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL;
    config_append_url(&url, call->url);
    err_set_code(err, wrong ? ERR_USAGE : ERR_OUTAGE, (int)code,
                 wrong ? "%s is no URL that can be asked: %s%s%s" : "%s does not answer: %s%s%s", url.data,
                 curl_easy_strerror(code), *more ? "; " : "", more);
    buf_free(&url);
    return false;
}

bool http_call(const struct http_call *call, int *ret_status, struct buf *ret_body, struct err *err)
{
    long status = 0;
    CURL *curl = curl_easy_init();
    if (!curl)
        return err_set(err, ERR_INTERNAL, "libcurl gave no handle");
    struct curl_slist *headers = headers_of(call);
    set_up(curl, call, headers, ret_body);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    const bool sent = was_sent(curl);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    if (code != CURLE_OK)
        return fail(call, code, sent, err);
    *ret_status = (int)status;
    return true;
}
