#include "schemas/shard_identity.h"

#include <string.h>

bool shard_identity_take(const struct value *cells, size_t count, void *arg)
{
    struct shard_identity *identity = arg;
    if (count < 2 || cells[0].type != VALUE_TEXT || cells[0].len > CLUSTER_MAX)
        return false;
    memcpy(identity->cluster, cells[0].text, cells[0].len);
    identity->cluster[cells[0].len] = '\0';
    identity->shard = cells[1].i64;
    identity->found = true;
    return false;
}

bool shard_identity_check(const struct shard_identity *identity, const char *where, const char *cluster, int shard,
                          struct err *err)
{
    if (!identity->found)
        return err_set(err, ERR_MISSING, "%s is no shard yet: run `weir init`", where);
    if (strcmp(identity->cluster, cluster) != 0)
        return err_set(
            err, ERR_CONFLICT,
            "%s belongs to the cluster %s, and the catalog is the cluster %s: give an empty database, or the "
            "right catalog",
            where, identity->cluster, cluster);
    return identity->shard == shard ||
           err_set(err, ERR_CONFLICT, "%s is shard %lld, but mysql.shards has it at position %d: put the URLs in order",
                   where, (long long)identity->shard, shard);
}
