#include "ops/cli/audit_grabs.h"

#include "core/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UPPER_HALF UINT64_C(0xffffffff00000000)
#define TRY_AT_MAX UINT64_C(0xffffffffffff) /* 256 TiB of texts: no memory holds them */
enum { GRABS_MIN = 1024, TEXTS_MIN = 4096 };
static_assert(sizeof(struct audit_grab) == 48, "AUDIT_GRAB_BYTES counts on it");

static uint64_t mix(uint64_t n) /* finalizer of MurmurHash3 (A. Appleby) */
{
    n ^= n >> 33;
    n *= UINT64_C(0xff51afd7ed558ccd);
    n ^= n >> 33;
    n *= UINT64_C(0xc4ceb9fe1a85ec53);
    return n ^ (n >> 33);
}

static void index_put(struct audit_grabs *grabs, size_t place)
{
    uint64_t hash = mix(grabs->grabs[place].grab_id);
    size_t at = hash & (grabs->index_size - 1);
    while (grabs->index[at] != 0)
        at = (at + 1) & (grabs->index_size - 1);
    grabs->index[at] = (hash & UPPER_HALF) | (place + 1);
}

static void index_make(struct audit_grabs *grabs, size_t wanted)
{
    size_t size = GRABS_MIN;
    while (size / 3 * 2 < wanted)
        size *= 2;
    if (size <= grabs->index_size)
        return;
    free(grabs->index);
    grabs->index = mem_alloc(size * sizeof *grabs->index);
    grabs->index_size = size;
    for (size_t place = 0; place < grabs->count; place++)
        index_put(grabs, place);
}

void audit_grabs_init(struct audit_grabs *grabs, size_t expected)
{
    *grabs = (struct audit_grabs){.room = expected > GRABS_MIN ? expected : GRABS_MIN, .texts_room = TEXTS_MIN};
    grabs->grabs = mem_grow(NULL, grabs->room * sizeof *grabs->grabs);
    grabs->texts = mem_grow(NULL, grabs->texts_room);
    grabs->texts[grabs->texts_len++] = '\0';
    index_make(grabs, grabs->room);
}

void audit_grabs_free(struct audit_grabs *grabs)
{
    free(grabs->grabs);
    free(grabs->index);
    free(grabs->texts);
    *grabs = (struct audit_grabs){0};
}

static uint64_t text_add(struct audit_grabs *grabs, const char *text)
{
    size_t size = strlen(text) + 1;
    if (size == 1)
        return 0;
    if (grabs->texts_len + size > grabs->texts_room) {
        grabs->texts_room += grabs->texts_room / 2;
        grabs->texts = mem_grow(grabs->texts, grabs->texts_room);
    }
    const size_t at = grabs->texts_len;
    memcpy(grabs->texts + at, text, size);
    grabs->texts_len += size;
    return at;
}

struct audit_grab *audit_grabs_add(struct audit_grabs *grabs, const struct grab_event *event, int32_t partition,
                                   int64_t offset, enum fold_verdict verdict, uint8_t layouts)
{
    assert(grabs->count < UINT32_MAX - 1 && verdict <= FOLD_VOID_STALE);
    if (grabs->count == grabs->room) {
        grabs->room += grabs->room / 2;
        grabs->grabs = mem_grow(grabs->grabs, grabs->room * sizeof *grabs->grabs);
        index_make(grabs, grabs->room);
    }
    grabs->grabs[grabs->count] = (struct audit_grab){.grab_id = event->grab_id,
                                                     .user_id = event->user_id,
                                                     .coupon_id = event->coupon_id,
                                                     .offset = offset,
                                                     .room_id = event->room_id,
                                                     .try_at = text_add(grabs, event->try_key) & TRY_AT_MAX,
                                                     .partition = (uint16_t)partition,
                                                     .verdict = (uint8_t)verdict,
                                                     .layouts = layouts};
    index_put(grabs, grabs->count);
    return &grabs->grabs[grabs->count++];
}

struct audit_grab *audit_grabs_next(const struct audit_grabs *grabs, uint64_t grab_id, const struct audit_grab *after)
{
    uint64_t hash = mix(grab_id);
    bool past = after == NULL;
    for (size_t at = hash & (grabs->index_size - 1); grabs->index[at] != 0; at = (at + 1) & (grabs->index_size - 1)) {
        if ((grabs->index[at] ^ hash) & UPPER_HALF)
            continue; /* another id: no need to fetch it */
        struct audit_grab *grab = &grabs->grabs[(grabs->index[at] & ~UPPER_HALF) - 1];
        if (grab->grab_id == grab_id && past)
            return grab;
        past = past || grab == after;
    }
    return NULL;
}

struct audit_grab *audit_grabs_find(const struct audit_grabs *grabs, uint64_t grab_id, int32_t partition, uint8_t bit)
{
    struct audit_grab *grab = audit_grabs_next(grabs, grab_id, NULL);
    while (grab && (grab->partition != partition || !(grab->layouts & bit)))
        grab = audit_grabs_next(grabs, grab_id, grab);
    return grab;
}

struct audit_grab *audit_grabs_ok(const struct audit_grabs *grabs, uint64_t grab_id)
{
    struct audit_grab *grab = audit_grabs_next(grabs, grab_id, NULL);
    while (grab && grab->verdict != FOLD_OK)
        grab = audit_grabs_next(grabs, grab_id, grab);
    return grab;
}

const char *audit_grab_try(const struct audit_grabs *grabs, const struct audit_grab *grab)
{
    return grabs->texts + grab->try_at;
}

void audit_grab_event(const struct audit_grabs *grabs, const struct audit_grab *grab, struct grab_event *ret_event)
{
    *ret_event = (struct grab_event){
        .grab_id = grab->grab_id, .user_id = grab->user_id, .coupon_id = grab->coupon_id, .room_id = grab->room_id};
    snprintf(ret_event->try_key, sizeof ret_event->try_key, "%s", audit_grab_try(grabs, grab));
    stream_grabs.finish(ret_event, (enum fold_verdict)grab->verdict);
}
