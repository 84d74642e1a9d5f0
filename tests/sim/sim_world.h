/* The simulated world: one virtual clock, one source of chance, one queue of events; and what every part shares.
 *
 *     world_reset(seed) -> setup drawn from the seed -> parts reset -> world_run: the earliest event, then the checks,
 *                          until it is quiet after the heal, or a check is violated
 *
 * Everything that happens is an event, and all chance comes from the seed: the same seed is the same run, event by
 * event. An event of a process is dropped when that process has died since, and waits while it is stopped; an event of
 * a server is the server's alone. All memory is taken once and used for every seed.
 */
#ifndef WEIR_SIM_WORLD_H
#define WEIR_SIM_WORLD_H

#include "sim/sim_cover.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SIM_COUPONS_MAX = 2,
    SIM_USERS_MAX = 4,
    SIM_PARTITIONS = 2,
    SIM_LAYOUTS = 2,
    SIM_INGESTS = 2,
    SIM_KEEPERS_MAX = 3,
    SIM_WORKERS = 4, /* two of each layout: a partition moves from one to the other and back */
    SIM_EVENTS_MAX = 4096,
    SIM_TEXT_MAX = 300,
};

struct world;

struct process {
    char name[24];
    bool up;
    uint32_t life;           /* rises at each death: what was under way for an earlier life is dropped */
    int64_t asleep_until_us; /* stopped (SIGSTOP) until then */
    int64_t boot_offset_us;  /* its CLOCK_BOOTTIME began at another moment: nobody may compare two of them */
    int64_t wall_offset_us;  /* its wall clock, which is stepped */
    void (*restart)(struct world *, struct process *); /* called when it comes back after a crash */
    void *owner;
};

typedef void (*event_fn)(struct world *world, void *what, int64_t arg);

struct event {
    int64_t at_us;
    uint64_t order; /* of two at one moment, the one that was scheduled first */
    event_fn fn;
    struct process *process; /* NULL: a server's */
    uint32_t life;
    void *what;
    int64_t arg;
};

/* What a seed draws before anything happens: small worlds, each with some faults and not others, so that rare
 * combinations come together (Groce et al., "Swarm Testing", ISSTA 2012). */
struct setup {
    int coupons, users, requests, keepers, nodes;
    uint64_t total[SIM_COUPONS_MAX];
    uint32_t limit[SIM_COUPONS_MAX];
    int64_t hold_ms;
    bool leader;           /* keepers back off from one another; they must be correct without it */
    int slow_permille;     /* messages that take long */
    int call_permille;     /* calls that meet a fault of their own */
    int process_permille;  /* calls whose caller is killed or stopped while they are under way */
    int append_permille;   /* appends that do */
    int world_faults;      /* that meet everybody */
    enum state aim;        /* faults are drawn far more often there; STATE_NONE: nowhere */
    enum state aim_too;    /* of a server's faults alone */
    uint64_t enabled;      /* faults that this seed may use, a bit each */
    bool rows_back;        /* rows that are lost are put back behind the faults */
    int64_t active_us;     /* load and faults until then */
    int64_t round_us;      /* between two rounds of a keeper */
    int64_t wall_grain_ms; /* of a process's wall clock */
};

/* The occasions at which a server's fault comes: the so-manyth of their kind. */
struct armed {
    int passed, count;
    int at[8];
};

/* Those that had not ended when all parts were back (sim_unknown.h). */
struct unknowns {
    int64_t held_until_us;    /* messages of keepers and workers from before the heal are under way */
    int64_t back_us;          /* since then all parts are; -1: they are not */
    uint64_t waited;          /* how many */
    int64_t longest_permille; /* of a hold, until the end of one */
};

struct violation {
    char what[24]; /* "I2"; "": none */
    char text[SIM_TEXT_MAX];
};

struct sim_redis;
struct sim_log;
struct sim_database;
struct sim_ingest;
struct sim_keeper;
struct sim_worker;
struct sim_people;
struct sim_check;
struct sim_calls;

struct world {
    uint64_t seed;
    uint64_t random;
    int64_t now_us; /* virtual, since the begin of the run */
    uint64_t events_run;
    bool trace;
    bool healed; /* faults have ended; all must come to rest */
    bool quiet;
    struct setup setup;
    struct violation violation;
    struct unknowns unknowns;
    struct armed calls_armed, grabs_armed;
    uint64_t tokens;                        /* of owners, given out so far */
    int group[SIM_LAYOUTS][SIM_PARTITIONS]; /* which worker has a partition, as the group says */
    struct event heap[SIM_EVENTS_MAX];
    size_t heap_count;
    uint64_t order;
    uint64_t cover[FAULTS][STATES];
    struct sim_calls *calls;
    struct sim_redis *redis;
    struct sim_log *log;
    struct sim_database *database;
    struct sim_ingest *ingest[SIM_INGESTS];
    struct sim_keeper *keeper[SIM_KEEPERS_MAX];
    struct sim_worker *worker[SIM_WORKERS];
    struct sim_people *people;
    struct sim_check *check;
};

struct world *world_new(void);
void world_free(struct world *world);
/* Runs one seed to its end. True: nothing was violated. */
bool world_run(struct world *world, uint64_t seed);

/* ---- chance; each number moves the one state ---- */
uint64_t chance_next(struct world *world);
int64_t chance_between(struct world *world, int64_t low, int64_t high); /* both included */
bool chance_permille(struct world *world, int permille);
/* A message's way: mostly under 2 ms, now and then long. */
int64_t chance_delay_us(struct world *world);

/* ---- time; all in us ---- */
enum { SIM_MS = 1000 };
#define SIM_WALL_US INT64_C(1790000000000000) /* wall clocks at the begin of a run: September 2026 */
int64_t world_boot_us(const struct world *world, const struct process *process);
int64_t world_wall_ms(const struct world *world, const struct process *process);
int64_t world_hold_us(const struct world *world);

/* ---- events ---- */
void world_at(struct world *world, int64_t in_us, struct process *process, event_fn fn, void *what, int64_t arg);
void process_reset(struct world *world, struct process *process, const char *kind, int index, void *owner,
                   void (*restart)(struct world *, struct process *));
void process_crash(struct world *world, struct process *process, int64_t back_in_us);
void process_stop(struct world *world, struct process *process, int64_t for_us);
/* When to look again whether it still sleeps: it may be woken before its time. */
int64_t process_nap_us(const struct world *world, const struct process *process);
bool process_asleep(const struct world *world, const struct process *process);

/* ---- what is seen ---- */
/* One line of the trace; nothing without --trace. */
#define TRACE(world, ...)                                                                                              \
    do {                                                                                                               \
        if ((world)->trace)                                                                                            \
            world_say(world, __VA_ARGS__);                                                                             \
    } while (0)
void world_say(const struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Only the first one of a run is kept. */
void world_violated(struct world *world, const char *what, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
