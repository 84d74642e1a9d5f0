#include "sim/sim_cover.h"

#include <inttypes.h>
#include <stddef.h>

static const char *const fault_names[FAULTS] = {
    [FAULT_REDIS_REQUEST_LOST] = "redis: request lost",
    [FAULT_REDIS_ANSWER_LOST] = "redis: answer lost",
    [FAULT_REDIS_LATE] = "redis: runs after it was given up",
    [FAULT_CATALOG_REQUEST_LOST] = "catalog: request lost",
    [FAULT_CATALOG_ANSWER_LOST] = "catalog: answer lost, or late",
    [FAULT_SHARD_REQUEST_LOST] = "shard: request lost",
    [FAULT_SHARD_ANSWER_LOST] = "shard: answer lost",
    [FAULT_SHARD_LATE] = "shard: runs after it was given up",
    [FAULT_LOG_REFUSED] = "log: not persisted",
    [FAULT_LOG_POSSIBLY_NEVER] = "log: possibly persisted, never lands",
    [FAULT_LOG_POSSIBLY_LANDED] = "log: possibly persisted, has landed",
    [FAULT_LOG_POSSIBLY_LATER] = "log: possibly persisted, lands later",
    [FAULT_LOG_REPORT_LATE] = "log: persisted, report late",
    [FAULT_CRASH] = "process: killed",
    [FAULT_STOP] = "process: stopped",
    [FAULT_WALL_CLOCK] = "process: wall clock stepped",
    [FAULT_MOVE] = "process: partition moved away",
    [FAULT_REDIS_EMPTY] = "redis: restarts empty",
    [FAULT_REDIS_OLD] = "redis: restarts with an old snapshot",
    [FAULT_REDIS_KEPT] = "redis: restarts with its data",
    [FAULT_REDIS_FLUSH] = "redis: flushed",
    [FAULT_REDIS_KEY_LOST] = "redis: one key lost",
    [FAULT_REDIS_REPLID] = "redis: master_replid moves",
    [FAULT_REDIS_CLOCK_FORWARD] = "redis: clock forward",
    [FAULT_REDIS_CLOCK_BACK] = "redis: clock back",
    [FAULT_SHARD_FAILOVER] = "shard: fails over to a lagging copy",
    [FAULT_PARTITION_BACK] = "shard: one partition goes back to a lagging copy",
    [FAULT_CATALOG_AWAY] = "catalog: away for longer than leases last",
    [FAULT_ROWS_LOST] = "shard: rows lost",
};

static const char *const state_names[STATES + 1] = {
    [STATE_MARK_MISSING] = "mark missing",
    [STATE_MARK_OPEN] = "mark open",
    [STATE_MARK_CLOSED] = "mark closed",
    [STATE_MARK_BUILDING] = "mark building",
    [STATE_PENDING] = "grab pending",
    [STATE_SHOWN] = "grab shown",
    [STATE_CANCELLING] = "grab cancelling",
    [STATE_SETTLED] = "grab settled",
    [STATE_RESERVING] = "reserving",
    [STATE_ASKING_AGAIN] = "asking again",
    [STATE_APPENDING] = "appending",
    [STATE_CONFIRMING] = "confirming",
    [STATE_SETTLING] = "settling",
    [STATE_RELEASING] = "releasing",
    [STATE_LOOKING] = "keeper looks",
    [STATE_CARRYING] = "carry",
    [STATE_OPEN_READ] = "open: read",
    [STATE_OPEN_CLAIM] = "open: claim",
    [STATE_OPEN_BUILDING] = "open: building",
    [STATE_OPEN_LOOK] = "open: look",
    [STATE_OPEN_WRITE] = "open: write",
    [STATE_REBUILD_RAISE] = "rebuild: raise",
    [STATE_REBUILD_LIST] = "rebuild: list",
    [STATE_REBUILD_CLOSE] = "rebuild: close",
    [STATE_REBUILD_WAIT] = "rebuild: wait",
    [STATE_REBUILD_BARRIER] = "rebuild: barrier",
    [STATE_REBUILD_FOLD] = "rebuild: fold",
    [STATE_REBUILD_LOOK] = "rebuild: look",
    [STATE_REBUILD_CLAIMS] = "rebuild: claims",
    [STATE_REBUILD_OPEN] = "rebuild: open",
    [STATE_SWEEP_CANCEL] = "sweep: cancel",
    [STATE_SWEEP_WAIT] = "sweep: wait",
    [STATE_SWEEP_APPEND] = "sweep: append",
    [STATE_SWEEP_FOLD] = "sweep: fold",
    [STATE_SWEEP_FINISH] = "sweep: finish",
    [STATE_OWNING] = "worker owns",
    [STATE_TAKING] = "worker takes",
    [STATE_STORING] = "worker stores",
    [STATE_COMMITTING] = "worker commits",
    [STATE_ASKING_PROGRESS] = "worker asks progress",
    [STATE_LEASING] = "leasing ids",
    [STATE_NONE] = "nothing",
};

const char *fault_name(enum fault fault)
{
    return fault_names[fault];
}

const char *state_name(enum state state)
{
    return state_names[state];
}

/* ---- which can meet ---- */

#define BIT(state) (UINT64_C(1) << (state))

#define IN_REDIS                                                                                                       \
    (BIT(STATE_MARK_MISSING) | BIT(STATE_MARK_OPEN) | BIT(STATE_MARK_CLOSED) | BIT(STATE_MARK_BUILDING) |              \
     BIT(STATE_PENDING) | BIT(STATE_SHOWN) | BIT(STATE_CANCELLING) | BIT(STATE_SETTLED))
#define IN_INGEST                                                                                                      \
    (BIT(STATE_RESERVING) | BIT(STATE_ASKING_AGAIN) | BIT(STATE_APPENDING) | BIT(STATE_CONFIRMING) |                   \
     BIT(STATE_SETTLING) | BIT(STATE_RELEASING) | BIT(STATE_LEASING))
#define IN_WORKER                                                                                                      \
    (BIT(STATE_OWNING) | BIT(STATE_TAKING) | BIT(STATE_STORING) | BIT(STATE_COMMITTING) | BIT(STATE_ASKING_PROGRESS))
#define EVERY (BIT(STATES) - 1)

#define CALLS_REDIS                                                                                                    \
    (BIT(STATE_RESERVING) | BIT(STATE_CONFIRMING) | BIT(STATE_SETTLING) | BIT(STATE_RELEASING) | BIT(STATE_LOOKING) |  \
     BIT(STATE_CARRYING) | BIT(STATE_OPEN_BUILDING) | BIT(STATE_OPEN_WRITE) | BIT(STATE_REBUILD_CLOSE) |               \
     BIT(STATE_REBUILD_CLAIMS) | BIT(STATE_REBUILD_OPEN) | BIT(STATE_SWEEP_CANCEL) | BIT(STATE_SWEEP_FINISH))
#define CALLS_CATALOG                                                                                                  \
    (BIT(STATE_LOOKING) | BIT(STATE_OPEN_READ) | BIT(STATE_OPEN_CLAIM) | BIT(STATE_OPEN_LOOK) |                        \
     BIT(STATE_OPEN_WRITE) | BIT(STATE_REBUILD_RAISE) | BIT(STATE_REBUILD_LIST) | BIT(STATE_REBUILD_LOOK) |            \
     BIT(STATE_REBUILD_OPEN) | BIT(STATE_LEASING))
#define CALLS_SHARD                                                                                                    \
    (BIT(STATE_LOOKING) | BIT(STATE_REBUILD_FOLD) | BIT(STATE_SWEEP_FOLD) | (IN_WORKER & ~BIT(STATE_TAKING)))
#define APPENDS (BIT(STATE_APPENDING) | BIT(STATE_REBUILD_BARRIER) | BIT(STATE_SWEEP_APPEND))

struct scope {
    enum fault last; /* of a run of faults with one scope */
    uint64_t states;
    const char *why_not;
};

static const struct scope scopes[] = {
    {FAULT_REDIS_LATE, CALLS_REDIS, "nothing is asked of Redis then"},
    {FAULT_CATALOG_ANSWER_LOST, CALLS_CATALOG, "nothing is asked of the catalog then"},
    {FAULT_SHARD_LATE, CALLS_SHARD, "nothing is asked of a shard then"},
    {FAULT_LOG_REPORT_LATE, APPENDS, "nothing is appended then"},
    {FAULT_STOP, EVERY & ~IN_REDIS, "it is in Redis, and in no process that could be killed or stopped"},
    {FAULT_WALL_CLOCK, IN_INGEST, "only ingest reads its wall clock, to make ids"},
    {FAULT_MOVE, IN_WORKER, "only workers have partitions"},
    {FAULT_ROWS_LOST, EVERY, ""},
};

const char *cover_impossible(enum fault fault, enum state state)
{
    size_t at = 0;
    while (fault > scopes[at].last)
        at++;
    return scopes[at].states & BIT(state) ? NULL : scopes[at].why_not;
}

void cover_count(uint64_t (*cover)[STATES], int *ret_met, int *ret_missing, int *ret_impossible)
{
    *ret_met = *ret_missing = *ret_impossible = 0;
    for (int f = 0; f < FAULTS; f++) {
        for (int s = 0; s < STATES; s++) {
            bool possible = cover_impossible((enum fault)f, (enum state)s) == NULL;
            *ret_met += possible && cover[f][s] > 0;
            *ret_missing += possible && cover[f][s] == 0;
            *ret_impossible += !possible && cover[f][s] > 0;
        }
    }
}

/* ---- the table: a block for each kind of fault, a line a state ---- */

static bool block_has(int first, int last, enum state state)
{
    for (int f = first; f <= last; f++)
        if (cover_impossible((enum fault)f, state) == NULL)
            return true;
    return false;
}

static void print_block(FILE *out, uint64_t (*cover)[STATES], const char *title, int first, int last)
{
    fprintf(out, "\n%s\n", title);
    for (int f = first; f <= last; f++)
        fprintf(out, "  %2d  %s\n", f + 1, fault_names[f]);
    fprintf(out, "\n  %-22s", "");
    for (int f = first; f <= last; f++)
        fprintf(out, "%9d", f + 1);
    for (int s = 0; s < STATES; s++) {
        if (!block_has(first, last, (enum state)s))
            continue;
        fprintf(out, "\n  %-22s", state_names[s]);
        for (int f = first; f <= last; f++) {
            if (cover_impossible((enum fault)f, (enum state)s) != NULL)
                fprintf(out, "%9s", "-");
            else
                fprintf(out, "%9" PRIu64, cover[f][s]);
        }
    }
    fputc('\n', out);
}

void cover_print(FILE *out, uint64_t (*cover)[STATES])
{
    int met, missing, impossible;
    print_block(out, cover, "One message, and the state whose message it was", 0, FAULT_MESSAGE_LAST);
    print_block(out, cover, "One process, and the states it was in", FAULT_MESSAGE_LAST + 1, FAULT_PROCESS_LAST);
    print_block(out, cover, "A server or its clock, and all states there were", FAULT_PROCESS_LAST + 1, FAULTS - 1);
    fputs("\n  - cannot meet:\n", out);
    for (size_t i = 0, first = 0; i + 1 < sizeof scopes / sizeof *scopes; first = scopes[i++].last + 1)
        fprintf(out, "    %2zu to %2d  %s\n", first + 1, scopes[i].last + 1, scopes[i].why_not);
    cover_count(cover, &met, &missing, &impossible);
    fprintf(out, "\n%d pairs of fault and state were met, %d were not, %d were met that cannot be.\n", met, missing,
            impossible);
}

void cover_print_json(FILE *out, uint64_t (*cover)[STATES])
{
    const char *comma = "";
    fputc('[', out);
    for (int f = 0; f < FAULTS; f++) {
        for (int s = 0; s < STATES; s++) {
            if (cover_impossible((enum fault)f, (enum state)s) != NULL)
                continue;
            fprintf(out, "%s{\"fault\":\"%s\",\"state\":\"%s\",\"times\":%" PRIu64 "}", comma, fault_names[f],
                    state_names[s], cover[f][s]);
            comma = ",";
        }
    }
    fputc(']', out);
}
