#include "ingest/keeper_swept.h"

#include "core/buf.h"
#include "protocol/ids.h"
#include "protocol/sweep.h"
#include "schemas/stock.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void swept_free(struct swept_list *list)
{
    free(list->grab);
    *list = (struct swept_list){0};
}

static void make_room(struct swept_list *list, size_t more)
{
    if (list->count + more <= list->cap)
        return;
    while (list->count + more > list->cap)
        list->cap = list->cap == 0 ? 64 : list->cap * 2;
    list->grab = mem_grow(list->grab, list->cap * sizeof *list->grab);
}

void swept_add(struct swept_list *list, const char *field, const char *value, int64_t now_ms, int64_t hold_ms,
               size_t grabs_max)
{
    struct stock_pending pending;
    uint64_t grab_id;
    if (list->count == grabs_max || !id_parse(field, strlen(field), &grab_id) ||
        !stock_pending_parse(value, &pending) || !sweep_due(pending.state == 'C', pending.hint_ms, now_ms, hold_ms))
        return;
    if (list->leave_out != NULL && id_set_has(list->leave_out, grab_id))
        return;
    make_room(list, 1);
    struct swept *grab = &list->grab[list->count++];
    *grab = (struct swept){.grab_id = grab_id, .user_id = pending.user_id};
    snprintf(grab->try_key, sizeof grab->try_key, "%s", pending.try_key);
}

static int compare_ids(const void *left, const void *right)
{
    const struct swept *a = left, *b = right;
    return (a->grab_id > b->grab_id) - (a->grab_id < b->grab_id);
}

void swept_unique(struct swept_list *list)
{
    if (list->count < 2)
        return;
    qsort(list->grab, list->count, sizeof *list->grab, compare_ids);
    size_t kept = 1;
    for (size_t i = 1; i < list->count; i++)
        if (list->grab[i].grab_id != list->grab[kept - 1].grab_id)
            list->grab[kept++] = list->grab[i];
    list->count = kept;
}

void swept_keep_taken(struct swept_list *list)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++)
        if (list->grab[i].taken)
            list->grab[kept++] = list->grab[i];
    list->count = kept;
}

static int compare_places(const void *left, const void *right)
{
    const struct swept *a = left, *b = right;
    if (a->partition != b->partition)
        return a->partition < b->partition ? -1 : 1;
    if (a->slot != b->slot)
        return a->slot < b->slot ? -1 : 1;
    return compare_ids(left, right);
}

void swept_sort_places(struct swept_list *list)
{
    if (list->count > 1)
        qsort(list->grab, list->count, sizeof *list->grab, compare_places);
}

size_t swept_run(const struct swept_list *list, size_t at, size_t run_max)
{
    const struct swept *first = &list->grab[at];
    size_t next = at;
    while (next < list->count && next - at < run_max && list->grab[next].partition == first->partition &&
           list->grab[next].slot == first->slot)
        next++;
    return next;
}

static void swap_places(struct swept *a, struct swept *b)
{
    struct swept grab = *a;
    *a = *b;
    *b = grab;
}

size_t swept_split_final(struct swept_list *list)
{
    size_t final = 0;
    for (size_t i = 0; i < list->count; i++)
        if (list->grab[i].final)
            swap_places(&list->grab[i], &list->grab[final++]);
    return final;
}

size_t swept_split_appended(struct swept_list *list)
{
    size_t appended = 0;
    for (size_t i = 0; i < list->count; i++)
        if (list->grab[i].appended)
            swap_places(&list->grab[i], &list->grab[appended++]);
    return appended;
}

void swept_drop_first(struct swept_list *list, size_t count)
{
    assert(count <= list->count);
    if (count == 0)
        return;
    list->count -= count;
    memmove(list->grab, list->grab + count, list->count * sizeof *list->grab);
}

void swept_move_from(struct swept_list *list, struct swept_list *from, size_t first)
{
    assert(first <= from->count);
    size_t count = from->count - first;
    if (count == 0)
        return;
    make_room(list, count);
    memcpy(list->grab + list->count, from->grab + first, count * sizeof *from->grab);
    list->count += count;
    from->count = first;
}

struct swept *swept_find(struct swept *grab, size_t count, uint64_t grab_id)
{
    struct swept key = {.grab_id = grab_id};
    return count == 0 ? NULL : bsearch(&key, grab, count, sizeof *grab, compare_ids);
}
