/* What is wrong with a link, or with one connection of it; and how that is written in a command.
 *
 *     delay_ms=200 direction=down     swallow=1 match=COMMIT then=cut     black_hole=1     cut_after=100 direction=up
 *     cut_request=1 match=COMMIT
 *
 * Pure. A zeroed struct fault is a link in health.
 */
#ifndef WEIR_PROXY_FAULT_H
#define WEIR_PROXY_FAULT_H

#include "core/buf.h"
#include "core/err.h"
#include <stdint.h>

enum direction { UP, DOWN, DIRECTIONS }; /* UP: from the client to the server, DOWN: back */

static inline enum direction direction_other(enum direction direction)
{
    return direction == UP ? DOWN : UP;
}

/* What a connection can be hit by, as counted. */
enum fault_kind {
    FAULT_DELAY,
    FAULT_THROTTLE,
    FAULT_BLACK_HOLE,
    FAULT_HOLD,
    FAULT_REJECT,
    FAULT_CUT,
    FAULT_SWALLOW,
    FAULT_RESET,
    FAULT_HALF_CLOSE,
    FAULT_KINDS
};
extern const char *const fault_kind_names[FAULT_KINDS];

enum { FAULT_MATCH_BYTES_MAX = 64 };
#define FAULT_SWALLOW_ALL UINT64_MAX

struct fault {
    uint64_t delay_ms[DIRECTIONS];
    uint64_t bytes_per_s[DIRECTIONS]; /* 0: as fast as it goes */
    uint64_t black_hole[DIRECTIONS];  /* bytes and ends of stream vanish */
    uint64_t hold[DIRECTIONS];        /* bytes wait until the fault is healed */
    uint64_t cut_after[DIRECTIONS];   /* bytes, counted from the command or the connection's begin; 0: never */
    uint64_t refuse;                  /* nobody listens: connection refused */
    uint64_t cut_request; /* requests that are still to be cut off behind `match`, where they have it in one piece */
    uint64_t reject;      /* new connections are accepted and reset at once */
    uint64_t swallow;     /* answers that are still to be swallowed */
    bool swallow_cut;     /* cut the connection when the answer comes, instead of keeping silent */
    size_t match_len;     /* only requests that hold `match`; 0: any bytes are a request */
    char match[FAULT_MATCH_BYTES_MAX];
};

/* Adds what `words` says (blank separated, cut up in place) to `fault`, which stays as it was on an error. */
WEIR_MUST_USE bool fault_parse(char *words, struct fault *fault, struct err *err);
/* "up" or "down". */
WEIR_MUST_USE bool direction_parse(const char *text, enum direction *ret_direction);
/* What is set, as a JSON object. */
void fault_render(const struct fault *fault, struct buf *out);
/* The usage of the words, for --help. */
extern const char fault_help[];

/* Looks for `match` in a stream that comes in pieces; `tail` (zeroed at the begin) carries what a match may have begun
 * with. */
struct fault_scan {
    size_t len;
    char bytes[FAULT_MATCH_BYTES_MAX];
};
WEIR_MUST_USE bool fault_matches(const struct fault *fault, struct fault_scan *scan, const char *data, size_t len);

#endif
