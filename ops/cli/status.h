/* What weir status knows: gathered from the outside (HTTP, Kafka, MySQL, Redis), then rendered. A part that does not
 * answer is down, with its reason, and what depends on it is not known; nothing is ever shown as 0 because nobody could
 * be asked. */
#ifndef WEIR_OPS_CLI_STATUS_H
#define WEIR_OPS_CLI_STATUS_H

#include "ops/cli/links.h"
#include "schemas/route.h"
#include "schemas/stream.h"

enum { STATUS_SERVICES_MAX = 32, STATUS_NAME_MAX = 31, STATUS_WHY_MAX = 300, STATUS_COUPONS_MAX = 20000 };

struct status_part {
    char name[STATUS_NAME_MAX + 1];
    char where[256]; /* its URL or host:port/database; never a password */
    char why[STATUS_WHY_MAX + 1];
    bool up;
};

struct status_shard {
    struct status_part part;
    uint64_t rows, dead_letters;
    int64_t commit_age_ms; /* since the last batch; -1: none yet */
};

struct status_layout {
    char name[LAYOUT_NAME_MAX];
    bool counted;    /* the catalog and every shard of it answered */
    bool known;      /* and Kafka too: then there is a lag */
    int32_t missing; /* partitions without a progress row */
    uint64_t lag, records, ok, voided, duplicates, dead_letters, barriers;
};

struct status_stock {
    bool known; /* catalog and Redis answered */
    uint64_t coupons, open, closed, building, not_opened, not_valid;
    uint64_t broken; /* rows of the catalog that are no coupons; left out, as the keeper leaves them out */
    uint64_t total, left, pending; /* of the valid ones */
    char why[STATUS_WHY_MAX + 1]; /* the first broken row; where there is none, why the rows could not be read, or "" */
};

/* Which keeper holds the lease. */
struct status_leader {
    bool known;      /* the catalog answered */
    char place[256]; /* host:port; "": none ever led */
    int64_t left_ms; /* of its lease; 0: nobody leads */
};

struct status {
    int64_t at_ms; /* since 1970 */
    const struct stream *stream;
    struct meta meta;
    struct status_part service[STATUS_SERVICES_MAX];
    size_t service_count;
    struct status_part catalog, kafka, redis;
    uint64_t records; /* that the log holds, by its watermarks */
    int64_t high[ROUTE_PARTITIONS_MAX];
    struct status_shard shard[CONFIG_LIST_MAX];
    size_t shard_count;
    struct route route[STREAM_LAYOUTS_MAX];
    struct status_layout layout[STREAM_LAYOUTS_MAX];
    struct status_stock stock;
    struct status_leader leader;
};

/* Asks every part once; each call has a deadline of `timeout_ms`. ERR_USAGE: the setting status.services is not
 * right. */
WEIR_MUST_USE bool status_gather(const struct cli_config *config, const struct stream *stream,
                                 struct status *ret_status, struct err *err);
/* The part of it that has to do with lag: catalog, Kafka, shards. The caller closes `ret_catalog`, which may be
 * NULL. */
void status_gather_lag(const struct cli_config *config, const struct stream *stream, struct status *ret_status,
                       struct sql **ret_catalog);
void status_gather_stock(const struct cli_config *config, struct sql *catalog, struct status *status);

/* ---- pure ---- */

/* A layout without a route has no workers: it is none of this system's, and not shown. While the catalog is away each
 * of them may be. */
bool status_layout_used(const struct status *status, size_t layout);
/* Every part is up, a keeper leads, as far as is known, the stock is known, every layout that is used is known and whole. */
bool status_healthy(const struct status *status);
void status_render_text(const struct status *status, struct buf *ret_text);
void status_render_json(const struct status *status, struct buf *ret_json);
/* "name=http://host:port, name=…" */
WEIR_MUST_USE bool status_services_parse(const char *text, struct status *status, struct err *err);
/* The first part that is not ready, out of /readyz?verbose; "not ready" when it names none. */
void status_readyz_why(const char *body, char *ret_why, size_t size);
/* One progress row into its layout, if the route has it on this shard. */
struct status_progress {
    char layout[LAYOUT_NAME_MAX], topic[64];
    int32_t partition;
    int64_t next_offset, updated_ms;
    uint64_t records, ok, voided, duplicates, dead_letters, barriers;
};
void status_add_progress(struct status *status, size_t shard, const struct status_progress *row);

#endif
