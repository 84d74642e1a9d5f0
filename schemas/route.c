#include "schemas/route.h"

#include <assert.h>
#include <stdio.h>

void route_spread(struct route *ret_route, const struct stream *stream, const struct layout *layout, int32_t partitions,
                  int shards)
{
    assert(partitions > 0 && partitions <= ROUTE_PARTITIONS_MAX);
    assert(shards > 0 && shards <= ROUTE_SHARDS_MAX);
    *ret_route = (struct route){.version = 1, .partitions = partitions};
    snprintf(ret_route->stream, sizeof ret_route->stream, "%s", stream->name);
    snprintf(ret_route->layout, sizeof ret_route->layout, "%s", layout->name);
    for (int32_t p = 0; p < partitions; p++)
        ret_route->shard[p] = (uint8_t)(p % shards);
}

int route_shard(const struct route *route, int32_t partition)
{
    assert(partition >= 0 && partition < route->partitions);
    return route->shard[partition];
}

size_t route_partitions_of(const struct route *route, int shard, int32_t ret_partitions[ROUTE_PARTITIONS_MAX])
{
    size_t count = 0;
    for (int32_t p = 0; p < route->partitions; p++)
        if (route->shard[p] == shard)
            ret_partitions[count++] = p;
    return count;
}

bool route_check(const struct route *route, int shards, struct err *err)
{
    if (route->partitions < 1 || route->partitions > ROUTE_PARTITIONS_MAX)
        return err_set(err, ERR_USAGE,
                       "the route of %s, layout %s, has %d partitions; it must have 1 to %d: run `weir init`",
                       route->stream, route->layout, (int)route->partitions, ROUTE_PARTITIONS_MAX);
    for (int32_t p = 0; p < route->partitions; p++)
        if (route->shard[p] >= shards)
            return err_set(err, ERR_USAGE,
                           "route version %u of %s, layout %s, puts partition %d on shard %d, but mysql.shards lists "
                           "%d: add the missing URLs",
                           route->version, route->stream, route->layout, (int)p, route->shard[p], shards);
    return true;
}
