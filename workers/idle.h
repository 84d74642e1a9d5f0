/* What a worker says of partitions that store nothing, in readiness: why, or that there is nothing to say. Pure. */
#ifndef WEIR_WORKERS_IDLE_H
#define WEIR_WORKERS_IDLE_H

#include "workers/seats.h"

/* Longer than a rebalance takes while all are well: each member has none until the last one has come, which learns of it
 * with its next heartbeat (a fifth of the session: 2 s of the 10 s by default) and first stores what it has in hand. */
enum { IDLE_AWAITED_MS = 5000 };

enum idle_verdict {
    IDLE_NONE,      /* each partition is stored by somebody, as far as this worker can tell */
    IDLE_SOME,      /* some are not */
    IDLE_UNDECIDED, /* a rebalance is on its way: what was said before it stays */
};

struct idle {
    size_t assigned;
    size_t alarms;
    size_t let_go;
    size_t waiting;
    int32_t waits_first;
    int64_t awaited_ms; /* as the views say */
    char alarm[SEAT_WHY_BYTES_MAX];
    char waits[SEAT_WHY_BYTES_MAX];
};

/* The view of one partition, of each in turn; `idle` begins zeroed. */
void idle_add(struct idle *idle, int32_t partition, const struct seat_view *view);
/* `now_ms` of CLOCK_BOOTTIME. Of IDLE_SOME `ret_why` is the first alarm, else who waits for whom; else "". */
enum idle_verdict idle_tell(const struct idle *idle, int64_t now_ms, char *ret_why, size_t size);

#endif
