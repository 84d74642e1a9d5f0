/* The grabs that a fold of the log made, each once, with what was seen of it since: which layouts have its row, whether
 * Redis has its claim. Found by id; an id may be there once for each partition (ids of other writers), and, where only
 * some layouts could store its first record, once for each part of them. 48 bytes a grab and an index. One thread.
 */
#ifndef WEIR_OPS_CLI_AUDIT_GRABS_H
#define WEIR_OPS_CLI_AUDIT_GRABS_H

#include "protocol/fold.h"
#include "schemas/grabs.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct audit_grab {
    uint64_t grab_id, user_id, coupon_id;
    int64_t offset;       /* of the record that made it */
    uint64_t try_at : 48; /* in the texts; 0: none */
    uint64_t partition : 16;
    uint32_t room_id;
    uint8_t verdict; /* enum fold_verdict: one that makes a row */
    uint8_t layouts; /* bit of each layout that must have its row, once its progress is past the record */
    uint8_t seen;    /* bit of each layout whose row was found */
    bool claimed;    /* its claim was found in Redis */
};

struct audit_grabs {
    struct audit_grab *grabs;
    size_t count, room;
    uint64_t *index;   /* upper half of the id's hash | place + 1 (32 bits each); 0: free */
    size_t index_size; /* a power of two, at most two thirds full; 0: none yet */
    char *texts;       /* try keys, NUL-terminated; the first byte is the empty one */
    size_t texts_len, texts_room;
};

/* What one costs at most: itself, index and sorting, and the text of its try key. */
enum { AUDIT_GRAB_BYTES = 80 + TRY_KEY_MAX + 1 };

void audit_grabs_init(struct audit_grabs *grabs, size_t expected);
void audit_grabs_free(struct audit_grabs *grabs);
struct audit_grab *audit_grabs_add(struct audit_grabs *grabs, const struct grab_event *event, int32_t partition,
                                   int64_t offset, enum fold_verdict verdict, uint8_t layouts);
/* The next one of this id behind `after` (NULL: the first); NULL when there is none. Pointers live until the next
 * add. */
struct audit_grab *audit_grabs_next(const struct audit_grabs *grabs, uint64_t grab_id, const struct audit_grab *after);
/* Of this partition, for this layout's bit. */
struct audit_grab *audit_grabs_find(const struct audit_grabs *grabs, uint64_t grab_id, int32_t partition, uint8_t bit);
/* The OK one of this id; NULL when there is none. */
struct audit_grab *audit_grabs_ok(const struct audit_grabs *grabs, uint64_t grab_id);
const char *audit_grab_try(const struct audit_grabs *grabs, const struct audit_grab *grab); /* "": none */
/* The event as its row must be. */
void audit_grab_event(const struct audit_grabs *grabs, const struct audit_grab *grab, struct grab_event *ret_event);

#endif
