/* Clients and admins. Clients grab, click twice at another ingest, and ask for what they were not told; admins restock,
 * close and open. When faults have ended: a probe that free stock can be sold, and the last questions to the status
 * place; then the run is quiet. */
#ifndef WEIR_SIM_PEOPLE_H
#define WEIR_SIM_PEOPLE_H

#include "protocol/grab.h"
#include "sim/sim_log.h"

struct client_request {
    uint64_t user, coupon;
    char try_key[TRY_BYTES];
    bool probe; /* of free stock, after the faults */
    bool answered;
    enum grab_answer answer;
    uint64_t grab_id, epoch; /* of its place, when the answer was unknown */
};

enum { REQUESTS_MAX = 64 };

struct sim_people *people_new(void);
void people_reset(struct world *world);
void people_heal(struct world *world);          /* opens what was closed, and watches for the rest */
int people_requests(const struct world *world); /* made so far */
const struct client_request *people_request(const struct world *world, int request);
/* The client hears its answer; an unknown is asked for later. */
void people_answered(struct world *world, int request, enum grab_answer answer, uint64_t grab_id, uint64_t epoch);

#endif
