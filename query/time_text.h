/* RFC 3339 times of a request, as ms since 1970. Pure. */
#ifndef WEIR_QUERY_TIME_TEXT_H
#define WEIR_QUERY_TIME_TEXT_H

#include "core/err.h"
#include <stddef.h>
#include <stdint.h>

/* "2026-11-20T12:00:00.123Z", "2026-11-20T20:00:00+08:00". A fraction of a millisecond is rounded up, so that "at or
 * after" and "before" stay exact for times of whole ms. A blank in the place of the offset's plus is taken for the
 * plus, which is what a query string that was not escaped makes of it. Leap seconds (:60) are refused: no row has such
 * a time. */
WEIR_MUST_USE bool time_text_parse(const char *text, size_t len, int64_t *ret_ms);

#endif
