/* Marks of pending grabs: one that is older than two holds, by Redis's clock, must be gone two holds later; a short hold
 * has longer (audit_due_ms). */
#include "core/clock.h"
#include "ops/cli/audit_stock.h"
#include "protocol/ids.h"
#include "schemas/partition.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { WAIT_STEP_MS = 200, SHORT_MS = 2000 /* what the keeper's ticks and the workers may take of a short hold */ };

int64_t audit_due_ms(int64_t hold_ms)
{
    const int64_t two = 2 * hold_ms, short_one = hold_ms + hold_ms / 2 + SHORT_MS;
    return two > short_one ? two : short_one;
}

static void take_pending(const char *field, size_t field_len, const char *value, size_t value_len, void *arg)
{
    struct audit_scan *scan = arg;
    struct audit *audit = scan->audit;
    struct stock_pending pending;
    char text[200];
    uint64_t grab_id;
    if (!id_parse(field, field_len, &grab_id))
        return;
    snprintf(text, sizeof text, "%.*s", (int)value_len, value);
    if (!stock_pending_parse(text, &pending)) {
        audit_stock_differs(audit, scan->coupon->row.coupon_id, 0, grab_id, "pending_unreadable",
                            "a pending mark that is none", "P0 hint user");
        return;
    }
    int64_t age_ms = audit->redis_now_ms - pending.hint_ms + scan->coupon->look.hold_ms;
    if (age_ms <= 2 * scan->coupon->look.hold_ms)
        return;
    audit->overdue = mem_grow(audit->overdue, (audit->overdue_count + 1) * sizeof *audit->overdue);
    audit->overdue[audit->overdue_count++] =
        (struct audit_overdue){.coupon_id = scan->coupon->row.coupon_id,
                               .grab_id = grab_id,
                               .age_ms = age_ms,
                               .partition = partition_of_user(pending.user_id, audit->partitions)};
}

static bool look_at_clocks(struct audit *audit, struct err *err)
{
    const struct redis_arg time = audit_arg("TIME");
    struct redis_reply *reply = redis_sync_send(audit->redis, &time, 1, err);
    if (!reply)
        return false;
    audit->redis_now_ms =
        redis_reply_int(redis_reply_at(reply, 0)) * 1000 + redis_reply_int(redis_reply_at(reply, 1)) / 1000;
    audit->asked_ms = clock_boottime_ms();
    redis_reply_free(reply);
    return true;
}

static bool scan_all(struct audit *audit, struct err *err)
{
    for (size_t i = 0; i < audit->coupon_count; i++) {
        struct audit_scan scan = {.audit = audit, .coupon = &audit->coupons[i]};
        struct stock_keys keys;
        if (scan.coupon->stock != AUDIT_STOCK_VALID)
            continue;
        stock_keys_of(scan.coupon->row.coupon_id, &keys);
        if (!audit_scan_hash(&scan, keys.name[STOCK_PENDING], take_pending, err))
            return false;
    }
    return true;
}

static bool still_pending(struct audit *audit, const struct audit_overdue *one, bool *ret_there, struct err *err)
{
    struct stock_keys keys;
    char grab[21];
    stock_keys_of(one->coupon_id, &keys);
    snprintf(grab, sizeof grab, "%" PRIu64, one->grab_id);
    struct redis_arg args[] = {audit_arg("HEXISTS"), audit_arg(keys.name[STOCK_PENDING]), audit_arg(grab)};
    struct redis_reply *reply = redis_sync_send(audit->redis, args, 3, err);
    if (!reply)
        return false;
    *ret_there = redis_reply_int(reply) == 1;
    redis_reply_free(reply);
    return true;
}

static bool drop_swept(struct audit *audit, struct err *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < audit->overdue_count; i++) {
        bool there = false;
        if (!still_pending(audit, &audit->overdue[i], &there, err))
            return false;
        if (there)
            audit->overdue[kept++] = audit->overdue[i];
    }
    audit->overdue_count = kept;
    return true;
}

/* The longest of theirs. */
static int64_t hold_ms_of(const struct audit *audit)
{
    int64_t hold_ms = 0;
    for (size_t i = 0; i < audit->overdue_count; i++) {
        const struct audit_coupon *coupon = audit_coupon(audit, audit->overdue[i].coupon_id);
        if (coupon && coupon->look.hold_ms > hold_ms)
            hold_ms = coupon->look.hold_ms;
    }
    return hold_ms;
}

static void report(struct audit *audit, const struct audit_overdue *one, bool behind)
{
    struct audit_place place = AUDIT_NOWHERE;
    char found[AUDIT_WORDS_MAX];
    if (behind) {
        audit_report_unchecked(&audit->report,
                               "grab %" PRIu64 " of coupon %" PRIu64 " (pending since %" PRId64
                               " ms, but the workers of partition %d are behind)",
                               one->grab_id, one->coupon_id, one->age_ms, (int)one->partition);
        return;
    }
    place.coupon_id = one->coupon_id;
    place.grab_id = one->grab_id;
    snprintf(found, sizeof found, "it pending since %" PRId64 " ms", one->age_ms);
    audit_report_add(&audit->report, 4, "pending_too_long", &place, found,
                     "OK or VOID within two holds, for all servers answer (does the keeper run?)");
}

/* Behind at the begin of the time or at its end: who was behind and has just come up has left the keeper no time. */
static bool wait_for_overdue(struct audit *audit, struct err *err)
{
    bool behind[ROUTE_PARTITIONS_MAX] = {false};
    const int64_t end_ms = audit->asked_ms + audit_due_ms(hold_ms_of(audit));
    if (!audit_workers_behind(audit, behind, err))
        return false;
    while (audit->overdue_count > 0 && clock_boottime_ms() < end_ms) {
        clock_sleep_ms(WAIT_STEP_MS);
        if (!drop_swept(audit, err))
            return false;
    }
    if (audit->overdue_count > 0 && (!audit_workers_behind(audit, behind, err) || !drop_swept(audit, err)))
        return false;
    for (size_t i = 0; i < audit->overdue_count; i++)
        report(audit, &audit->overdue[i], behind[audit->overdue[i].partition]);
    return true;
}

bool audit_pending_wait(struct audit *audit, struct err *err)
{
    if (!look_at_clocks(audit, err) || !scan_all(audit, err) || !drop_swept(audit, err))
        return false;
    return audit->overdue_count == 0 || wait_for_overdue(audit, err);
}
