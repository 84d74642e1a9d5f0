/* The simulated log: partitions of records in the order in which they landed. A record lands once or never (idempotent
 * producer); its report says persisted, not persisted, or possibly; one that is possibly persisted may land later. */
#ifndef WEIR_SIM_LOG_H
#define WEIR_SIM_LOG_H

#include "protocol/fold.h"
#include "protocol/grab.h"
#include "sim/sim_world.h"

enum { LOG_RECORDS_MAX = 600, TRY_BYTES = 4 };

struct log_record {
    enum record_kind kind;
    uint64_t grab_id;
    uint64_t user;
    uint64_t coupon;
    uint64_t epoch;
    uint64_t by; /* of a BARRIER: the rebuild that wrote it */
    char try_key[TRY_BYTES];
};

/* At the producer: what became of `arg` of its `owner`. */
typedef void (*report_fn)(struct world *world, void *owner, int64_t arg, enum append_report report);

struct sim_log *log_new(void);
void log_reset(struct world *world);
void log_append(struct world *world, struct process *from, enum state state, int partition,
                const struct log_record *record, report_fn report, void *owner, int64_t arg);
int64_t log_end(const struct world *world, int partition);
const struct log_record *log_at(const struct world *world, int partition, int64_t offset);
/* Offset of the last BARRIER of this rebuild; -1: none. */
int64_t log_find_barrier(const struct world *world, int partition, uint64_t by);
int log_partition(uint64_t user);
/* A CANCEL of this grab was sent: it may land at any time. */
bool log_was_cancelled(const struct world *world, uint64_t grab_id);

#endif
