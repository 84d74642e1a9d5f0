/* The lease by which one keeper of many leads: a row of the catalog's table `leaders`, with a holder and an end by the
 * catalog's clock. A thread of its own renews it three times in its length, so that neither a long fold nor an engine
 * that hangs loses it; a process that is stopped or cut off loses it when it runs out. One whose work comes no further
 * (its own link to Kafka is broken, say) gives it back, and asks again only when others have had time to take it.
 *
 * It only keeps keepers from doing each other's work. Nothing depends on it: one that was asleep and still believes to
 * lead does no harm (protocol/rebuild.h, protocol/sweep.h).
 */
#ifndef WEIR_INGEST_KEEPER_LEASE_H
#define WEIR_INGEST_KEEPER_LEASE_H

#include "core/err.h"
#include "ingest/keeper_config.h"

enum { LEASE_PLACE_MAX = 255, LEASE_TELL_MAX = LEASE_PLACE_MAX + 40 };

struct keeper_lease;

/* Asks for the lease once, then starts the thread. Never fails: a catalog that is away is asked again. `config` is
 * borrowed until keeper_lease_stop. */
struct keeper_lease *keeper_lease_start(const struct keeper_config *config);
/* Any thread. False with err: the catalog could not be asked. False without err: another keeper leads. */
WEIR_MUST_USE bool keeper_lease_held(struct keeper_lease *lease, struct err *err);
/* The work goes on: the lease is renewed until `until_ms` (CLOCK_BOOTTIME), when nothing more is heard. Any thread. */
void keeper_lease_go_on(struct keeper_lease *lease, int64_t until_ms);
/* Whether this keeper leads, and so in words: "leads", or "stands by: 10.0.0.7:8082 leads". Any thread. */
bool keeper_lease_tell(struct keeper_lease *lease, char ret_text[LEASE_TELL_MAX]);
/* Ends the thread and gives the lease back, so that another keeper leads at its next look; NULL is fine. */
void keeper_lease_stop(struct keeper_lease *lease);

#endif
