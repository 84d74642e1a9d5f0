/* What the commands read of the catalog, and how they reach the servers. One thread. */
#ifndef WEIR_OPS_CLI_LINKS_H
#define WEIR_OPS_CLI_LINKS_H

#include "core/sql.h"
#include "ops/cli/cli.h"
#include "schemas/route.h"

struct meta {
    uint64_t epoch;
    int32_t partitions;
    int offset_min; /* of the sale's time zone, minutes east of UTC */
    char cluster[33];
};

/* `shard` -1 is the catalog. The error begins with which of them it is. */
WEIR_MUST_USE bool link_open(const struct cli_config *config, int shard, struct sql **ret_sql, struct err *err);
/* ERR_MISSING, with "run weir init" in it, when there is no such table or row. */
WEIR_MUST_USE bool meta_read(struct sql *catalog, struct meta *ret_meta, struct err *err);
/* The active route; ERR_MISSING when there is none. */
WEIR_MUST_USE bool route_read(struct sql *catalog, const struct stream *stream, const struct layout *layout,
                              struct route *ret_route, struct err *err);

/* Is this database the shard that the settings take it for? A database of another cluster, or of another place in
 * mysql.shards, would mix rows that nobody can part again. */
WEIR_MUST_USE bool identity_check(struct sql *sql, int shard, const struct meta *meta, struct err *err);

/* A cell that is a number, signed or not; 0 for anything else. */
int64_t cell_i64(const struct value *cell);
/* Copies a text cell, cut to `size` - 1 bytes; "" for anything else. */
void cell_text(const struct value *cell, char *ret_text, size_t size);

#endif
