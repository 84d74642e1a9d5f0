#include "ingest/id_set.h"

#include "core/buf.h"

#include <assert.h>
#include <stdlib.h>

enum { FIRST_SIZE = 1024 };

/* The slot that holds `id`, or the free one where it belongs. Fibonacci hashing (Knuth, TAOCP 3, 6.4): ids are
 * time-ordered, so their low bits cluster. */
static size_t find(const struct id_set *set, uint64_t id)
{
    size_t at = (size_t)(id * UINT64_C(0x9E3779B97F4A7C15) >> 32) & (set->size - 1);
    while (set->slot[at] != 0 && set->slot[at] != id)
        at = (at + 1) & (set->size - 1);
    return at;
}

static void grow(struct id_set *set)
{
    struct id_set more = {.size = set->size == 0 ? FIRST_SIZE : set->size * 2, .count = set->count};
    more.slot = mem_alloc(more.size * sizeof *more.slot);
    for (size_t i = 0; i < set->size; i++)
        if (set->slot[i] != 0)
            more.slot[find(&more, set->slot[i])] = set->slot[i];
    free(set->slot);
    *set = more;
}

bool id_set_add(struct id_set *set, uint64_t id)
{
    assert(id != 0);
    if ((set->count + 1) * 4 > set->size * 3)
        grow(set);
    size_t at = find(set, id);
    if (set->slot[at] == id)
        return false;
    set->slot[at] = id;
    set->count++;
    return true;
}

bool id_set_has(const struct id_set *set, uint64_t id)
{
    return set->size > 0 && set->slot[find(set, id)] == id;
}

void id_set_free(struct id_set *set)
{
    free(set->slot);
    *set = (struct id_set){0};
}
