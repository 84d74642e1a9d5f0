/* The pure rules of HTTP text that core/http*.c shares with its tests: query strings, request ids, status phrases. */
#ifndef WEIR_CORE_HTTP_TEXT_H
#define WEIR_CORE_HTTP_TEXT_H

#include "core/http.h"
#include <stdbool.h>

enum { HTTP_ID_BYTES_MAX = 128, HTTP_ID_MADE_BYTES = 32 };

/* 1..128 printable ASCII characters: what may be echoed into a header and a log line as it came. */
bool http_id_valid(struct text id);
/* 32 hex digits of a generator that is seeded once a thread; unique enough to find a line in a log, no secret. */
void http_id_make(uint64_t state[2], char ret_id[HTTP_ID_MADE_BYTES]);

/* One header of `head` (lines as they came) at most says where the body ends: RFC 9112, 6.3 has a second length refused,
 * and a length beside a Transfer-Encoding counts as one, for whoever stands before us may have gone by the other. A line
 * that continues one of them (obs-fold, 5.2) counts too. */
bool http_framed_once(struct text head);

/* Every '%' is followed by two hex digits. */
bool http_escapes_valid(struct text text);
/* Looks up `name` in `a=b&c=d`; answers the raw, still encoded value. A name without '=' has the empty value. The names
 * are decoded for the comparison. */
bool http_query_find(struct text query, const char *name, struct text *ret_value);

const char *http_reason(int status); /* "OK", "Not Found"; "Status" for what is not in the table */

/* The byte that `text` (at '%', `len` bytes left) stands for, or -1. */
int http_escape_value(const char *text, size_t len);

#endif
