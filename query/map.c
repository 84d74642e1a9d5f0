#include "query/map.h"

#include "core/buf.h"
#include <assert.h>
#include <stdlib.h>

struct map *map_new(const struct stream *stream)
{
    struct map *map = mem_alloc(sizeof *map);
    atomic_init(&map->refs, 1);
    map->stream = stream;
    for (size_t i = 0; i < stream->layout_count; i++)
        map->layouts[i].keys = &stream->layouts[i];
    return map;
}

void map_unref(struct map *map)
{
    if (map == NULL)
        return;
    int before = atomic_fetch_sub_explicit(&map->refs, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before == 1)
        free(map);
}

const struct map_layout *map_find(const struct map *map, const struct layout *layout)
{
    for (size_t i = 0; i < map->stream->layout_count; i++)
        if (map->layouts[i].there && map->layouts[i].keys->layout == layout)
            return &map->layouts[i];
    return NULL;
}

const struct map_layout *map_find_or_other(const struct map *map, const struct layout *wanted)
{
    const struct map_layout *found = map_find(map, wanted);
    for (size_t i = 0; found == NULL && i < map->stream->layout_count; i++)
        if (map->layouts[i].there)
            found = &map->layouts[i];
    return found;
}
