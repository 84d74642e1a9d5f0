#include "ops/cli/audit_report.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_MAX = 8 /* of what was not checked, on the last line */ };

void audit_report_init(struct audit_report *report, size_t findings_max)
{
    *report = (struct audit_report){.findings_max = findings_max};
    report->findings = mem_alloc((findings_max + 1) * sizeof *report->findings);
}

static void sentences_reset(struct audit_sentences *sentences)
{
    for (size_t i = 0; i < sentences->count; i++)
        free(sentences->text[i]);
    sentences->count = 0;
    sentences->left_out = 0;
}

void audit_report_reset(struct audit_report *report)
{
    sentences_reset(&report->notes);
    sentences_reset(&report->unchecked);
    report->finding_count = 0;
    memset(report->counts, 0, sizeof report->counts);
}

void audit_report_free(struct audit_report *report)
{
    audit_report_reset(report);
    free(report->findings);
    report->findings = NULL;
}

void audit_report_add(struct audit_report *report, int invariant, const char *kind, const struct audit_place *place,
                      const char *found, const char *expected)
{
    assert(invariant >= 1 && invariant <= AUDIT_INVARIANTS);
    report->counts[invariant]++;
    if (report->finding_count == report->findings_max)
        return;
    struct audit_finding *finding = &report->findings[report->finding_count++];
    *finding = (struct audit_finding){.invariant = invariant, .kind = kind, .place = *place};
    snprintf(finding->table, sizeof finding->table, "%s", place->table ? place->table : "");
    finding->place.table = NULL;
    snprintf(finding->found, sizeof finding->found, "%s", found);
    snprintf(finding->expected, sizeof finding->expected, "%s", expected);
}

static void sentences_add(struct audit_sentences *sentences, const char *format, va_list args)
{
    char text[2 * AUDIT_WORDS_MAX];
    if (sentences->count == AUDIT_NOTES_MAX) {
        sentences->left_out++;
        return;
    }
    vsnprintf(text, sizeof text, format, args);
    sentences->text[sentences->count++] = mem_copy_str(text);
}

void audit_report_note(struct audit_report *report, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    sentences_add(&report->notes, format, args);
    va_end(args);
}

void audit_report_unchecked(struct audit_report *report, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    sentences_add(&report->unchecked, format, args);
    va_end(args);
}

bool audit_report_agrees(const struct audit_report *report)
{
    return audit_report_total(report) == 0 && report->unchecked.count == 0;
}

uint64_t audit_report_total(const struct audit_report *report)
{
    uint64_t total = 0;
    for (int i = 1; i <= AUDIT_INVARIANTS; i++)
        total += report->counts[i];
    return total;
}

/* One member of a place; `number` is in use when `text` is NULL. */
struct member {
    const char *word, *name;
    const char *text;
    int64_t number;
    bool there, quoted;
};

enum { MEMBERS = 8 };

static void members_of(const struct audit_finding *finding, struct member ret_members[MEMBERS])
{
    const struct audit_place *place = &finding->place;
    const struct member members[MEMBERS] = {
        {.word = "layout", .name = "layout", .text = place->layout, .there = place->layout != NULL},
        {.word = "shard", .name = "shard", .number = place->shard, .there = place->shard >= 0},
        {.word = "table", .name = "table", .text = finding->table, .there = finding->table[0] != '\0'},
        {.word = "partition", .name = "partition", .number = place->partition, .there = place->partition >= 0},
        {.word = "offset", .name = "offset", .number = place->offset, .there = place->offset >= 0},
        {.word = "grab",
         .name = "grab_id",
         .number = (int64_t)place->grab_id,
         .there = place->grab_id > 0,
         .quoted = true},
        {.word = "user", .name = "user_id", .number = (int64_t)place->user_id, .there = place->user_id > 0},
        {.word = "coupon", .name = "coupon_id", .number = (int64_t)place->coupon_id, .there = place->coupon_id > 0},
    };
    memcpy(ret_members, members, sizeof members);
}

static void finding_text(const struct audit_finding *finding, struct buf *text)
{
    struct member members[MEMBERS];
    members_of(finding, members);
    buf_printf(text, "I%d %s", finding->invariant, finding->kind);
    const char *before = ": ";
    for (size_t i = 0; i < MEMBERS; i++) {
        if (!members[i].there)
            continue;
        buf_printf(text, "%s%s ", before, members[i].word);
        if (members[i].text)
            buf_append_str(text, members[i].text);
        else
            buf_append_i64(text, members[i].number);
        before = ", ";
    }
    buf_printf(text, ": found %s, expected %s\n", finding->found, finding->expected);
}

static void finding_json(const struct audit_finding *finding, struct buf *json)
{
    struct member members[MEMBERS];
    members_of(finding, members);
    buf_printf(json, "{\"invariant\":\"I%d\",\"kind\":\"%s\"", finding->invariant, finding->kind);
    for (size_t i = 0; i < MEMBERS; i++) {
        buf_printf(json, ",\"%s\":", members[i].name);
        if (!members[i].there)
            buf_append_str(json, "null");
        else if (members[i].text)
            buf_append_json(json, members[i].text, strlen(members[i].text));
        else
            buf_printf(json, members[i].quoted ? "\"%" PRId64 "\"" : "%" PRId64, members[i].number);
    }
    buf_append_str(json, ",\"found\":");
    buf_append_json(json, finding->found, strlen(finding->found));
    buf_append_str(json, ",\"expected\":");
    buf_append_json(json, finding->expected, strlen(finding->expected));
    buf_append_char(json, '}');
}

void audit_report_text(const struct audit_report *report, struct buf *ret_text)
{
    for (size_t i = 0; i < report->finding_count; i++)
        finding_text(&report->findings[i], ret_text);
    uint64_t more = audit_report_total(report) - report->finding_count;
    if (more > 0)
        buf_printf(ret_text, "… and %" PRIu64 " more; --limit shows them\n", more);
    for (size_t i = 0; i < report->notes.count; i++)
        buf_printf(ret_text, "note: %s\n", report->notes.text[i]);
    if (report->notes.left_out > 0)
        buf_printf(ret_text, "note: and %" PRIu64 " notes more\n", report->notes.left_out);
}

void audit_report_verdict(const struct audit_report *report, struct buf *ret_text)
{
    const struct audit_sentences *unchecked = &report->unchecked;
    const uint64_t total = audit_report_total(report);
    if (audit_report_agrees(report))
        buf_append_str(ret_text, "all agrees");
    else if (total == 0)
        buf_append_str(ret_text, "nothing disagrees in what was checked");
    else
        buf_printf(ret_text, "%" PRIu64 " disagreement%s", total, total == 1 ? "" : "s");
    for (size_t i = 0; i < unchecked->count && i < SHOWN_MAX; i++)
        buf_printf(ret_text, "%s%s", i == 0 ? "; not checked: " : ", ", unchecked->text[i]);
    if (unchecked->count > SHOWN_MAX)
        buf_printf(ret_text, " and %" PRIu64 " more; --json names %s",
                   unchecked->count - SHOWN_MAX + unchecked->left_out, unchecked->left_out > 0 ? "the first " : "them");
    if (unchecked->left_out > 0)
        buf_printf(ret_text, "%zu", unchecked->count);
}

static void sentences_json(const char *name, const struct audit_sentences *sentences, struct buf *json)
{
    buf_printf(json, ",\"%s\":[", name);
    for (size_t i = 0; i < sentences->count; i++) {
        buf_append_str(json, i > 0 ? "," : "");
        buf_append_json(json, sentences->text[i], strlen(sentences->text[i]));
    }
    buf_printf(json, "],\"%s_left_out\":%" PRIu64, name, sentences->left_out);
}

void audit_report_json(const struct audit_report *report, struct buf *ret_json)
{
    buf_printf(ret_json, "\"disagreements\":%" PRIu64 ",\"by_invariant\":{", audit_report_total(report));
    for (int i = 1; i <= AUDIT_INVARIANTS; i++)
        buf_printf(ret_json, "%s\"I%d\":%" PRIu64, i > 1 ? "," : "", i, report->counts[i]);
    buf_append_str(ret_json, "},\"kept\":[");
    for (size_t i = 0; i < report->finding_count; i++) {
        buf_append_str(ret_json, i > 0 ? "," : "");
        finding_json(&report->findings[i], ret_json);
    }
    buf_append_char(ret_json, ']');
    sentences_json("notes", &report->notes, ret_json);
    sentences_json("unchecked", &report->unchecked, ret_json);
}
