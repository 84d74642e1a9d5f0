/* What a round finds of all coupons, and the rebuild that is owed for it. The keeper's thread. */
#ifndef WEIR_INGEST_KEEPER_OWED_H
#define WEIR_INGEST_KEEPER_OWED_H

#include "ingest/keeper.h"

struct tally {
    size_t valid, not_opened, to_rebuild, broken, rows_lost;
    uint64_t pending;
    int64_t left;
    uint64_t example;      /* a coupon that needs the rebuild */
    uint64_t lost_example; /* one whose rows are missing */
};

void owe_rebuild(struct tally *tally, const struct coupon *coupon);
/* One that a rebuild left closed would be left closed again, and each rebuild closes the others too. */
void owe_unless_lost(const struct keeper *keeper, const struct coupon *coupon, struct tally *tally);
void tally_show(const struct tally *tally); /* as gauges */
/* Does it, when it is owed and it is time. `all`: every coupon was looked at, so that nothing is owed when none was
 * found. */
void rebuild_if_owed(struct keeper *keeper, const struct tally *tally, bool all);

#endif
