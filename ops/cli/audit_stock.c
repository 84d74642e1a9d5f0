/* Redis: each coupon's mark and stock, at one moment; then, a pass at a time, what its hashes hold. They are scanned in
 * slices, so that a sale goes on meanwhile; audit.h says why that is sound. */
#include "ops/cli/audit_stock.h"
#include "protocol/rebuild.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { USERS_MAX = 2000, SCAN_COUNT = 1000, LOOK_CELLS = 12 };

/* ---- a look at one coupon ---- */

static void fill_look(const struct audit *audit, const struct redis_reply *reply, struct audit_look *ret_look)
{
    int64_t n[LOOK_CELLS];
    for (size_t i = 0; i < LOOK_CELLS; i++)
        n[i] = redis_reply_int(redis_reply_at(reply, i));
    const struct mark_view mark = {.state = mark_state_of(redis_reply_text(redis_reply_at(reply, 0), NULL)),
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
                                    .pending = n[11]};
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
        args[i] = audit_arg(keys.name[i]);
    snprintf(users_max, sizeof users_max, "%d", USERS_MAX);
    args[STOCK_KEYS] = audit_arg(redis_sync_run_id(audit->redis));
    args[STOCK_KEYS + 1] = audit_arg(redis_sync_replid(audit->redis));
    args[STOCK_KEYS + 2] = audit_arg(users_max);
    struct redis_reply *reply = redis_sync_eval(audit->redis, script, args, STOCK_KEYS + 3, STOCK_KEYS, err);
    if (!reply && err->kind != ERR_CONFLICT)
        return false;
    *ret_look = (struct audit_look){0};
    if (reply)
        fill_look(audit, reply, ret_look);
    else /* of one coupon's keys, or of what this user may do; Redis's own words tell which */
        snprintf(ret_look->why, sizeof ret_look->why, "Redis says: %.180s", err->text);
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
            audit_report_unchecked(&audit->report, "coupon %" PRIu64 " in Redis (%s)", coupon->row.coupon_id,
                                   coupon->look.why);
    }
    return same_server(audit, err);
}

/* ---- scans ---- */

bool audit_scan_hash(struct audit_scan *scan, const char *key, audit_scan_fn fn, struct err *err)
{
    char cursor[32] = "0", count[16];
    snprintf(count, sizeof count, "%d", SCAN_COUNT);
    do {
        struct redis_arg args[] = {audit_arg("HSCAN"), audit_arg(key), audit_arg(cursor), audit_arg("COUNT"),
                                   audit_arg(count)};
        struct redis_reply *reply = redis_sync_send(scan->audit->redis, args, 5, err);
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
            fn(field, field_len, value, value_len, scan);
        }
        redis_reply_free(reply);
    } while (strcmp(cursor, "0") != 0);
    return true;
}

void audit_stock_differs(struct audit *audit, uint64_t coupon_id, uint64_t user_id, uint64_t grab_id, const char *kind,
                         const char *found, const char *expected)
{
    struct audit_place place = AUDIT_NOWHERE;
    place.coupon_id = coupon_id;
    place.user_id = user_id;
    place.grab_id = grab_id;
    audit_report_add(&audit->report, 5, kind, &place, found, expected);
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
    audit_report_unchecked(&audit->report, "coupon %" PRIu64 " in Redis (it was closed or rebuilt meanwhile)",
                           coupon->row.coupon_id);
    return true;
}

static bool scan_coupon(struct audit *audit, struct audit_coupon *coupon, struct err *err)
{
    struct stock_keys keys;
    struct audit_scan scan = {.audit = audit, .coupon = coupon};
    const size_t first = audit->suspect_count;
    stock_keys_of(coupon->row.coupon_id, &keys);
    if (coupon->look.users > 0 && !audit_claims_scan(&scan, &keys, err))
        return false;
    if (!look_again(audit, coupon, err))
        return false;
    if (coupon->stock != AUDIT_STOCK_VALID)
        audit->suspect_count = first;
    return true;
}

bool audit_stock_scan(struct audit *audit, struct err *err)
{
    for (size_t i = 0; i < audit->coupon_count; i++)
        if (audit->coupons[i].stock == AUDIT_STOCK_VALID && !scan_coupon(audit, &audit->coupons[i], err))
            return false;
    return audit_claims_settle(audit, err) && same_server(audit, err);
}
