/* Redis: each coupon's mark, stock and marks of pending grabs, and its claims against the fold. Claims are scanned in
 * slices, so that a sale goes on meanwhile; audit.h says why that is sound. */
#include "core/clock.h"
#include "ops/cli/audit.h"
#include "protocol/ids.h"
#include "protocol/rebuild.h"
#include "schemas/partition.h"
#include "schemas/stock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USERS_MAX = 2000, SCAN_COUNT = 1000, ASK_MAX = 500, LOOK_CELLS = 13, WAIT_STEP_MS = 200 };

static struct redis_arg arg_of(const char *text)
{
    return (struct redis_arg){.data = text, .len = strlen(text)};
}

static bool text_is(const struct redis_reply *reply, const char *text)
{
    size_t len;
    const char *found = redis_reply_text(reply, &len);
    return strlen(text) == len && memcmp(found, text, len) == 0;
}

/* ---- a look at one coupon ---- */

static void fill_look(const struct audit *audit, const struct redis_reply *reply, struct audit_look *ret_look)
{
    const struct redis_reply *state = redis_reply_at(reply, 0);
    int64_t n[LOOK_CELLS];
    for (size_t i = 0; i < LOOK_CELLS; i++)
        n[i] = redis_reply_int(redis_reply_at(reply, i));
    const struct mark_view mark = {.state = text_is(state, "open")       ? MARK_OPEN
                                            : text_is(state, "closed")   ? MARK_CLOSED
                                            : text_is(state, "building") ? MARK_BUILDING
                                                                         : MARK_MISSING,
                                   .epoch = (uint64_t)n[1],
                                   .same_server = n[2] == 1,
                                   .whole = n[3] == 1};
    *ret_look = (struct audit_look){.valid = mark_valid(&mark, audit->meta.epoch),
                                    .epoch = mark.epoch,
                                    .total = (uint64_t)n[4],
                                    .limit = (uint64_t)n[5],
                                    .hold_ms = n[6],
                                    .version = (uint64_t)n[7],
                                    .left = n[8],
                                    .users = n[9],
                                    .entries = n[10],
                                    .pending = n[11],
                                    .now_ms = n[12]};
    snprintf(ret_look->why, sizeof ret_look->why, "its mark is %s",
             mark.state == MARK_BUILDING  ? "building"
             : mark.state == MARK_MISSING ? "missing"
             : !mark.same_server          ? "another server's"
             : !mark.whole                ? "there, but a key is not"
                                          : "one of another epoch");
}

static bool look_at(struct audit *audit, struct redis_script *script, uint64_t coupon_id, struct audit_look *ret_look,
                    struct err *err)
{
    struct stock_keys keys;
    struct redis_arg args[STOCK_KEYS + 3];
    char users_max[24];
    stock_keys_of(coupon_id, &keys);
    for (size_t i = 0; i < STOCK_KEYS; i++)
        args[i] = arg_of(keys.name[i]);
    snprintf(users_max, sizeof users_max, "%d", USERS_MAX);
    args[STOCK_KEYS] = arg_of(redis_sync_run_id(audit->redis));
    args[STOCK_KEYS + 1] = arg_of(redis_sync_replid(audit->redis));
    args[STOCK_KEYS + 2] = arg_of(users_max);
    struct redis_reply *reply = redis_sync_eval(audit->redis, script, args, STOCK_KEYS + 3, STOCK_KEYS, err);
    if (!reply && err->kind != ERR_CONFLICT)
        return false;
    *ret_look = (struct audit_look){.why = "its keys are of another type"};
    if (reply)
        fill_look(audit, reply, ret_look);
    if (ret_look->now_ms > 0)
        audit->redis_now_ms = ret_look->now_ms;
    redis_reply_free(reply);
    return true;
}

static struct redis_script *audit_script(void)
{
    static struct redis_script script;
    if (!script.name) {
        script = (struct redis_script){.name = stock_script_name(STOCK_AUDIT), .text = stock_script_text(STOCK_AUDIT)};
        redis_script_init(&script);
    }
    return &script;
}

/* A server that became another one meanwhile: what was read of the old one says nothing of the new. */
static bool same_server(struct audit *audit, struct err *err)
{
    bool same = false;
    if (!redis_sync_same_server(audit->redis, &same, err))
        return false;
    return same ||
           err_set(err, ERR_OUTAGE, "The stock's Redis has become another server meanwhile: run the audit again");
}

bool audit_stock_look(struct audit *audit, struct err *err)
{
    for (size_t i = 0; i < audit->coupon_count; i++) {
        struct audit_coupon *coupon = &audit->coupons[i];
        if (coupon->row.broken || coupon->row.opened == 0)
            continue;
        if (!look_at(audit, audit_script(), coupon->row.coupon_id, &coupon->look, err))
            return false;
        coupon->stock = coupon->look.valid ? AUDIT_STOCK_VALID : AUDIT_STOCK_ODD;
        if (!coupon->look.valid)
            audit_report_note(&audit->report, "coupon %" PRIu64 " in Redis cannot be judged: %s", coupon->row.coupon_id,
                              coupon->look.why);
    }
    return same_server(audit, err);
}

/* ---- scans ---- */

/* Hands each field and value of a hash to `fn`: those there from begin to end surely, others perhaps. */
static bool scan_hash(struct audit *audit, const char *key,
                      void (*fn)(const char *field, size_t field_len, const char *value, size_t value_len, void *arg),
                      void *arg, struct err *err)
{
    char cursor[32] = "0", count[16];
    snprintf(count, sizeof count, "%d", SCAN_COUNT);
    do {
        struct redis_arg args[] = {arg_of("HSCAN"), arg_of(key), arg_of(cursor), arg_of("COUNT"), arg_of(count)};
        struct redis_reply *reply = redis_sync_send(audit->redis, args, 5, err);
        if (!reply)
            return false;
        size_t len;
        const char *next = redis_reply_text(redis_reply_at(reply, 0), &len);
        snprintf(cursor, sizeof cursor, "%.*s", (int)len, next);
        const struct redis_reply *pairs = redis_reply_at(reply, 1);
        for (size_t i = 0; i + 1 < redis_reply_count(pairs); i += 2) {
            size_t field_len, value_len;
            const char *field = redis_reply_text(redis_reply_at(pairs, i), &field_len);
            const char *value = redis_reply_text(redis_reply_at(pairs, i + 1), &value_len);
            fn(field, field_len, value, value_len, arg);
        }
        redis_reply_free(reply);
    } while (strcmp(cursor, "0") != 0);
    return true;
}

struct claim_scan {
    struct audit *audit;
    struct audit_coupon *coupon;
    size_t first; /* of this coupon among the suspects */
};

static void add_suspect(struct audit *audit, uint64_t coupon_id, uint64_t user_id, uint64_t grab_id)
{
    if ((audit->suspect_count & (audit->suspect_count - 1)) == 0) /* grows at powers of two */
        audit->suspects =
            mem_grow(audit->suspects, (audit->suspect_count ? audit->suspect_count * 2 : 1) * sizeof *audit->suspects);
    audit->suspects[audit->suspect_count++] =
        (struct audit_claim){.coupon_id = coupon_id, .user_id = user_id, .grab_id = grab_id};
}

static void odd_claim(struct audit *audit, const struct audit_coupon *coupon, uint64_t user_id, uint64_t grab_id,
                      const char *kind, const char *found, const char *expected)
{
    struct audit_place place = AUDIT_NOWHERE;
    place.coupon_id = coupon->row.coupon_id;
    place.user_id = user_id;
    place.grab_id = grab_id;
    audit_report_add(&audit->report, 5, kind, &place, found, expected);
}

/* "grab:try" of a user. */
static void take_entry(struct claim_scan *scan, uint64_t user_id, const char *entry, size_t len)
{
    struct audit *audit = scan->audit;
    uint64_t grab_id = 0;
    const char *colon = memchr(entry, ':', len);
    if (!colon || !id_parse(entry, (uint64_t)(colon - entry), &grab_id)) {
        odd_claim(audit, scan->coupon, user_id, 0, "claim_unreadable", "a claim that names no grab", "grab:try");
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
        odd_claim(audit, scan->coupon, user_id, grab_id, "claim_differs", "a claim of another try",
                  "the try of its record");
}

static void take_claim(const char *field, size_t field_len, const char *value, size_t value_len, void *arg)
{
    struct claim_scan *scan = arg;
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
    asked->args[0] = arg_of("HMGET");
    asked->args[1] = arg_of(key);
    for (size_t i = 0; i < count; i++) {
        snprintf(asked->text[i], sizeof asked->text[i], "%" PRIu64, users ? claims[i].user_id : claims[i].grab_id);
        asked->args[i + 2] = arg_of(asked->text[i]);
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

/* ---- pending marks ---- */

static void take_pending(const char *field, size_t field_len, const char *value, size_t value_len, void *arg)
{
    struct claim_scan *scan = arg;
    struct audit *audit = scan->audit;
    struct stock_pending pending;
    char text[200];
    uint64_t grab_id;
    if (!id_parse(field, field_len, &grab_id))
        return;
    snprintf(text, sizeof text, "%.*s", (int)value_len, value);
    if (!stock_pending_parse(text, &pending)) {
        odd_claim(audit, scan->coupon, 0, grab_id, "pending_unreadable", "a pending mark that is none", "P0 hint user");
        return;
    }
    int64_t age_ms = audit->redis_now_ms - pending.hint_ms + scan->coupon->look.hold_ms;
    if (age_ms <= 2 * scan->coupon->look.hold_ms)
        return;
    audit->overdue = mem_grow(audit->overdue, (audit->overdue_count + 1) * sizeof *audit->overdue);
    audit->overdue[audit->overdue_count++] =
        (struct audit_overdue){.coupon_id = scan->coupon->row.coupon_id, .grab_id = grab_id, .age_ms = age_ms};
}

static bool still_pending(struct audit *audit, const struct audit_overdue *one, bool *ret_there, struct err *err)
{
    struct stock_keys keys;
    char grab[21];
    stock_keys_of(one->coupon_id, &keys);
    snprintf(grab, sizeof grab, "%" PRIu64, one->grab_id);
    struct redis_arg args[] = {arg_of("HEXISTS"), arg_of(keys.name[STOCK_PENDING]), arg_of(grab)};
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

bool audit_stock_wait(struct audit *audit, struct err *err)
{
    int64_t hold_ms = 0;
    for (size_t i = 0; i < audit->overdue_count; i++) {
        const struct audit_coupon *coupon = audit_coupon(audit, audit->overdue[i].coupon_id);
        if (coupon && coupon->look.hold_ms > hold_ms)
            hold_ms = coupon->look.hold_ms;
    }
    if (!drop_swept(audit, err))
        return false;
    while (audit->overdue_count > 0 && clock_boottime_ms() < audit->asked_ms + 2 * hold_ms) {
        clock_sleep_ms(WAIT_STEP_MS);
        if (!drop_swept(audit, err))
            return false;
    }
    for (size_t i = 0; i < audit->overdue_count; i++) {
        struct audit_place place = AUDIT_NOWHERE;
        char found[AUDIT_WORDS_MAX];
        place.coupon_id = audit->overdue[i].coupon_id;
        place.grab_id = audit->overdue[i].grab_id;
        snprintf(found, sizeof found, "it pending since %" PRId64 " ms", audit->overdue[i].age_ms);
        audit_report_add(&audit->report, 4, "pending_too_long", &place, found,
                         "OK or VOID within two holds, for all servers answer (does the keeper run?)");
    }
    return true;
}

/* ---- one pass over all coupons ---- */

static bool look_again(struct audit *audit, struct audit_coupon *coupon, struct err *err)
{
    struct audit_look now;
    if (!look_at(audit, audit_script(), coupon->row.coupon_id, &now, err))
        return false;
    coupon->moved |= now.left != coupon->look.left || now.pending != 0 || coupon->look.pending != 0 ||
                     now.users != coupon->look.users || now.version != coupon->look.version;
    if (now.valid && now.epoch == coupon->look.epoch)
        return true;
    coupon->stock = AUDIT_STOCK_ODD;
    audit_report_note(&audit->report,
                      "coupon %" PRIu64 " in Redis cannot be judged: it was closed or rebuilt meanwhile",
                      coupon->row.coupon_id);
    return true;
}

static bool scan_coupon(struct audit *audit, struct audit_coupon *coupon, struct err *err)
{
    struct stock_keys keys;
    struct claim_scan scan = {.audit = audit, .coupon = coupon, .first = audit->suspect_count};
    stock_keys_of(coupon->row.coupon_id, &keys);
    if (audit->slice == 0 && coupon->look.pending > 0 &&
        !scan_hash(audit, keys.name[STOCK_PENDING], take_pending, &scan, err))
        return false;
    if (coupon->look.users > 0 && !scan_hash(audit, keys.name[STOCK_CLAIMS], take_claim, &scan, err))
        return false;
    if (!sift(audit, &keys, scan.first, err) || !look_again(audit, coupon, err))
        return false;
    if (coupon->stock != AUDIT_STOCK_VALID)
        audit->suspect_count = scan.first;
    return true;
}

/* The settled claims that the fold did not know: it goes on to an end of the log that is read only now. */
static bool settle_suspects(struct audit *audit, struct err *err)
{
    bool partitions[ROUTE_PARTITIONS_MAX] = {false};
    for (size_t i = 0; i < audit->suspect_count; i++)
        partitions[partition_of_user(audit->suspects[i].user_id, audit->partitions)] = true;
    if (audit->suspect_count > 0 && !audit_log_tail(audit, partitions, err))
        return false;
    for (size_t i = 0; i < audit->suspect_count; i++) {
        const struct audit_claim *claim = &audit->suspects[i];
        const struct audit_grab *ok = audit_grabs_ok(&audit->grabs, claim->grab_id);
        if (!ok || ok->user_id != claim->user_id || ok->coupon_id != claim->coupon_id)
            odd_claim(audit, audit_coupon(audit, claim->coupon_id), claim->user_id, claim->grab_id,
                      "claim_without_grab", "a settled claim in Redis", "an OK record of it in the log");
    }
    audit->suspect_count = 0;
    return true;
}

bool audit_stock_scan(struct audit *audit, struct err *err)
{
    for (size_t i = 0; i < audit->coupon_count; i++)
        if (audit->coupons[i].stock == AUDIT_STOCK_VALID && !scan_coupon(audit, &audit->coupons[i], err))
            return false;
    return settle_suspects(audit, err) && same_server(audit, err);
}
