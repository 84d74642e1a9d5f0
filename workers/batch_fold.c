/* batch_fold: the one rule of protocol/fold.h over a batch, then the order in which rows and totals go to their tables.
 *
 * Whether an id has a row is known from two sides: `exists` of the record (read from the table, on the slow path only)
 * and the set of ids that got a row in this batch. The set compares (slot, id), because that is what a table holds
 * once.
 */
#include "workers/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static uint64_t mix(uint64_t n) /* finalizer of MurmurHash3 (A. Appleby) */
{
    n ^= n >> 33;
    n *= UINT64_C(0xff51afd7ed558ccd);
    n ^= n >> 33;
    n *= UINT64_C(0xc4ceb9fe1a85ec53);
    return n ^ (n >> 33);
}

/* Where (slot, id) of this record is in the set, or would be. */
static uint32_t *set_find(struct batch *batch, const struct batch_record *entry)
{
    size_t at = mix(entry->id ^ mix((uint64_t)entry->slot)) & (batch->set_size - 1);
    for (;; at = (at + 1) & (batch->set_size - 1)) {
        if (batch->set[at] == 0)
            return &batch->set[at];
        const struct batch_record *other = &batch->records[batch->set[at] - 1];
        if (other->id == entry->id && other->slot == entry->slot)
            return &batch->set[at];
    }
}

static bool verdict_has_row(enum fold_verdict verdict)
{
    return verdict == FOLD_OK || verdict == FOLD_VOID_CANCELLED || verdict == FOLD_VOID_STALE;
}

static void fold_one(struct batch *batch, size_t place)
{
    const struct stream *stream = batch->options.stream;
    struct batch_record *entry = &batch->records[place];
    struct batch_part *part = &batch->parts[entry->part];
    if (entry->reason) {
        fold_count_dead_letter(&part->counts);
        return;
    }
    void *event = batch->events + entry->place * batch->event_stride;
    const enum record_kind kind = stream_kind(stream, event);
    uint32_t *seat = kind == RECORD_BARRIER ? NULL : set_find(batch, entry);
    const bool has_row = seat && (*seat != 0 || entry->exists);
    entry->verdict = fold_record(&part->after, kind, stream_epoch(stream, event), has_row);
    fold_count(&part->counts, entry->verdict);
    if (seat && entry->exists)
        *seat = (uint32_t)place + 1; /* later records of this id in the batch are duplicates too */
    if (!verdict_has_row(entry->verdict))
        return;
    *seat = (uint32_t)place + 1;
    stream->finish(event, entry->verdict);
    batch->rows[batch->row_count++] = (uint32_t)place;
}

static int row_compare(const void *a, const void *b, void *arg)
{
    const struct batch *batch = arg;
    const struct batch_record *one = &batch->records[*(const uint32_t *)a],
                              *two = &batch->records[*(const uint32_t *)b];
    if (one->slot != two->slot)
        return one->slot < two->slot ? -1 : 1;
    return stream_compare(batch->options.stream, batch->keys, batch_event(batch, *(const uint32_t *)a),
                          batch_event(batch, *(const uint32_t *)b));
}

static int value_compare(struct value a, struct value b)
{
    if (a.type == VALUE_TEXT && b.type == VALUE_TEXT) {
        const int order = memcmp(a.text, b.text, a.len < b.len ? a.len : b.len);
        return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
    }
    return (a.u64 > b.u64) - (a.u64 < b.u64);
}

static int total_compare(const void *a, const void *b, void *arg)
{
    const struct batch *batch = arg;
    const struct batch_total *one = a, *two = b;
    const int32_t p = batch->parts[one->part].partition, q = batch->parts[two->part].partition;
    if (p != q)
        return p < q ? -1 : 1;
    if (one->day != two->day)
        return one->day < two->day ? -1 : 1;
    return value_compare(one->value, two->value);
}

static void totals_merge(struct batch *batch)
{
    size_t kept = 0;
    for (size_t i = 0; i < batch->total_count; i++) {
        struct batch_total *total = &batch->totals[i];
        if (kept > 0 && total_compare(&batch->totals[kept - 1], total, batch) == 0) {
            batch->totals[kept - 1].ok += total->ok;
            batch->totals[kept - 1].voided += total->voided;
        } else {
            batch->totals[kept++] = *total;
        }
    }
    batch->total_count = kept;
}

static void totals_make(struct batch *batch)
{
    const struct stream *stream = batch->options.stream;
    const struct column *column = stream->totals_table ? stream_column(stream, stream->totals_column) : NULL;
    batch->total_count = 0;
    for (size_t i = 0; column && i < batch->row_count; i++) {
        const struct batch_record *entry = &batch->records[batch->rows[i]];
        const void *event = batch_event(batch, batch->rows[i]);
        const bool ok = entry->verdict == FOLD_OK;
        batch->totals[batch->total_count++] =
            (struct batch_total){.part = entry->part,
                                 .day = day_of_ms(stream->time_ms(event), batch->options.offset_min),
                                 .value = stream_value(column, event),
                                 .ok = ok,
                                 .voided = !ok};
    }
    if (batch->total_count > 1)
        qsort_r(batch->totals, batch->total_count, sizeof *batch->totals, total_compare, batch);
    totals_merge(batch);
}

void batch_fold(struct batch *batch)
{
    memset(batch->set, 0, batch->set_size * sizeof *batch->set);
    for (size_t i = 0; i < batch->part_count; i++) {
        batch->parts[i].after = batch->parts[i].before;
        batch->parts[i].counts = (struct fold_counts){0};
    }
    batch->row_count = 0;
    for (size_t i = 0; i < batch->count; i++)
        fold_one(batch, i);
    if (batch->row_count > 1)
        qsort_r(batch->rows, batch->row_count, sizeof *batch->rows, row_compare, batch);
    totals_make(batch);
    for (size_t i = 0; i < batch->part_count; i++)
        assert(fold_counts_hold(&batch->parts[i].counts) && batch->parts[i].counts.records == batch->parts[i].records);
}
