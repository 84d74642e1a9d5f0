/* Claims in Redis against the fold: each is one of an OK grab, of the same user, coupon and try, or pending. */
#include "ops/cli/audit_stock.h"
#include "protocol/ids.h"
#include "schemas/partition.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ASK_MAX = 500 }; /* fields of one HMGET */

static void add_suspect(struct audit *audit, uint64_t coupon_id, uint64_t user_id, uint64_t grab_id)
{
    if ((audit->suspect_count & (audit->suspect_count - 1)) == 0) /* grows at powers of two */
        audit->suspects =
            mem_grow(audit->suspects, (audit->suspect_count ? audit->suspect_count * 2 : 1) * sizeof *audit->suspects);
    audit->suspects[audit->suspect_count++] =
        (struct audit_claim){.coupon_id = coupon_id, .user_id = user_id, .grab_id = grab_id};
}

/* "grab:try" of a user. */
static void take_entry(struct audit_scan *scan, uint64_t user_id, const char *entry, size_t len)
{
    struct audit *audit = scan->audit;
    uint64_t grab_id = 0;
    const char *colon = memchr(entry, ':', len);
    if (!colon || !id_parse(entry, (uint64_t)(colon - entry), &grab_id)) {
        audit_stock_differs(audit, scan->coupon->row.coupon_id, user_id, 0, "claim_unreadable",
                            "a claim that names no grab", "grab:try");
        return;
    }
    struct audit_grab *ok = audit_grabs_ok(&audit->grabs, grab_id);
    audit->claims++;
    scan->coupon->claims++;
    if (!ok || ok->user_id != user_id || ok->coupon_id != scan->coupon->row.coupon_id) {
        add_suspect(audit, scan->coupon->row.coupon_id, user_id, grab_id);
        return;
    }
    const char *try_key = audit_grab_try(&audit->grabs, ok);
    size_t try_len = (size_t)(entry + len - colon - 1);
    ok->claimed = true;
    if (strlen(try_key) != try_len || memcmp(try_key, colon + 1, try_len) != 0)
        audit_stock_differs(audit, scan->coupon->row.coupon_id, user_id, grab_id, "claim_differs",
                            "a claim of another try", "the try of its record");
}

static void take_claim(const char *field, size_t field_len, const char *value, size_t value_len, void *arg)
{
    struct audit_scan *scan = arg;
    struct audit *audit = scan->audit;
    uint64_t user_id;
    if (!id_parse(field, field_len, &user_id)) /* the sentinel */
        return;
    if (!audit_in_slice(audit, user_id) || !audit->part[partition_of_user(user_id, audit->partitions)].whole)
        return;
    uint64_t entries = 0;
    for (size_t at = 0; at < value_len;) {
        size_t end = at;
        while (end < value_len && value[end] != ' ')
            end++;
        if (end > at)
            take_entry(scan, user_id, value + at, end - at), entries++;
        at = end + 1;
    }
    if (entries <= scan->coupon->look.limit)
        return;
    struct audit_place place = AUDIT_NOWHERE;
    char found[AUDIT_WORDS_MAX], expected[AUDIT_WORDS_MAX];
    place.coupon_id = scan->coupon->row.coupon_id;
    place.user_id = user_id;
    snprintf(found, sizeof found, "%" PRIu64 " claims in Redis", entries);
    snprintf(expected, sizeof expected, "at most %" PRIu64, scan->coupon->look.limit);
    audit_report_add(&audit->report, 6, "claims_over_limit", &place, found, expected);
}

/* ---- claims that the fold does not know ---- */

struct asked {
    char text[ASK_MAX][21];
    struct redis_arg args[ASK_MAX + 2];
};

static struct redis_reply *ask(struct audit *audit, struct asked *asked, const char *key,
                               const struct audit_claim *claims, size_t count, bool users, struct err *err)
{
    asked->args[0] = audit_arg("HMGET");
    asked->args[1] = audit_arg(key);
    for (size_t i = 0; i < count; i++) {
        snprintf(asked->text[i], sizeof asked->text[i], "%" PRIu64, users ? claims[i].user_id : claims[i].grab_id);
        asked->args[i + 2] = audit_arg(asked->text[i]);
    }
    return redis_sync_send(audit->redis, asked->args, count + 2, err);
}

static bool has_entry(const struct redis_reply *value, uint64_t grab_id)
{
    char entry[24];
    size_t len;
    const char *text = redis_reply_text(value, &len), *found = text;
    snprintf(entry, sizeof entry, "%" PRIu64 ":", grab_id);
    while ((found = memmem(found, len - (size_t)(found - text), entry, strlen(entry)))) {
        if (found == text || found[-1] == ' ')
            return true;
        found++;
    }
    return false;
}

/* Keeps those that are settled: not pending now, and a claim after that. A grab is claimed once, so it was one then. */
static bool keep_settled(struct audit *audit, const struct stock_keys *keys, size_t first, size_t count, size_t *kept,
                         struct err *err)
{
    struct asked *asked = mem_alloc(sizeof *asked);
    struct audit_claim *claims = audit->suspects + first;
    struct redis_reply *pending = ask(audit, asked, keys->name[STOCK_PENDING], claims, count, false, err);
    struct redis_reply *there = pending ? ask(audit, asked, keys->name[STOCK_CLAIMS], claims, count, true, err) : NULL;
    for (size_t i = 0; there && i < count; i++)
        if (redis_reply_type(redis_reply_at(pending, i)) == REDIS_NIL &&
            has_entry(redis_reply_at(there, i), claims[i].grab_id))
            audit->suspects[(*kept)++] = claims[i];
    bool good = there != NULL;
    redis_reply_free(pending);
    redis_reply_free(there);
    free(asked);
    return good;
}

static bool sift(struct audit *audit, const struct stock_keys *keys, size_t first, struct err *err)
{
    size_t kept = first;
    for (size_t at = first; at < audit->suspect_count; at += ASK_MAX) {
        size_t count = audit->suspect_count - at < ASK_MAX ? audit->suspect_count - at : ASK_MAX;
        if (!keep_settled(audit, keys, at, count, &kept, err))
            return false;
    }
    audit->suspect_count = kept;
    return true;
}

bool audit_claims_scan(struct audit_scan *scan, const struct stock_keys *keys, struct err *err)
{
    size_t first = scan->audit->suspect_count;
    return audit_scan_hash(scan, keys->name[STOCK_CLAIMS], take_claim, err) && sift(scan->audit, keys, first, err);
}

bool audit_claims_settle(struct audit *audit, struct err *err)
{
    bool partitions[ROUTE_PARTITIONS_MAX] = {false};
    for (size_t i = 0; i < audit->suspect_count; i++)
        partitions[partition_of_user(audit->suspects[i].user_id, audit->partitions)] = true;
    if (audit->suspect_count > 0 && !audit_log_tail(audit, partitions, audit_fold_record, err))
        return false;
    for (size_t i = 0; i < audit->suspect_count; i++) {
        const struct audit_claim *claim = &audit->suspects[i];
        const struct audit_grab *ok = audit_grabs_ok(&audit->grabs, claim->grab_id);
        if (!ok || ok->user_id != claim->user_id || ok->coupon_id != claim->coupon_id)
            audit_stock_differs(audit, claim->coupon_id, claim->user_id, claim->grab_id, "claim_without_grab",
                                "a settled claim in Redis", "an OK record of it in the log");
    }
    audit->suspect_count = 0;
    return true;
}
