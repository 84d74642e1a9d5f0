/* Unknowns of the history (202) that were open at the cut. They have as long as pending marks have, from when all servers
 * had answered; so the log is read on until they are OK or VOID, or that time is over. */
#include "core/clock.h"
#include "ops/cli/audit.h"
#include "schemas/codec.h"
#include "schemas/partition.h"

#include <inttypes.h>
#include <stdlib.h>

enum { WAIT_STEP_MS = 500 };

void audit_unknown_note(struct audit *audit, const struct audit_line *line)
{
    if ((audit->unknown_count & (audit->unknown_count - 1)) == 0) /* grows at powers of two */
        audit->unknown =
            mem_grow(audit->unknown, (audit->unknown_count ? audit->unknown_count * 2 : 1) * sizeof *audit->unknown);
    audit->unknown[audit->unknown_count++] = *line;
}

static int grab_compare(const void *a, const void *b)
{
    const struct audit_line *one = a, *two = b;
    return (one->grab_id > two->grab_id) - (one->grab_id < two->grab_id);
}

void audit_unknown_sort(struct audit *audit)
{
    if (audit->unknown_count > 0)
        qsort(audit->unknown, audit->unknown_count, sizeof *audit->unknown, grab_compare);
}

/* Several answers may tell of one grab. */
static void end_grab(struct audit *audit, uint64_t grab_id)
{
    const struct audit_line key = {.grab_id = grab_id};
    struct audit_line *end = audit->unknown + audit->unknown_count,
                      *line = bsearch(&key, audit->unknown, audit->unknown_count, sizeof key, grab_compare);
    while (line && line > audit->unknown && line[-1].grab_id == grab_id)
        line--;
    for (; line && line < end && line->grab_id == grab_id; line++)
        line->done = true;
}

void audit_unknown_record(struct audit *audit, const struct kafka_record *record)
{
    struct audit_part *part = &audit->part[record->partition];
    struct grab_event event;
    struct err why = {0};
    part->folded_to = record->offset + 1;
    if (!codec_read(audit->stream, record->key, record->key_len, record->value, record->value_len, &event, &why))
        return;
    if (event.kind == RECORD_BARRIER)
        fold_record(&part->fold, RECORD_BARRIER, event.epoch, false);
    else if (audit->unknown_count > 0)
        end_grab(audit, event.grab_id);
}

static int32_t partition_of(const struct audit *audit, const struct audit_line *line)
{
    return partition_of_user(line->user_id, audit->partitions);
}

void audit_unknown_drop(struct audit *audit)
{
    size_t kept = 0;
    for (size_t i = 0; i < audit->unknown_count; i++) {
        const struct audit_line *line = &audit->unknown[i];
        const uint64_t epoch = audit->part[partition_of(audit, line)].fold.epoch;
        if (fold_status(line->done, false, line->epoch, epoch) == GRAB_STATUS_OPEN)
            audit->unknown[kept++] = *line;
    }
    audit->unknown_count = kept;
}

void audit_unknown_report(struct audit *audit)
{
    for (size_t i = 0; i < audit->unknown_count; i++) {
        const struct audit_line *line = &audit->unknown[i];
        const struct audit_coupon *coupon = audit_coupon(audit, line->coupon_id);
        if (!coupon || coupon->row.broken) { /* no keeper ends it, and whether something is pending was not looked at */
            audit_report_unchecked(&audit->report,
                                   "grab %" PRIu64 " (the catalog has no sound row of its coupon %" PRIu64 ")",
                                   line->grab_id, line->coupon_id);
            continue;
        }
        struct audit_place place = AUDIT_NOWHERE;
        place.partition = partition_of(audit, line);
        place.grab_id = line->grab_id;
        place.user_id = line->user_id;
        place.coupon_id = line->coupon_id;
        audit_report_add(&audit->report, 4, "unknown_open", &place, "it open still",
                         audit->at_rest ? "OK or VOID: nothing is pending any more"
                                        : "OK or VOID within two holds, for all servers answer (does the keeper run?)");
    }
}

static int64_t longer_hold(const struct audit_coupon *coupon, int64_t hold_ms)
{
    if (coupon->look.hold_ms > hold_ms)
        hold_ms = coupon->look.hold_ms;
    return coupon->row.hold_ms > hold_ms ? coupon->row.hold_ms : hold_ms;
}

/* By the longest hold of theirs; where a coupon has no valid mark its rebuild ends them, and waits by the longest of all. */
static int64_t due_ms(const struct audit *audit)
{
    int64_t hold_ms = 0;
    bool rebuilt = false;
    for (size_t i = 0; i < audit->unknown_count; i++) {
        const struct audit_coupon *coupon = audit_coupon(audit, audit->unknown[i].coupon_id);
        if (!coupon)
            continue;
        hold_ms = longer_hold(coupon, hold_ms);
        rebuilt = rebuilt || coupon->stock != AUDIT_STOCK_VALID;
    }
    for (size_t i = 0; rebuilt && i < audit->coupon_count; i++)
        hold_ms = longer_hold(&audit->coupons[i], hold_ms);
    return audit->asked_ms + audit_due_ms(hold_ms);
}

static bool read_on(struct audit *audit, struct err *err)
{
    bool partitions[ROUTE_PARTITIONS_MAX] = {false};
    for (size_t i = 0; i < audit->unknown_count; i++)
        partitions[partition_of(audit, &audit->unknown[i])] = true;
    if (!audit_log_tail(audit, partitions, audit_unknown_record, err))
        return false;
    audit_unknown_drop(audit);
    return true;
}

bool audit_unknown_wait(struct audit *audit, struct err *err)
{
    const int64_t end_ms = due_ms(audit);
    audit_unknown_sort(audit);
    for (int32_t p = 0; p < audit->partitions; p++) /* each pass read behind the cut for its own users */
        audit->part[p].folded_to = audit->part[p].cut;
    for (bool over = audit->at_rest; !over && audit->unknown_count > 0;) {
        over = clock_boottime_ms() >= end_ms; /* before the log's end is read */
        if (!read_on(audit, err))
            return false;
        if (!over && audit->unknown_count > 0)
            clock_sleep_ms(WAIT_STEP_MS);
    }
    audit_unknown_report(audit);
    return true;
}
