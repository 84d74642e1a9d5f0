/* The part of a scatter that reads one shard's totals; shared by stock and statistics. */
#ifndef WEIR_QUERY_TOTALS_PART_H
#define WEIR_QUERY_TOTALS_PART_H

#include "query/scatter.h"
#include "query/totals.h"

struct totals_question {
    const struct map_layout *layout; /* of the scatter's map */
    enum totals_key by;
    uint64_t subject; /* 0: all */
};

/* One part a shard of the layout. */
void totals_part_add_all(struct scatter *scatter, const struct totals_question *question);
/* Adds up what came in. The catalog's part is passed over. */
void totals_part_gather(const struct scatter *scatter, struct totals *ret_totals);

#endif
