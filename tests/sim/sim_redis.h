/* The simulated Redis that holds the stock: hashes in memory, real scripts, one snapshot, and every way to lose
 * them. */
#ifndef WEIR_SIM_REDIS_H
#define WEIR_SIM_REDIS_H

#include "sim/sim_call.h"

enum { HASH_FIELDS_MAX = 40, HASH_FIELD_MAX = 24, HASH_VALUE_MAX = 104 };

struct redis_hash { /* no fields: there is no such key */
    int count;
    struct {
        char name[HASH_FIELD_MAX];
        char value[HASH_VALUE_MAX];
    } field[HASH_FIELDS_MAX];
};

const char *hash_get(const struct redis_hash *hash, const char *field);      /* NULL: not there */
int hash_set(struct redis_hash *hash, const char *field, const char *value); /* 1: the field is new */
int hash_del(struct redis_hash *hash, const char *field);                    /* 1: it was there */

struct sim_redis *redis_new(void);
void redis_free(struct sim_redis *redis);
void redis_reset(struct world *world);

void redis_save_within(struct world *world, int64_t within_us); /* the snapshot that FAULT_REDIS_OLD brings back */

bool redis_is_up(const struct world *world);
uint32_t redis_life(const struct world *world); /* rises at each restart: connections of an earlier one are cut */
const char *redis_run_id_now(const struct world *world);
const char *redis_replid_now(const struct world *world);
int64_t redis_time_ms(const struct world *world);   /* its wall clock */
bool redis_was_set_back(const struct world *world); /* that clock, at some time of the run */
const struct redis_hash *redis_key(const struct world *world, uint64_t coupon, int key);
/* An outsider's look: open or closed, of this server, with every sentinel. */
bool redis_mark_is_valid(const struct world *world, uint64_t coupon);

/* Runs call->script; a call_fn. */
void redis_run_script(struct world *world, struct call *call);
void redis_fault(struct world *world, enum fault fault);
void redis_states(struct world *world, enum fault fault); /* counts what the fault meets in here */

#endif
