/* What the catalog says about this worker's stream and layout: which partition lives on which shard, in which time
 * zone, of which cluster. */
#ifndef WEIR_WORKERS_PLAN_H
#define WEIR_WORKERS_PLAN_H

#include "core/kafka.h"
#include "core/sql.h"
#include "schemas/catalog.h"
#include "schemas/route.h"
#include "schemas/shard_identity.h"
#include "workers/worker_config.h"
#include "workers/writer.h"

struct plan {
    char cluster[CLUSTER_MAX + 1];
    int offset_min; /* east of UTC */
    struct route route;
};

/* One connection to the catalog, opened and closed. ERR_MISSING: `weir init` has not been there; ERR_DATA: meta, route
 * and settings disagree. */
WEIR_MUST_USE bool plan_load(const struct worker_config *config, const struct stream *stream,
                             const struct stream_layout *keys, struct plan *ret_plan, struct err *err);
/* The topic has as many partitions as the plan. ERR_DATA when not. */
WEIR_MUST_USE bool plan_check_topic(const struct plan *plan, struct kafka_admin *admin, int64_t timeout_ms,
                                    struct err *err);

#endif
