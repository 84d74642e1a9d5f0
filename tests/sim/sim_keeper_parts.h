/* What the files of the keeper share: not for others.
 *
 *     sim_keeper.c          the process, its round, carry
 *     sim_keeper_open.c     first open
 *     sim_keeper_rebuild.c  rebuild
 *     sim_keeper_lost.c     whose rows a rebuild may believe
 *     sim_keeper_sweep.c    scan and sweeps
 */
#ifndef WEIR_SIM_KEEPER_PARTS_H
#define WEIR_SIM_KEEPER_PARTS_H

#include "protocol/rebuild.h"
#include "protocol/sweep.h"
#include "sim/sim_call.h"
#include "sim/sim_database.h"
#include "sim/sim_keeper.h"

enum { SWEEPS_MAX = 16 };

struct sweep {
    bool used;
    enum sweep_step at;
    uint64_t coupon, epoch, grab_id, user;
    int64_t wait_until_us; /* by the keeper's CLOCK_BOOTTIME */
    bool ok;               /* its row, when it is there */
};

struct rebuild {
    enum rebuild_step at;
    uint64_t epoch, by;
    bool listed[SIM_COUPONS_MAX];
    int coupon;    /* of CLOSE, CLAIMS, OPEN */
    int partition; /* of BARRIER */
    int at_once;   /* partitions that are folded together */
    int folded;    /* partitions */
    int64_t barrier[SIM_PARTITIONS];
    struct shard_data snapshot;
    int sold_count;
    struct shard_row sold[ROWS_MAX]; /* what the folds found OK */
    int sold_before;                 /* of them, before the last fold: their claims are written */
    bool lost[SIM_COUPONS_MAX];      /* rows of it are missing: it is not opened */
};

struct sim_keeper {
    struct process process;
    int index;
    int layout; /* whose rows it reads */
    bool connected;
    uint32_t server_life;
    char run_id[16], replid[16];
    enum state state; /* what it is doing; STATE_NONE: it rests */
    uint64_t epoch, epoch_seen;
    struct rebuild_turn turn;
    int64_t hold_seen_ms;
    struct coupon_row coupon[SIM_COUPONS_MAX]; /* as read in this round */
    int at_coupon;
    bool owes_rebuild;
    uint64_t mark_epoch; /* of the coupon that is looked at */
    int64_t mark_hold_ms;
    enum open_step open_at;
    uint64_t open_epoch;
    struct rebuild rebuild;
    bool lost[SIM_COUPONS_MAX]; /* by the last rebuild that came through: not owed another before its rows are back */
    int64_t lost_look_us, lost_rest_us; /* CLOCK_BOOTTIME of the next look for them; until the one after it */
    struct sweep sweep[SWEEPS_MAX];
    int at_sweep;
    uint64_t rebuilds; /* begun in this process's life; names them */
};

/* The round is over; the next begins later. */
void keeper_rest(struct world *world, struct sim_keeper *keeper);
/* By the lease, or all do. */
bool keeper_leads(struct world *world, const struct sim_keeper *keeper);
/* A call to Redis on the connection that the ids were read on. NULL: it is gone. */
struct call *keeper_script(struct world *world, struct sim_keeper *keeper, enum state state, enum stock_script script,
                           uint64_t coupon);
/* DONE or LOST as the script says, NO_ANSWER without one. */
enum step_outcome keeper_held(const struct call *call);
/* Reads the catalog's coupons; keeper_take_coupons in `done`. */
void keeper_read_coupons(struct world *world, struct sim_keeper *keeper, enum state state, call_fn done);
void keeper_take_coupons(struct sim_keeper *keeper, const struct call *call);
/* Reads the catalog's epoch into out[0]. */
void keeper_read_epoch(struct world *world, struct sim_keeper *keeper, enum state state, call_fn done);
/* The last script of first open and rebuild, from the row that was read just now. False: no connection. */
bool keeper_send_open(struct world *world, struct sim_keeper *keeper, enum state state, uint64_t coupon, uint64_t epoch,
                      uint64_t left, call_fn done);

/* On to the next coupon of the round. */
void keeper_look_next(struct world *world, struct sim_keeper *keeper);
/* Of the coupon that is looked at. */
void keeper_first_open(struct world *world, struct sim_keeper *keeper);
void keeper_rebuild(struct world *world, struct sim_keeper *keeper);
bool keeper_has_turn(const struct world *world, struct sim_keeper *keeper);
/* Looks for pending marks that are due, then goes on by `next`. */
void keeper_scan(struct world *world, struct sim_keeper *keeper, call_fn next);
void keeper_take_scan(struct sim_keeper *keeper, const struct call *call);
/* Every sweep by as many steps as it can take; then keeper_lost_look. */
void keeper_sweep(struct world *world, struct sim_keeper *keeper);
/* Reads rows, totals and progress of its layout into rebuild.snapshot, at one moment. */
void keeper_read_shard(struct world *world, struct sim_keeper *keeper, call_fn done);

/* Marks whose rows the snapshot lacks, of partitions [first, end); before the log is folded onto it. NO_ANSWER: nobody
 * knows whose are missing. */
enum step_outcome keeper_lost_find(struct sim_keeper *keeper, int first, int end);
/* After a rebuild that came through. */
void keeper_lost_keep(const struct world *world, struct sim_keeper *keeper);
/* Looks whether rows that were missing are back, when it is time; then the keeper rests. */
void keeper_lost_look(struct world *world, struct sim_keeper *keeper);

#endif
