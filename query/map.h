/* What the service knows of the catalog: partitions, time zone, and the active route of each layout. An unchanging
 * copy, replaced by a younger one when a reader thread (map_reader_*) has read the catalog again; while the catalog is
 * away the last one goes on to serve.
 *
 * Ownership: counted. Who takes a reference drops it.
 */
#ifndef WEIR_QUERY_MAP_H
#define WEIR_QUERY_MAP_H

#include "schemas/route.h"
#include <stdatomic.h>

enum { MAP_CLUSTER_MAX = 32 };

struct map_layout {
    const struct stream_layout *keys;
    bool there; /* it has an active route */
    struct route route;
};

struct map {
    atomic_int refs;
    const struct stream *stream;
    char cluster[MAP_CLUSTER_MAX + 1];
    int32_t partitions;
    int offset_min;                                /* the sale's time zone, minutes east of UTC */
    struct map_layout layouts[STREAM_LAYOUTS_MAX]; /* as in stream->layouts */
};

struct map *map_new(const struct stream *stream); /* one reference */
void map_unref(struct map *map);                  /* NULL is fine; any thread */
/* NULL: this layout has no route. Borrowed from the map. */
const struct map_layout *map_find(const struct map *map, const struct layout *layout);
/* `wanted` if it has a route, else the first layout that has one; NULL: none has. */
const struct map_layout *map_find_or_other(const struct map *map, const struct layout *wanted);

struct map_reader;
struct map_reader_options {
    const char *catalog_url; /* borrowed */
    const struct stream *stream;
    int shards;
    int64_t read_ms;
    int64_t connect_ms;
    int64_t query_ms;
};
WEIR_MUST_USE bool map_reader_start(const struct map_reader_options *options, struct map_reader **ret_reader,
                                    struct err *err);
void map_reader_stop(struct map_reader *reader); /* NULL is fine */
/* A reference to the newest map, or NULL before the first one. Any thread; holds a lock for a moment. */
struct map *map_reader_take(struct map_reader *reader);

#endif
