/* A call from a process to a server: how it goes, and how it goes wrong.
 *
 *     call_send -> (on its way) -> run at the server -> (on its way back) -> done at the caller
 *                      \ lost: never runs      \ late: runs after it was given up   \ answer lost: done without one
 *
 * A call runs at once and whole, or never: a script, a statement, one step of a transaction. It dies with the server it
 * was sent to, and with a transaction's shard; its caller may die or sleep meanwhile. Calls are taken from a pool.
 */
#ifndef WEIR_SIM_CALL_H
#define WEIR_SIM_CALL_H

#include "schemas/stock.h"
#include "sim/sim_world.h"

enum server { SERVER_REDIS, SERVER_CATALOG, SERVER_SHARD, SERVERS };

enum { CALL_ARGS_MAX = 16, CALL_TEXT_MAX = 700, CALL_ITEMS_MAX = 10, CALL_ITEM_TEXT_MAX = 24, CALL_NUMBERS_MAX = 8 };

struct script_call {
    enum stock_script script;
    uint64_t coupon;
    char run_id[16], replid[16]; /* as learnt on this very connection */
    int args;
    uint16_t begin[CALL_ARGS_MAX];
    uint16_t len;
    char text[CALL_TEXT_MAX];
};

/* What a script answered: a list, or one number. */
struct script_answer {
    bool failed; /* the script raised an error */
    int count;   /* -1: one number, in item[0] */
    struct {
        int64_t number;
        char text[CALL_ITEM_TEXT_MAX];
    } item[CALL_ITEMS_MAX];
};

/* What a transaction has of one partition. */
struct part_asked {
    int64_t next, count; /* a count of 0: it has none */
    uint64_t owner, epoch;
};

/* A partition's progress, as it is found. */
struct part_found {
    int64_t next;
    uint64_t owner, epoch;
    uint64_t moved_by; /* for the checks: the transaction that moved it last */
};

struct call;
typedef void (*call_fn)(struct world *world, struct call *call);

struct call {
    enum server server;
    int shard; /* of SERVER_SHARD */
    enum state state;
    struct process *from;
    uint32_t from_life;
    uint32_t server_life;
    bool waited; /* somebody still waits for the answer */
    bool used;
    bool ran;
    bool answered; /* `done` finds an answer */
    uint8_t held;  /* events that still name it */
    call_fn run;   /* at the server */
    call_fn done;  /* at the caller: with an answer or without */
    void *owner;   /* the caller's own */
    int64_t arg;
    int64_t in[CALL_NUMBERS_MAX];
    int64_t out[CALL_NUMBERS_MAX];
    struct part_asked part[SIM_PARTITIONS]; /* of a worker's call, beside `in` and `out` */
    struct part_found found[SIM_PARTITIONS];
    struct script_call script;
    struct script_answer answer;
};

struct sim_calls *calls_new(void);
void calls_reset(struct world *world);
/* A fresh one. It is freed after `done`. */
struct call *call_begin(struct world *world, enum server server, struct process *from, enum state state, void *owner);
void call_send(struct world *world, struct call *call, call_fn run, call_fn done);
void call_give_up_all_of(struct world *world, const struct process *process);
/* For each call under way. */
void calls_each(struct world *world, void (*fn)(struct world *, const struct call *));

/* Arguments of a script. */
void script_begin(struct call *call, enum stock_script script, uint64_t coupon, const char *run_id, const char *replid);
void script_arg(struct call *call, const char *text);
void script_number(struct call *call, uint64_t number);

#endif
