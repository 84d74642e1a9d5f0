/* What an ended request means: the HTTP contract's answer rules, read as a client reads them. Pure. */
#ifndef WEIR_BENCH_STORM_OUTCOME_H
#define WEIR_BENCH_STORM_OUTCOME_H

#include "bench/storm/client.h"

#define OUTCOME_REASON_BYTES_MAX  32u
#define OUTCOME_GRAB_ID_BYTES_MAX 64u

enum outcome_kind {
    OUTCOME_ACCEPTED_NEW, /* grab_status 1, not replayed */
    OUTCOME_REPLAYED,     /* grab_status 1 of an earlier try */
    OUTCOME_REFUSED,      /* grab_status 0 with a reason */
    OUTCOME_UNKNOWN,      /* 202: will be resolved at `location` */
    OUTCOME_READ_OK,      /* 200 to a read */
    OUTCOME_REJECTED_429,
    OUTCOME_REJECTED_503,
    OUTCOME_HTTP_OTHER, /* any other status */
    OUTCOME_BAD_ANSWER, /* 200 or 202 to a grab, but not an answer of the contract */
    OUTCOME_LOST,       /* a grab was sent and no answer came: as good as unknown, without a place to ask */
    OUTCOME_NO_ANSWER,  /* a read was sent and no answer came */
    OUTCOME_NOT_SENT,   /* no byte left: it cannot have happened */
    OUTCOME_COUNT,
};

struct outcome {
    enum outcome_kind kind;
    int grab_status;                       /* 0, 1, 2; -1 when there is none */
    char reason[OUTCOME_REASON_BYTES_MAX]; /* of 503 the problem's code; "" when it has none */
    char grab_id[OUTCOME_GRAB_ID_BYTES_MAX];
};

const char *outcome_name(enum outcome_kind kind);

void outcome_judge(const struct request *request, const struct client_result *result, struct outcome *ret_outcome);

#endif
