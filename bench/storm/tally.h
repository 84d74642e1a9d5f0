/* The counters of a run: in all and for each scenario. Plain memory, one writer, read between requests by the same
 * thread.
 *
 * Invariant (tally_check): sent = answered + transport errors, and every request has exactly one outcome. */
#ifndef WEIR_BENCH_STORM_TALLY_H
#define WEIR_BENCH_STORM_TALLY_H

#include "bench/storm/outcome.h"
#include "core/hist.h"

#define TALLY_NAMES_MAX 16u /* the last one is "other" and takes whatever finds no place */

struct tally_names {
    struct {
        char name[OUTCOME_REASON_BYTES_MAX];
        uint64_t count;
    } entry[TALLY_NAMES_MAX];
    uint32_t len;
};

struct tally {
    uint64_t sent; /* begun; those that found no connection among them */
    uint64_t answered;
    uint64_t outcome[OUTCOME_COUNT];
    uint64_t failure[FAILURE_COUNT];
    struct tally_names refused;      /* by reason */
    struct tally_names other_status; /* HTTP_OTHER, by status */
    struct hist latency;             /* of answered requests, from the intended time */
};

struct tally_board {
    struct tally total;
    struct tally scenario[SCENARIO_COUNT];
};

/* Counts one ended request in the total and in its scenario. */
void tally_board_add(struct tally_board *board, const struct request *request, const struct client_result *result,
                     const struct outcome *outcome);

/* Grabs and reads that ended without an answer. */
uint64_t tally_transport_errors(const struct tally *tally);

/* Whether the invariant holds. */
bool tally_check(const struct tally *tally);

#endif
