/* What a partition's progress row says of itself, totals and dead letters: against the fold's own. After all passes. */
#include "ops/cli/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct audit_place place_of(const struct audit_layout *layout, int32_t partition)
{
    struct audit_place place = AUDIT_NOWHERE;
    place.layout = layout->keys->layout->name;
    place.partition = partition;
    place.shard = route_shard(&layout->route, partition);
    return place;
}

static void differs(struct audit *audit, int invariant, const char *kind, const struct audit_place *place,
                    const char *what, uint64_t found, uint64_t expected)
{
    char left[AUDIT_WORDS_MAX], right[AUDIT_WORDS_MAX];
    if (found == expected)
        return;
    snprintf(left, sizeof left, "%s %" PRIu64, what, found);
    snprintf(right, sizeof right, "%s %" PRIu64, what, expected);
    audit_report_add(&audit->report, invariant, kind, place, left, right);
}

static void check_adds(struct audit *audit, const struct audit_progress *progress, struct audit_place *place)
{
    const struct fold_counts *found = &progress->counts;
    place->table = "progress";
    if (!fold_counts_hold(found))
        differs(audit, 8, "counts_do_not_add", place, "records", found->records,
                found->ok + found->voided + found->duplicates + found->dead_letters + found->barriers);
}

static void check_counts(struct audit *audit, const struct audit_progress *progress, struct audit_place place)
{
    const struct fold_counts *found = &progress->counts, *expected = &progress->fold_counts;
    check_adds(audit, progress, &place);
    differs(audit, 8, "counts_differ", &place, "records", found->records, expected->records);
    differs(audit, 8, "counts_differ", &place, "ok_rows", found->ok, expected->ok);
    differs(audit, 8, "counts_differ", &place, "void_rows", found->voided, expected->voided);
    differs(audit, 8, "counts_differ", &place, "duplicates", found->duplicates, expected->duplicates);
    differs(audit, 8, "counts_differ", &place, "dead_letters", found->dead_letters, expected->dead_letters);
    differs(audit, 8, "counts_differ", &place, "barriers", found->barriers, expected->barriers);
}

static void check_end(struct audit *audit, const struct audit_progress *progress, struct audit_place place)
{
    char found[AUDIT_WORDS_MAX];
    place.table = "progress";
    place.offset = progress->next_offset;
    differs(audit, 7, "epoch_differs", &place, "epoch", progress->stored.epoch, progress->folded.epoch);
    if (progress->checksum == (progress->next_offset > 0 ? progress->last_checksum : 0))
        return;
    snprintf(found, sizeof found, "checksum %016" PRIx64, progress->checksum);
    audit_report_add(&audit->report, 7, "checksum_differs", &place, found,
                     progress->met_last ? "that of the last record before it: is this another log?"
                                        : "one of a record, and the log has none there");
}

static bool check_found(struct audit *audit, const struct audit_progress *progress, const struct audit_place *place)
{
    if (!progress->found)
        audit_report_add(&audit->report, 7, "progress_missing", place, "no progress row", "one");
    return progress->found;
}

static void check_progress(struct audit *audit, const struct audit_layout *layout, int32_t partition)
{
    const struct audit_progress *progress = &layout->progress[partition];
    struct audit_place place = place_of(layout, partition);
    char found[AUDIT_WORDS_MAX], expected[AUDIT_WORDS_MAX];
    if (!check_found(audit, progress, &place))
        return;
    if (progress->next_offset > audit->part[partition].cut) {
        snprintf(found, sizeof found, "progress at offset %" PRId64, progress->next_offset);
        snprintf(expected, sizeof expected, "at most the log's end, %" PRId64, audit->part[partition].cut);
        audit_report_add(&audit->report, 7, "progress_past_log", &place, found, expected);
        return;
    }
    check_counts(audit, progress, place);
    check_end(audit, progress, place);
}

/* The log does not tell, but the totals do: they moved with progress. */
static void check_unfolded(struct audit *audit, size_t at, int32_t partition)
{
    const struct audit_progress *progress = &audit->layouts[at].progress[partition];
    struct audit_place place = place_of(&audit->layouts[at], partition);
    uint64_t ok = 0, voided = 0;
    if (!check_found(audit, progress, &place))
        return;
    for (size_t i = 0; i < audit->totals.size; i++) {
        const struct audit_total *total = &audit->totals.slot[i];
        if (total->layout != at + 1 || total->partition != partition)
            continue;
        ok += total->ok;
        voided += total->voided;
    }
    check_adds(audit, progress, &place);
    place.table = audit->stream->totals_table;
    differs(audit, 7, "totals_miscounted", &place, "ok_rows", ok, progress->counts.ok);
    differs(audit, 7, "totals_miscounted", &place, "void_rows", voided, progress->counts.voided);
}

/* Rows of a day that was dropped are not there, and their totals stay. */
static bool rows_dropped(const struct audit *audit, const struct audit_total *total)
{
    return !audit->part[total->partition].whole && total->fold_ok + total->fold_voided == 0 &&
           audit_day_dropped(audit, &audit->layouts[total->layout - 1], total->day);
}

static void check_total(struct audit *audit, const struct audit_total *total)
{
    const struct audit_layout *layout = &audit->layouts[total->layout - 1];
    struct audit_place place = place_of(layout, total->partition);
    char found[AUDIT_WORDS_MAX], expected[AUDIT_WORDS_MAX], day[11];
    if ((total->ok == total->fold_ok && total->voided == total->fold_voided) || rows_dropped(audit, total))
        return;
    day_format(total->day, '-', day);
    place.table = audit->stream->totals_table;
    place.coupon_id = total->coupon_id;
    snprintf(found, sizeof found, "day %s: %" PRIu64 " OK, %" PRIu64 " VOID", day, total->ok, total->voided);
    snprintf(expected, sizeof expected, "%" PRIu64 " OK, %" PRIu64 " VOID%s", total->fold_ok, total->fold_voided,
             audit->part[total->partition].whole ? "" : ": so many rows are there");
    audit_report_add(&audit->report, 7, audit->part[total->partition].whole ? "totals_differ" : "rows_miscounted",
                     &place, found, expected);
}

static void check_letter(struct audit *audit, const struct audit_letter *letter)
{
    const struct audit_layout *layout = &audit->layouts[letter->layout];
    struct audit_place place = place_of(layout, letter->partition);
    bool ahead = letter->offset >= layout->progress[letter->partition].next_offset;
    if (letter->met)
        return;
    place.table = "dead_letters";
    place.offset = letter->offset;
    audit_report_add(&audit->report, 7, ahead ? "dead_letter_ahead" : "dead_letter_extra", &place, "a dead letter",
                     ahead ? "none: progress has not passed its record" : "none: the log has no record there");
}

void audit_check_sums(struct audit *audit)
{
    for (size_t l = 0; l < audit->layout_count; l++)
        for (int32_t p = 0; p < audit->partitions; p++)
            if (audit->part[p].whole)
                check_progress(audit, &audit->layouts[l], p);
            else
                check_unfolded(audit, l, p);
    for (size_t i = 0; i < audit->totals.size; i++)
        if (audit->totals.slot[i].layout != 0)
            check_total(audit, &audit->totals.slot[i]);
    for (size_t i = 0; i < audit->letter_count; i++)
        if (audit->part[audit->letters[i].partition].whole)
            check_letter(audit, &audit->letters[i]);
}
