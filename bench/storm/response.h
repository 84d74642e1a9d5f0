/* One HTTP/1.1 answer, parsed as its bytes arrive.
 *
 * What: a state machine that is fed whatever recv() gave and says when the answer is whole. It keeps the status, the
 * first bytes of the body, the Location, and whether the connection may be used again.
 * Why: the generator must know an answer's end to the byte, and no HTTP client library of the system does that
 * without taking the event loop too.
 * Not: a general client. No trailers are kept, no compression, no upgrade; an answer that is ambiguous (two lengths, a
 * length and chunks) is refused, because a generator that guesses would report latencies of the wrong answers. Source:
 * RFC 9112, sections 2 to 7. Thread: whoever owns the struct. */
#ifndef WEIR_BENCH_STORM_RESPONSE_H
#define WEIR_BENCH_STORM_RESPONSE_H

#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESPONSE_LINE_BYTES_MAX     2048u
#define RESPONSE_HEADERS_MAX        100u
#define RESPONSE_BODY_BYTES_MAX     8192u
#define RESPONSE_LOCATION_BYTES_MAX 256u

enum response_progress { RESPONSE_MORE, RESPONSE_DONE, RESPONSE_BAD };

enum response_state {
    RESPONSE_AT_STATUS,
    RESPONSE_AT_HEADER,
    RESPONSE_IN_BODY,        /* `left` bytes of a body with a length */
    RESPONSE_IN_BODY_TO_END, /* until the server closes */
    RESPONSE_AT_CHUNK_SIZE,
    RESPONSE_IN_CHUNK,
    RESPONSE_AFTER_CHUNK, /* the line end behind a chunk's bytes */
    RESPONSE_AT_TRAILER,
    RESPONSE_AT_END,
    RESPONSE_AT_ERROR,
};

/* Plain memory; no pointers, so it needs no destructor.
 * Invariants: line_len < sizeof line; body_len <= sizeof body; body_len <= body_bytes. */
struct response {
    enum response_state state;
    int status;
    bool keep_alive;
    bool chunked;
    bool has_length;
    uint32_t headers; /* lines seen, bounded by RESPONSE_HEADERS_MAX */
    uint64_t left;    /* bytes of the body or of this chunk still to come */
    uint64_t body_bytes;
    size_t line_len;
    size_t body_len;
    char line[RESPONSE_LINE_BYTES_MAX];
    char body[RESPONSE_BODY_BYTES_MAX];         /* the first bytes; the rest is counted and dropped */
    char location[RESPONSE_LOCATION_BYTES_MAX]; /* "" when there was none or it was too long */
};

/* Makes r ready for the next answer. */
void response_reset(struct response *r);

/* Takes up to len bytes. ret_used says how many belonged to this answer; fewer than len only with RESPONSE_DONE (the
 * rest is not this answer's) or RESPONSE_BAD. Must not be called again after DONE or BAD without a reset. */
enum response_progress response_feed(struct response *r, const char *data, size_t len, size_t *ret_used) WEIR_MUST_USE;

/* The server closed. DONE when that is what ends this answer, else BAD. */
enum response_progress response_close(struct response *r) WEIR_MUST_USE;

#endif
