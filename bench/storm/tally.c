/* Counting. */
#include "bench/storm/tally.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static void names_add(struct tally_names *names, const char *name)
{
    uint32_t i = 0;
    while (i < names->len && strcmp(names->entry[i].name, name) != 0) {
        i++;
    }
    if (i == names->len) {
        bool is_last = i >= TALLY_NAMES_MAX - 1;
        i = is_last ? TALLY_NAMES_MAX - 1 : i;
        names->len = i + 1;
        snprintf(names->entry[i].name, sizeof names->entry[i].name, "%s", is_last ? "other" : name);
    }
    names->entry[i].count++;
}

static void tally_add(struct tally *t, const struct request *request, const struct client_result *result,
                      const struct outcome *outcome)
{
    t->sent++;
    t->outcome[outcome->kind]++;
    if (result->failure != FAILURE_NONE) {
        t->failure[result->failure]++;
        return;
    }
    t->answered++;
    int64_t latency_us = request->answered_us - request->due_us;
    assert(latency_us >= 0);
    hist_record(&t->latency, (uint64_t)latency_us);
    if (outcome->kind == OUTCOME_REFUSED) {
        names_add(&t->refused, outcome->reason);
    } else if (outcome->kind == OUTCOME_HTTP_OTHER) {
        char status[16];
        snprintf(status, sizeof status, "%d", result->status);
        names_add(&t->other_status, status);
    }
}

void tally_board_add(struct tally_board *board, const struct request *request, const struct client_result *result,
                     const struct outcome *outcome)
{
    tally_add(&board->total, request, result, outcome);
    tally_add(&board->scenario[request->scenario], request, result, outcome);
}

uint64_t tally_transport_errors(const struct tally *tally)
{
    return tally->outcome[OUTCOME_LOST] + tally->outcome[OUTCOME_NO_ANSWER] + tally->outcome[OUTCOME_NOT_SENT];
}

bool tally_check(const struct tally *tally)
{
    uint64_t outcomes = 0;
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        outcomes += tally->outcome[i];
    }
    uint64_t failures = 0;
    for (int i = FAILURE_NONE + 1; i < FAILURE_COUNT; i++) {
        failures += tally->failure[i];
    }
    return outcomes == tally->sent && failures == tally_transport_errors(tally) &&
           tally->sent == tally->answered + failures && tally->latency.count == tally->answered;
}
