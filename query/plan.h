/* A plan: a question on one layout's route -> which shards, which tables there, and one SQL text a table. Pure.
 *
 *     hash    one user: the user's partition, so one shard and one table
 *             all else: every partition's table
 *     daily   one user: that partition's shard, every day table there
 *             all else: every shard, the day tables that can hold the ids asked for
 *
 * Day tables do not overlap in grab_id, so a shard reads them from the newest and stops at the limit; the tables of
 * partitions are merged (merge.h).
 */
#ifndef WEIR_QUERY_PLAN_H
#define WEIR_QUERY_PLAN_H

#include "core/buf.h"
#include "core/value.h"
#include "query/map.h"
#include "query/question.h"

enum { PLAN_VALUES_MAX = 4, PLAN_TABLES_MAX = 4096 };

struct plan {
    const struct stream *stream;
    const struct map_layout *layout; /* borrowed from the map */
    int offset_min;
    int32_t partition; /* -1: all */
    struct question question;
};

/* False: there is no such route; 422 when the layout was forced, else 503. The map must outlive the plan. */
WEIR_MUST_USE bool plan_make(const struct question *question, const struct map *map, struct plan *ret_plan,
                             struct question_fault *fault);
/* The layout of a question that is not a list: `mode`'s, else `wanted`, else another. The same faults. */
WEIR_MUST_USE bool plan_layout(const struct question_mode *mode, const struct layout *wanted, const struct map *map,
                               const struct map_layout **ret_layout, struct question_fault *fault);

/* The shards that hold what is asked for, rising. */
size_t plan_shards(const struct plan *plan, int ret_shards[ROUTE_SHARDS_MAX]);
/* The same for all partitions of a layout. */
size_t plan_all_shards(const struct map_layout *layout, int ret_shards[ROUTE_SHARDS_MAX]);

/* Slots of the shard in the order in which they are read. For a layout by day `table` are the names that the shard has,
 * of whatever kind (newest day first); else it is not looked at. */
struct plan_slots {
    int64_t oldest; /* by day: of all tables that were listed, wanted or not; INT64_MAX: none */
    size_t count;
    int64_t slot[PLAN_TABLES_MAX];
};
void plan_slots_clear(struct plan_slots *slots);
void plan_slots_add_table(const struct plan *plan, const char *table, struct plan_slots *slots); /* one listed name */
void plan_slots_sort(struct plan_slots *slots);
void plan_slots_of(const struct plan *plan, int shard, struct plan_slots *ret_slots); /* layouts not by day */
/* The days that ids of the question can be of; false: no id is asked for. */
WEIR_MUST_USE bool plan_days(const struct plan *plan, int64_t *ret_first, int64_t *ret_last);
/* For SHOW TABLES: text of the statement that lists the names for plan_slots_add_table. */
void plan_list_sql(const struct stream *stream, struct buf *ret_sql);

/* SELECT <row columns> … ORDER BY id DESC LIMIT ?, of one slot. */
void plan_sql(const struct plan *plan, int64_t slot, struct buf *ret_sql);
size_t plan_values(const struct plan *plan, size_t limit, struct value ret_values[PLAN_VALUES_MAX]);

/* "SELECT `user_id`, … FROM `table`", which plan_sql and others begin with. */
void plan_select_columns(const struct stream *stream, const char *table, struct buf *ret_sql);
/* " AND `partition` IN (0,4,8)": those that the route puts on this shard; rows and totals of others are not ours. */
void plan_partitions_sql(const struct map_layout *layout, int shard, struct buf *ret_sql);

#endif
