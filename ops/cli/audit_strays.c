/* What lies on a shard where no route puts it: nobody reads it there, so it would be missed by none. Before the first
 * reshard (route version 1) nothing may; after one, rows and progress of older routes stay until they are dropped. An
 * empty table and a progress row that never moved are nothing. */
#include "ops/cli/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool audit_routed_here(const struct audit_layout *layout, int64_t partition, int shard)
{
    return partition >= 0 && partition < layout->route.partitions &&
           route_shard(&layout->route, (int32_t)partition) == shard;
}

void audit_stray(struct audit *audit, const struct audit_layout *layout, const struct audit_place *place,
                 uint64_t count, const char *what)
{
    char found[AUDIT_WORDS_MAX], expected[AUDIT_WORDS_MAX];
    if (layout->route.version > 1 || count == 0)
        return;
    snprintf(found, sizeof found, "%" PRIu64 " %s", count, what);
    if (place->partition >= 0 && place->partition < layout->route.partitions)
        snprintf(expected, sizeof expected, "none: the route puts partition %d on shard %d", (int)place->partition,
                 route_shard(&layout->route, place->partition));
    else
        snprintf(expected, sizeof expected, "none: there is no such partition");
    audit_report_add(&audit->report, 7, "stray", place, found, expected);
}

void audit_unrouted(struct audit *audit, const char *name, int shard)
{
    for (size_t i = 0; i < audit->layout_count; i++)
        if (strcmp(audit->layouts[i].keys->layout->name, name) == 0)
            return;
    audit_report_unchecked(&audit->report, "layout %s on shard %d (it has progress there, and no route)", name, shard);
}
