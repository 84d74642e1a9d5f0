/* What an audit found: disagreements, each with its invariant (README, "What is promised"), its place and both sides;
 * what could not be judged, so that nobody may say that all agrees; and notes, which are neither but must be known to
 * whoever reads the result. Bounded: only the first of each are kept, all are counted. One thread.
 */
#ifndef WEIR_OPS_CLI_AUDIT_REPORT_H
#define WEIR_OPS_CLI_AUDIT_REPORT_H

#include "core/buf.h"
#include "schemas/layout.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AUDIT_INVARIANTS = 8, AUDIT_NOTES_MAX = 100, AUDIT_WORDS_MAX = 200 };

/* Where; what does not apply is NULL, -1 or, of an id, 0. Begin with AUDIT_NOWHERE. */
struct audit_place {
    const char *layout; /* static: a layout's name */
    const char *table;  /* borrowed until the call returns */
    int shard;
    int32_t partition;
    int64_t offset;
    uint64_t grab_id, user_id, coupon_id;
};
#define AUDIT_NOWHERE                                                                                                  \
    {                                                                                                                  \
        .shard = -1, .partition = -1, .offset = -1                                                                     \
    }

struct audit_finding {
    int invariant;    /* 1 is I1 */
    const char *kind; /* static, a stable word: "row_missing" */
    struct audit_place place;
    char table[TABLE_NAME_MAX];
    char found[AUDIT_WORDS_MAX], expected[AUDIT_WORDS_MAX];
};

struct audit_sentences {
    char *text[AUDIT_NOTES_MAX];
    size_t count; /* that are kept */
    uint64_t left_out;
};

struct audit_report {
    size_t findings_max;
    struct audit_finding *findings;
    size_t finding_count;                  /* that are kept */
    uint64_t counts[AUDIT_INVARIANTS + 1]; /* all, by invariant; 0 is not used */
    struct audit_sentences notes, unchecked;
};

void audit_report_init(struct audit_report *report, size_t findings_max);
void audit_report_free(struct audit_report *report);
void audit_report_reset(struct audit_report *report); /* forgets all */
/* `found` and `expected` are the ends of "found …", "expected …"; longer ones than AUDIT_WORDS_MAX are cut. */
void audit_report_add(struct audit_report *report, int invariant, const char *kind, const struct audit_place *place,
                      const char *found, const char *expected);
void audit_report_note(struct audit_report *report, const char *format, ...) WEIR_PRINTF(2, 3);
/* What was left out, and in brackets why: "partition 5 (its log begins at offset 811)". */
void audit_report_unchecked(struct audit_report *report, const char *format, ...) WEIR_PRINTF(2, 3);
bool audit_report_agrees(const struct audit_report *report); /* nothing disagrees, and nothing was left out */
uint64_t audit_report_total(const struct audit_report *report);

/* One line each: "I7 row_missing: layout hash, shard 2, …: found no row, expected an OK row". */
void audit_report_text(const struct audit_report *report, struct buf *ret_text);
/* The end of the last line: "all agrees", "2 disagreements; not checked: partition 5 (…)". */
void audit_report_verdict(const struct audit_report *report, struct buf *ret_text);
/* The members "disagreements", "by_invariant", "kept", "notes" and "unchecked", each of these two with how many it leaves
 * out ("unchecked_left_out"), of an object, without braces. */
void audit_report_json(const struct audit_report *report, struct buf *ret_json);

#endif
