/* A question: what a request asks, checked. Pure: the path's parts and a way to look up the query string are handed in.
 *
 * What is wrong with it is a fault: an HTTP status, a code and a sentence. Nothing is guessed and nothing that would
 * weaken the answer is left out of sight: a parameter that promises something which is not offered (cursor, after) is a
 * fault, too.
 */
#ifndef WEIR_QUERY_QUESTION_H
#define WEIR_QUERY_QUESTION_H

#include "core/http.h"
#include "schemas/layout.h"
#include <stdint.h>

enum { QUESTION_LIMIT = 100, QUESTION_LIMIT_MAX = 1000, QUESTION_HOURS_MAX = 168 };

struct question_fault {
    int status;       /* 0: no fault */
    const char *code; /* a literal */
    char detail[500];
};

/* Where the query string's values come from: decoded, the first one of a name wins. */
struct question_source {
    bool (*get)(const void *arg, const char *name, struct text *ret_value);
    const void *arg;
};

/* What every read takes: ?layout= and ?partial=. */
struct question_mode {
    const struct layout *layout; /* forced; NULL: the one that is good at it */
    bool partial;                /* ?partial=allow: what there is, marked */
};
WEIR_MUST_USE bool question_read_mode(const struct question_source *source, struct question_mode *ret_mode,
                                      struct question_fault *fault);

enum question_kind { QUESTION_USER, QUESTION_ROOM, QUESTION_RANGE };

/* A list of rows, newest first. */
struct question {
    enum question_kind kind;
    struct question_mode mode;
    uint64_t subject;  /* user_id or room_id */
    uint64_t begin_id; /* grab_id at or after; 0: no bound */
    uint64_t end_id;   /* grab_id before; INT64_MAX: no bound */
    bool voids;        /* ?status=all */
    uint32_t limit;    /* rows, 1..QUESTION_LIMIT_MAX */
};
/* `subject` is the path's part, empty for QUESTION_RANGE, whose ?hours= counts back from `now_ms` (since 1970). */
WEIR_MUST_USE bool question_read_list(enum question_kind kind, struct text subject,
                                      const struct question_source *source, int64_t now_ms,
                                      struct question *ret_question, struct question_fault *fault);

/* GET /api/grab/{grab_id}?user=&epoch= */
struct question_status {
    struct question_mode mode;
    uint64_t grab_id;
    uint64_t user_id;
    uint64_t epoch;
};
WEIR_MUST_USE bool question_read_status(struct text grab_id, const struct question_source *source,
                                        struct question_status *ret_question, struct question_fault *fault);

/* GET /api/coupons?room_id=&limit= */
struct question_coupons {
    bool by_room;
    uint32_t room_id;
    uint32_t limit;
};
WEIR_MUST_USE bool question_read_coupons(const struct question_source *source, struct question_coupons *ret_question,
                                         struct question_fault *fault);

/* A number of the path: decimal, no sign, no leading zero, in min..max. `name` is what the sentence calls it. */
WEIR_MUST_USE bool question_read_id(struct text text, const char *name, uint64_t min, uint64_t max, uint64_t *ret_id,
                                    struct question_fault *fault);

/* The layout that answers `kind` unless one is forced. */
const struct layout *question_layout(enum question_kind kind);

#endif
