/* Which route a request line means: pure matching, no I/O and no allocation. */
#ifndef WEIR_CORE_HTTP_ROUTE_H
#define WEIR_CORE_HTTP_ROUTE_H

#include "core/http.h"
#include <stdbool.h>

enum { HTTP_PARAMS_MAX = 4, HTTP_ALLOW_BYTES_MAX = 64 };

struct http_target {
    struct text path;  /* begins with '/', raw */
    struct text query; /* after the '?', raw; empty when there is none */
};

/* Splits what stands in the request line; also the absolute form "http://host/path" (RFC 9112, 3.2.2). The fragment,
 * which no client should send, belongs to the query. */
struct http_target http_target_split(struct text target);

/* Does `path` fit `pattern`? Brace parts go to `ret_params`, still encoded; it is undefined after a false. */
bool http_path_match(const char *pattern, struct text path, struct text ret_params[HTTP_PARAMS_MAX]);

struct http_match {
    const struct http_route *route; /* NULL: not found, or not by this method */
    bool path_known;
    bool head; /* the answer has no body */
    struct text params[HTTP_PARAMS_MAX];
    int param_count;
    char allow[HTTP_ALLOW_BYTES_MAX]; /* "GET, HEAD"; set when path_known && route == NULL */
};
void http_route_find(const struct http_route *routes, size_t count, struct text method, struct text path,
                     struct http_match *ret_match);

#endif
