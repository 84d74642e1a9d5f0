/* The log becomes grabs, counts, totals and sales. Layouts differ only by how far their progress is and by the records
 * that their databases refused; so one fold serves all of them, and a grab says which layouts must have its row. */
#include "ops/cli/audit.h"
#include "schemas/codec.h"
#include "schemas/partition.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOTALS_MIN = 1024, BYTES_PER_MB = 1 << 20 };
/* Half of what the index of the grabs can number: slices are not of one size. */
#define PASS_GRABS_MAX (UINT64_C(1) << 31)

static uint64_t mix(uint64_t n) /* splitmix64's finalizer (S. Vigna): another one than the index of the grabs has */
{
    n = (n ^ (n >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    n = (n ^ (n >> 27)) * UINT64_C(0x94d049bb133111eb);
    return n ^ (n >> 31);
}

uint32_t audit_slices(uint64_t records, int64_t memory_mb)
{
    uint64_t grabs = (uint64_t)memory_mb * BYTES_PER_MB / AUDIT_GRAB_BYTES;
    if (grabs > PASS_GRABS_MAX)
        grabs = PASS_GRABS_MAX;
    const uint64_t slices = (records + grabs - 1) / grabs;
    return slices > 0 ? (uint32_t)slices : 1;
}

bool audit_in_slice(const struct audit *audit, uint64_t user_id)
{
    return audit->slices == 1 || mix(user_id) % audit->slices == audit->slice;
}

static int coupon_compare(const void *key, const void *element)
{
    uint64_t id = *(const uint64_t *)key, other = ((const struct audit_coupon *)element)->row.coupon_id;
    return (id > other) - (id < other);
}

struct audit_coupon *audit_coupon(const struct audit *audit, uint64_t coupon_id)
{
    if (audit->coupon_count == 0)
        return NULL;
    return bsearch(&coupon_id, audit->coupons, audit->coupon_count, sizeof *audit->coupons, coupon_compare);
}

/* ---- totals ---- */

static struct audit_total *total_slot(const struct audit_totals *totals, const struct audit_total *key)
{
    uint64_t hash =
        mix(key->coupon_id ^ mix((uint64_t)(uint32_t)key->day << 32 | (uint64_t)key->partition << 8 | key->layout));
    for (size_t at = hash & (totals->size - 1);; at = (at + 1) & (totals->size - 1)) {
        struct audit_total *slot = &totals->slot[at];
        if (slot->layout == 0 || (slot->layout == key->layout && slot->partition == key->partition &&
                                  slot->day == key->day && slot->coupon_id == key->coupon_id))
            return slot;
    }
}

static void totals_grow(struct audit_totals *totals)
{
    struct audit_totals grown = {.count = totals->count, .size = totals->size ? totals->size * 2 : TOTALS_MIN};
    grown.slot = mem_alloc(grown.size * sizeof *grown.slot);
    for (size_t i = 0; i < totals->size; i++)
        if (totals->slot[i].layout != 0)
            *total_slot(&grown, &totals->slot[i]) = totals->slot[i];
    free(totals->slot);
    *totals = grown;
}

struct audit_total *audit_total(struct audit_totals *totals, const struct audit_total *key)
{
    assert(key->layout > 0);
    if (totals->count * 3 >= totals->size * 2)
        totals_grow(totals);
    struct audit_total *slot = total_slot(totals, key);
    if (slot->layout != 0)
        return slot;
    totals->count++;
    *slot = *key;
    slot->ok = slot->voided = slot->fold_ok = slot->fold_voided = 0;
    return slot;
}

/* ---- dead letters ---- */

static int letter_compare(const void *a, const void *b)
{
    const struct audit_letter *one = a, *two = b;
    if (one->partition != two->partition)
        return one->partition < two->partition ? -1 : 1;
    if (one->offset != two->offset)
        return one->offset < two->offset ? -1 : 1;
    return (one->layout > two->layout) - (one->layout < two->layout);
}

void audit_letters_sort(struct audit *audit)
{
    if (audit->letter_count > 0)
        qsort(audit->letters, audit->letter_count, sizeof *audit->letters, letter_compare);
}

static struct audit_letter *letter_find(const struct audit *audit, int32_t partition, int64_t offset, size_t layout)
{
    struct audit_letter key = {.offset = offset, .partition = (uint16_t)partition, .layout = (uint8_t)layout};
    if (audit->letter_count == 0)
        return NULL;
    return bsearch(&key, audit->letters, audit->letter_count, sizeof key, letter_compare);
}

/* ---- records ---- */

static struct audit_place place_of(const struct audit *audit, const struct audit_layout *layout,
                                   const struct kafka_record *record)
{
    struct audit_place place = AUDIT_NOWHERE;
    (void)audit;
    place.layout = layout->keys->layout->name;
    place.partition = record->partition;
    place.offset = record->offset;
    if (record->partition < layout->route.partitions)
        place.shard = route_shard(&layout->route, record->partition);
    return place;
}

static bool in_progress(const struct audit_layout *layout, const struct kafka_record *record)
{
    return record->offset < layout->progress[record->partition].next_offset;
}

/* The first pass looks at what has no user: broken records, barriers, checksums. */
static void look_at_bytes(struct audit *audit, const struct kafka_record *record)
{
    for (size_t i = 0; i < audit->layout_count; i++) {
        struct audit_progress *progress = &audit->layouts[i].progress[record->partition];
        if (record->offset != progress->next_offset - 1)
            continue;
        progress->met_last = true;
        progress->last_checksum = kafka_record_checksum(record);
    }
}

static void fold_letter(struct audit *audit, struct audit_layout *layout, struct audit_letter *letter,
                        const struct kafka_record *record)
{
    fold_count_dead_letter(&layout->progress[record->partition].fold_counts);
    letter->met = true;
    if (letter->checksum == kafka_record_checksum(record))
        return;
    struct audit_place place = place_of(audit, layout, record);
    audit_report_add(&audit->report, 7, "dead_letter_differs", &place, "a dead letter of other bytes",
                     "the record's key and value");
}

static void fold_broken(struct audit *audit, const struct kafka_record *record, const struct err *why)
{
    for (size_t i = 0; i < audit->layout_count; i++) {
        struct audit_layout *layout = &audit->layouts[i];
        if (!in_progress(layout, record))
            continue;
        struct audit_letter *letter = letter_find(audit, record->partition, record->offset, i);
        if (letter) {
            fold_letter(audit, layout, letter, record);
            continue;
        }
        struct audit_place place = place_of(audit, layout, record);
        char expected[AUDIT_WORDS_MAX];
        fold_count_dead_letter(&layout->progress[record->partition].fold_counts);
        snprintf(expected, sizeof expected, "a dead letter: %.150s", why->text);
        audit_report_add(&audit->report, 7, "dead_letter_missing", &place, "none", expected);
    }
}

/* A record that can be stored, and was put aside. Its coupon tells whether it is one of ours: those have rows. */
static void fold_refused(struct audit *audit, struct audit_layout *layout, struct audit_letter *letter,
                         const struct kafka_record *record, const struct grab_event *event)
{
    fold_letter(audit, layout, letter, record);
    if (event->kind != RECORD_BARRIER && !audit_coupon(audit, event->coupon_id)) {
        audit->refused_foreign++;
        return;
    }
    struct audit_place place = place_of(audit, layout, record);
    place.grab_id = event->grab_id;
    place.user_id = event->user_id;
    place.coupon_id = event->coupon_id;
    audit_report_add(&audit->report, 2, "refused_record", &place, "a dead letter", "a row: the record is a good one");
}

/* The layouts that put this record aside though it is good. */
static uint8_t refused_by(struct audit *audit, const struct kafka_record *record, const struct grab_event *event)
{
    uint8_t layouts = 0;
    for (size_t i = 0; i < audit->layout_count && audit->letter_count > 0; i++) {
        struct audit_layout *layout = &audit->layouts[i];
        struct audit_letter *letter = letter_find(audit, record->partition, record->offset, i);
        if (!letter || !in_progress(layout, record))
            continue;
        layouts |= layout->bit;
        if (audit->slice == 0)
            fold_refused(audit, layout, letter, record, event);
    }
    return layouts;
}

static void count_row(struct audit *audit, size_t at, const struct kafka_record *record, const struct grab_event *event,
                      enum fold_verdict verdict)
{
    struct audit_layout *layout = &audit->layouts[at];
    if (!in_progress(layout, record))
        return;
    fold_count(&layout->progress[record->partition].fold_counts, verdict);
    if (verdict == FOLD_DUPLICATE)
        return;
    struct audit_total key = {.coupon_id = event->coupon_id,
                              .day = day_of_ms(stream_grabs.time_ms(event), audit->meta.offset_min),
                              .partition = (uint16_t)record->partition,
                              .layout = (uint8_t)(at + 1),
                              .shard = (uint8_t)route_shard(&layout->route, record->partition)};
    struct audit_total *total = audit_total(&audit->totals, &key);
    *(verdict == FOLD_OK ? &total->fold_ok : &total->fold_voided) += 1;
}

static void count_sale(struct audit *audit, const struct kafka_record *record, const struct grab_event *event)
{
    if (record->offset >= audit->part[record->partition].cut)
        return;
    struct audit_coupon *coupon = audit_coupon(audit, event->coupon_id);
    if (coupon)
        coupon->ok++;
    else
        audit->foreign++;
}

/* Its key says where a record belongs. Elsewhere it agrees with all that is made of it, but the reads of its user do not
 * see it, and a CANCEL does not meet its GRAB. */
static void check_partition(struct audit *audit, const struct kafka_record *record, const struct grab_event *event)
{
    const int32_t home = partition_of_user(event->user_id, audit->partitions);
    if (home == record->partition)
        return;
    if (!audit_coupon(audit, event->coupon_id)) {
        audit->misplaced_foreign++;
        return;
    }
    char expected[AUDIT_WORDS_MAX];
    struct audit_place place = AUDIT_NOWHERE;
    place.partition = record->partition;
    place.offset = record->offset;
    place.grab_id = event->grab_id;
    place.user_id = event->user_id;
    place.coupon_id = event->coupon_id;
    snprintf(expected, sizeof expected, "it in partition %d, where its user's are", (int)home);
    audit_report_add(&audit->report, 2, "record_misplaced", &place, "a record", expected);
}

static void fold_grab(struct audit *audit, const struct kafka_record *record, const struct grab_event *event)
{
    struct fold_state *state = &audit->part[record->partition].fold;
    const uint8_t refused = refused_by(audit, record, event);
    if (!audit_in_slice(audit, event->user_id))
        return;
    check_partition(audit, record, event);
    uint8_t have = 0, fresh = 0;
    for (struct audit_grab *grab = audit_grabs_next(&audit->grabs, event->grab_id, NULL); grab;
         grab = audit_grabs_next(&audit->grabs, event->grab_id, grab))
        have |= grab->partition == record->partition ? grab->layouts : 0;
    const enum fold_verdict verdict = fold_record(state, (enum record_kind)event->kind, event->epoch, false);
    for (size_t i = 0; i < audit->layout_count; i++) {
        const uint8_t bit = audit->layouts[i].bit;
        if (refused & bit)
            continue;
        fresh |= (uint8_t)(have & bit ? 0 : bit);
        count_row(audit, i, record, event, have & bit ? FOLD_DUPLICATE : verdict);
    }
    if (fresh == 0)
        return;
    audit_grabs_add(&audit->grabs, event, record->partition, record->offset, verdict, fresh);
    if (verdict == FOLD_OK && have == 0)
        count_sale(audit, record, event);
}

static void fold_barrier(struct audit *audit, const struct kafka_record *record, const struct grab_event *event)
{
    fold_record(&audit->part[record->partition].fold, RECORD_BARRIER, event->epoch, false);
    if (audit->slice > 0)
        return;
    const uint8_t refused = refused_by(audit, record, event);
    for (size_t i = 0; i < audit->layout_count; i++) {
        struct audit_layout *layout = &audit->layouts[i];
        struct audit_progress *progress = &layout->progress[record->partition];
        if (!in_progress(layout, record) || (refused & layout->bit))
            continue;
        fold_count(&progress->fold_counts, FOLD_BARRIER);
        fold_record(&progress->folded, RECORD_BARRIER, event->epoch, false);
    }
}

void audit_fold_record(struct audit *audit, const struct kafka_record *record)
{
    struct grab_event event;
    struct err why = {0};
    if (audit->slice == 0)
        look_at_bytes(audit, record);
    if (codec_read(audit->stream, record->key, record->key_len, record->value, record->value_len, &event, &why)) {
        if (event.kind == RECORD_BARRIER)
            fold_barrier(audit, record, &event);
        else
            fold_grab(audit, record, &event);
    } else if (audit->slice == 0) {
        fold_broken(audit, record, &why);
    }
    audit->part[record->partition].folded_to = record->offset + 1;
}
