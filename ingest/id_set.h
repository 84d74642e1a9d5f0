/* A growing set of non-zero 64-bit ids: open addressing, at most 3/4 full, 8 bytes a slot. One thread. */
#ifndef WEIR_INGEST_ID_SET_H
#define WEIR_INGEST_ID_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct id_set {
    uint64_t *slot; /* 0: free */
    size_t count;
    size_t size; /* a power of two, or 0 */
};

bool id_set_add(struct id_set *set, uint64_t id); /* false: it was there */
bool id_set_has(const struct id_set *set, uint64_t id);
void id_set_free(struct id_set *set);

#endif
