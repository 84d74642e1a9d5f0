/* One HTTP request and its answer, blocking (libcurl); for this tool only. HTTP/1.1, no redirects. One thread. */
#ifndef WEIR_OPS_CLI_HTTP_CALL_H
#define WEIR_OPS_CLI_HTTP_CALL_H

#include "core/buf.h"
#include "core/err.h"
#include <stdint.h>

enum { HTTP_ANSWER_BYTES_MAX = 4 * 1024 * 1024 };

struct http_call {
    const char *method;
    const char *url;
    const char *json;    /* NULL: no body */
    const char *token;   /* bearer; "" or NULL: none */
    const char *if_sent; /* said behind the error when something of the request had gone out; NULL: nothing */
    int64_t timeout_ms;
};

/* Any status is an answer. ERR_OUTAGE: nobody there, or no whole answer in time; then it is not known whether a request
 * that had been sent was carried out. `ret_body` is appended to; the caller frees it. */
WEIR_MUST_USE bool http_call(const struct http_call *call, int *ret_status, struct buf *ret_body, struct err *err);

#endif
