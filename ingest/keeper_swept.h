/* The grabs of one coupon that a sweep takes to their end: which pending marks are due, each once, and where their rows
 * are. Pure memory, one thread. */
#ifndef WEIR_INGEST_KEEPER_SWEPT_H
#define WEIR_INGEST_KEEPER_SWEPT_H

#include "ingest/id_set.h"
#include "schemas/grabs.h"
#include <stddef.h>
#include <stdint.h>

struct swept {
    uint64_t grab_id;
    uint64_t user_id;
    int64_t slot; /* of the layout: which table its row is in */
    int32_t partition;
    bool taken;    /* it is cancelling, under our eyes */
    bool appended; /* its CANCEL is persisted */
    bool final;    /* its row is there */
    bool ok;       /* and is OK */
    char try_key[TRY_KEY_MAX + 1];
};

struct swept_list {
    struct swept *grab;
    size_t count, cap;
    const struct id_set *leave_out; /* borrowed: grabs that swept_add does not take; NULL: none */
};

void swept_free(struct swept_list *list);
/* Adds the grab of one field of the pending hash when it is due; what is no grab is left out, and so is all past
 * `grabs_max`. `now_ms` is Redis's wall clock, `hold_ms` the mark's. Whether it is due is said again by cancel.lua,
 * which decides. */
void swept_add(struct swept_list *list, const char *field, const char *value, int64_t now_ms, int64_t hold_ms,
               size_t grabs_max);
/* Sorts by id and drops what is there twice: HSCAN may hand out a field again while the hash is being resized. */
void swept_unique(struct swept_list *list);
void swept_keep_taken(struct swept_list *list);
/* Sorts by partition, slot, id: a run of one partition and slot is one statement. */
void swept_sort_places(struct swept_list *list);
size_t swept_run(const struct swept_list *list, size_t at,
                 size_t run_max); /* index behind the run that begins at `at` */
/* Puts those whose row is there before the others; answers how many they are. */
size_t swept_split_final(struct swept_list *list);
/* The same of those whose CANCEL is persisted. */
size_t swept_split_appended(struct swept_list *list);
void swept_drop_first(struct swept_list *list, size_t count);
/* Moves what `from` has from index `first` on behind what is in `list`. */
void swept_move_from(struct swept_list *list, struct swept_list *from, size_t first);
struct swept *swept_find(struct swept *grab, size_t count, uint64_t grab_id); /* in a run; NULL: not there */

#endif
