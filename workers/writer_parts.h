/* What the files of writer share: not for others. All of it belongs to the writer's thread, save `stop`.
 *
 *     writer.c        the thread: connect, gather
 *     lanes.c         partitions: owned, checked, running, stopped with an alarm, let go
 *     writer_store.c  a batch, until it is stored
 */
#ifndef WEIR_WORKERS_WRITER_PARTS_H
#define WEIR_WORKERS_WRITER_PARTS_H

#include "workers/ownership.h"
#include "workers/retry.h"
#include "workers/tables.h"
#include "workers/transaction.h"
#include "workers/writer.h"
#include <pthread.h>
#include <stdatomic.h>

enum lane_state {
    LANE_NONE,    /* not assigned */
    LANE_OWN,     /* assigned: set the owner, read progress */
    LANE_CHECK,   /* owned: is the log still the one of progress? */
    LANE_RUNNING, /* records at `expected` are taken */
    LANE_STOPPED, /* with an alarm; looked at again later */
    LANE_LET_GO,  /* another owner is in progress, or none: not written again until it is assigned again */
};

/* One partition of the shard. */
struct lane {
    int32_t partition;
    enum lane_state state;
    enum lane_state again; /* of LANE_STOPPED: where it begins again */
    uint32_t generation;   /* of the assignment */
    int64_t look_at_ms;    /* not before; CLOCK_BOOTTIME */
    bool in_vain;          /* its log could not be asked when it was last */
    int64_t waits_ms;      /* since when it cannot be taken over; CLOCK_BOOTTIME; 0: it does not wait */
    struct retry retry;
    char owner[OWNER_LEN + 1];
    struct progress progress; /* as committed */
    int64_t expected;         /* the next offset to take: progress and what is in the batch */
    int gaps;                 /* in a row */
};

struct writer {
    struct writer_options options;
    pthread_t thread;
    atomic_bool stop;
    const char *url;
    struct sql *sql;
    struct retry retry;
    struct kafka_admin *admin;
    struct tables *tables; /* NULL: the layout's tables are made once */
    struct transaction *transaction;
    struct batch *batch;
    int64_t stored_at_ms; /* CLOCK_BOOTTIME when the last batch was ready to be stored */
    int64_t look_at_ms;   /* CLOCK_BOOTTIME of the next look at the progress of lanes that run */
    int64_t check_at_ms;  /* CLOCK_BOOTTIME of the next check of a log that could not be asked before */
    bool check_was_slow;  /* in this pass over the lanes */
    size_t attend_from;   /* the lane with which a pass begins, modulo their count */
    struct lane *lanes;
    int16_t lane_of[ROUTE_PARTITIONS_MAX]; /* -1: of another shard */
};

/* A live connection to the right shard, or err. */
WEIR_MUST_USE bool writer_connect(struct writer *writer, struct err *err);
/* The shard's part of readiness, where it has one. Whatever else the shard takes, it is not ready while a partition of
 * it waits to be let begin. */
void writer_tell_ready(const struct writer *writer, bool ready, const char *why);
/* Sleeps for the next delay; ended by stop and by changes of assignment. */
void writer_pause(struct writer *writer);
void writer_count_retry(const struct writer *writer, enum worker_retry kind);

/* Partitions that were taken back leave the batch at once. */
void lanes_leave(struct writer *writer);
/* The same, and partitions that are new or due are brought to running. Blocking; never while a batch is in hand. */
void lanes_attend(struct writer *writer);
void lanes_release_all(struct writer *writer);
/* The shard has refused to let one of them begin, and has not done it since. */
bool lanes_wait_for_shard(const struct writer *writer);
/* Takes the record over. */
void lanes_take(struct writer *writer, struct kafka_record *record);
/* A transaction found progress elsewhere than the lane thinks: decides between going on there, and letting go. */
void lanes_lost(struct writer *writer, const struct transaction_result *result, const struct err *err);
struct lane *lanes_find(struct writer *writer, int32_t partition);

/* Stores the batch; it is empty afterwards: stored, or dropped with its partitions, or (stopping, and the shard is
 * away) given up. */
void writer_store(struct writer *writer);

#endif
