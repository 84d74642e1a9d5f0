/* Whose database a shard is: its row of sql_identity_read against the catalog's cluster and its place in mysql.shards.
 * A wrong URL must never mix the rows of two shards, nor count another installation's. Pure. */
#ifndef WEIR_SCHEMAS_SHARD_IDENTITY_H
#define WEIR_SCHEMAS_SHARD_IDENTITY_H

#include "core/err.h"
#include "core/value.h"

enum { CLUSTER_MAX = 32 };

struct shard_identity {
    char cluster[CLUSTER_MAX + 1];
    int64_t shard;
    bool found; /* the database has such a row */
};

/* Takes the row of sql_identity_read; `arg` is a struct shard_identity, zeroed before. */
bool shard_identity_take(const struct value *cells, size_t count, void *arg);
/* ERR_MISSING: it is no shard yet; ERR_CONFLICT: it is another one. `where` names the database. */
WEIR_MUST_USE bool shard_identity_check(const struct shard_identity *identity, const char *where, const char *cluster,
                                        int shard, struct err *err);

#endif
