/* Which fault met which state of the protocol, how often; and which pairs cannot meet, with the reason.
 *
 * A fault of one message meets the state whose call carries it; a fault of a process, the states that process is in; a
 * fault of a server or a clock, every state that anything is in at that moment.
 */
#ifndef WEIR_SIM_COVER_H
#define WEIR_SIM_COVER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum state {
    /* the open mark of a coupon */
    STATE_MARK_MISSING,
    STATE_MARK_OPEN,
    STATE_MARK_CLOSED,
    STATE_MARK_BUILDING,
    /* a grab, in Redis */
    STATE_PENDING,
    STATE_SHOWN,
    STATE_CANCELLING,
    STATE_SETTLED,
    /* a grab, in ingest */
    STATE_RESERVING,
    STATE_ASKING_AGAIN,
    STATE_APPENDING,
    STATE_CONFIRMING,
    STATE_SETTLING,
    STATE_RELEASING,
    /* a keeper; in the order of enum open_step, rebuild_step, sweep_step */
    STATE_LOOKING,
    STATE_CARRYING,
    STATE_OPEN_READ,
    STATE_OPEN_CLAIM,
    STATE_OPEN_BUILDING,
    STATE_OPEN_LOOK,
    STATE_OPEN_WRITE,
    STATE_REBUILD_RAISE,
    STATE_REBUILD_LIST,
    STATE_REBUILD_CLOSE,
    STATE_REBUILD_WAIT,
    STATE_REBUILD_BARRIER,
    STATE_REBUILD_FOLD,
    STATE_REBUILD_LOOK,
    STATE_REBUILD_CLAIMS,
    STATE_REBUILD_OPEN,
    STATE_SWEEP_CANCEL,
    STATE_SWEEP_WAIT,
    STATE_SWEEP_APPEND,
    STATE_SWEEP_FOLD,
    STATE_SWEEP_FINISH,
    /* a worker's partition */
    STATE_OWNING,
    STATE_TAKING,
    STATE_STORING,
    STATE_COMMITTING,
    STATE_ASKING_PROGRESS,
    /* a lease of ids */
    STATE_LEASING,
    STATES,
    STATE_NONE = STATES, /* nothing of the protocol: not counted */
};

enum fault {
    /* one message */
    FAULT_REDIS_REQUEST_LOST,
    FAULT_REDIS_ANSWER_LOST,
    FAULT_REDIS_LATE, /* the script runs after its caller gave it up */
    FAULT_CATALOG_REQUEST_LOST,
    FAULT_CATALOG_ANSWER_LOST,
    FAULT_SHARD_REQUEST_LOST,
    FAULT_SHARD_ANSWER_LOST,
    FAULT_SHARD_LATE,
    FAULT_LOG_REFUSED,        /* not persisted, and so reported */
    FAULT_LOG_POSSIBLY_NEVER, /* reported possibly persisted, and never lands */
    FAULT_LOG_POSSIBLY_LANDED,
    FAULT_LOG_POSSIBLY_LATER, /* lands after the report */
    FAULT_LOG_REPORT_LATE,    /* persisted; the report takes longer than half the hold */
    /* one process */
    FAULT_CRASH,
    FAULT_STOP,
    FAULT_WALL_CLOCK,
    FAULT_MOVE, /* a partition goes to the other worker; the first one is not told */
    /* a server, or its clock */
    FAULT_REDIS_EMPTY,
    FAULT_REDIS_OLD,
    FAULT_REDIS_KEPT,
    FAULT_REDIS_FLUSH,
    FAULT_REDIS_KEY_LOST,
    FAULT_REDIS_REPLID,
    FAULT_REDIS_CLOCK_FORWARD,
    FAULT_REDIS_CLOCK_BACK,
    FAULT_SHARD_FAILOVER, /* to a lagging copy */
    FAULT_PARTITION_BACK, /* to a lagging copy of its shard, by hand; the others stay */
    FAULT_CATALOG_AWAY,   /* for longer than leases last */
    FAULT_ROWS_LOST,      /* by a shard, and neither progress nor totals */
    FAULTS,
    FAULT_MESSAGE_LAST = FAULT_LOG_REPORT_LATE,
    FAULT_PROCESS_LAST = FAULT_MOVE,
};

const char *fault_name(enum fault fault);
const char *state_name(enum state state);
/* NULL: they can meet. Else why not, as the end of a sentence. */
const char *cover_impossible(enum fault fault, enum state state);
/* How many pairs that can meet were not met, and how many that cannot were. */
void cover_count(uint64_t (*cover)[STATES], int *ret_met, int *ret_missing, int *ret_impossible);
void cover_print(FILE *out, uint64_t (*cover)[STATES]);
void cover_print_json(FILE *out, uint64_t (*cover)[STATES]);

#endif
