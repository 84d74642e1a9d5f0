/* Many seeds at once: processes that share a page with their parent. A process that ends early (an assertion, an error
 * of a script) is a failure of the seed that it was at. */
#ifndef WEIR_SIM_JOBS_H
#define WEIR_SIM_JOBS_H

#include "sim/sim_world.h"

enum { JOBS_MAX = 64 };
enum { SAMPLES_MAX = 32 };   /* seeds of a run whose digest is kept, evenly spread over it */
#define JOBS_CRASHED "crash" /* what is violated by a process that ended early */

struct jobs_options {
    uint64_t first, count;
    int jobs;
    const char *planted; /* NULL: none */
    bool progress;       /* a line on stderr */
    const char *name;    /* in that line */
};

struct sample {
    uint64_t seed; /* 0: none was kept here */
    uint64_t digest;
};

struct jobs_result {
    uint64_t seeds;  /* run */
    uint64_t events; /* of all of them */
    double seconds;
    bool failed;
    uint64_t seed; /* the lowest that failed */
    struct violation violation;
    uint64_t digest; /* of the world's end: of the seed that failed */
    struct sample sample[SAMPLES_MAX];
    struct unknowns unknowns; /* of all seeds: how many, and the longest */
    uint64_t cover[FAULTS][STATES];
};

void jobs_run(const struct jobs_options *options, struct jobs_result *ret_result);

#endif
