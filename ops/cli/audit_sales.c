/* What was sold: to one user (of a pass), of one coupon (after all passes), and what Redis holds of it. */
#include "ops/cli/audit.h"
#include "schemas/partition.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- I6, and OK grabs without a claim ---- */

static int sale_compare(const void *a, const void *b, void *arg)
{
    const struct audit_grabs *grabs = arg;
    const struct audit_grab *one = &grabs->grabs[*(const uint32_t *)a], *two = &grabs->grabs[*(const uint32_t *)b];
    if (one->coupon_id != two->coupon_id)
        return one->coupon_id < two->coupon_id ? -1 : 1;
    if (one->user_id != two->user_id)
        return one->user_id < two->user_id ? -1 : 1;
    int order = strcmp(audit_grab_try(grabs, one), audit_grab_try(grabs, two));
    return order != 0 ? order : (one->grab_id > two->grab_id) - (one->grab_id < two->grab_id);
}

static bool is_sale(const struct audit *audit, const struct audit_grab *grab)
{
    return grab->verdict == FOLD_OK && grab->offset < audit->part[grab->partition].cut;
}

static struct audit_place place_of(const struct audit_grab *grab)
{
    struct audit_place place = AUDIT_NOWHERE;
    place.partition = grab->partition;
    place.offset = grab->offset;
    place.grab_id = grab->grab_id;
    place.user_id = grab->user_id;
    place.coupon_id = grab->coupon_id;
    return place;
}

static void check_claimed(struct audit *audit, const struct audit_coupon *coupon, const struct audit_grab *grab)
{
    if (coupon->stock != AUDIT_STOCK_VALID || grab->claimed)
        return;
    struct audit_place place = place_of(grab);
    audit_report_add(&audit->report, 5, "grab_without_claim", &place, "no claim in Redis", "one: the grab is OK");
}

/* The grabs of one user and coupon, by try: order[first] to order[end - 1]. */
static void check_user(struct audit *audit, const struct audit_coupon *coupon, const uint32_t *order, size_t count)
{
    const struct audit_grab *grabs = audit->grabs.grabs, *last = &grabs[order[count - 1]];
    struct audit_place place = place_of(last);
    char found[AUDIT_WORDS_MAX], expected[AUDIT_WORDS_MAX];
    uint64_t limit = coupon->row.per_user_limit > coupon->look.limit ? coupon->row.per_user_limit : coupon->look.limit;
    if (count > limit) {
        snprintf(found, sizeof found, "%zu OK grabs of one user", count);
        snprintf(expected, sizeof expected, "at most %" PRIu64, limit);
        audit_report_add(&audit->report, 6, "over_limit", &place, found, expected);
    }
    for (size_t i = 1; i < count; i++) {
        const struct audit_grab *one = &grabs[order[i - 1]], *two = &grabs[order[i]];
        const char *try_key = audit_grab_try(&audit->grabs, two);
        if (try_key[0] == '\0' || strcmp(audit_grab_try(&audit->grabs, one), try_key) != 0)
            continue;
        place = place_of(two);
        snprintf(found, sizeof found, "a second OK grab of the try \"%s\"", try_key);
        snprintf(expected, sizeof expected, "grab %" PRIu64 " alone", one->grab_id);
        audit_report_add(&audit->report, 6, "try_twice", &place, found, expected);
    }
}

static bool same_buyer(const struct audit_grab *one, const struct audit_grab *two)
{
    return one->coupon_id == two->coupon_id && one->user_id == two->user_id;
}

void audit_check_sales(struct audit *audit)
{
    const struct audit_grab *grabs = audit->grabs.grabs;
    uint32_t *order = mem_alloc((audit->grabs.count + 1) * sizeof *order);
    size_t count = 0;
    for (size_t i = 0; i < audit->grabs.count; i++) {
        const struct audit_coupon *coupon = is_sale(audit, &grabs[i]) ? audit_coupon(audit, grabs[i].coupon_id) : NULL;
        if (!coupon)
            continue;
        order[count++] = (uint32_t)i;
        check_claimed(audit, coupon, &grabs[i]);
    }
    qsort_r(order, count, sizeof *order, sale_compare, &audit->grabs);
    for (size_t first = 0, end = 0; first < count; first = end) {
        while (end < count && same_buyer(&grabs[order[first]], &grabs[order[end]]))
            end++;
        if (end - first > 1)
            check_user(audit, audit_coupon(audit, grabs[order[first]].coupon_id), order + first, end - first);
    }
    free(order);
}

/* ---- I1, I5 ---- */

static void check_number(struct audit *audit, int invariant, const char *kind, uint64_t coupon_id, bool good,
                         const char *found_format, int64_t found, const char *expected)
{
    char words[AUDIT_WORDS_MAX], number[24];
    struct audit_place place = AUDIT_NOWHERE;
    if (good)
        return;
    snprintf(number, sizeof number, "%" PRId64, found);
    snprintf(words, sizeof words, "%s %s", number, found_format);
    place.coupon_id = coupon_id;
    audit_report_add(&audit->report, invariant, kind, &place, words, expected);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Of partitions that cannot be folded: what the totals count, or the rows where those are more. */
static void add_not_folded(struct audit *audit)
{
    for (size_t i = 0; i < audit->totals.size; i++) {
        const struct audit_total *total = &audit->totals.slot[i];
        struct audit_coupon *coupon =
            total->layout != 0 && !audit->part[total->partition].whole ? audit_coupon(audit, total->coupon_id) : NULL;
        if (coupon)
            coupon->not_folded[total->layout - 1] += larger(total->ok, total->fold_ok);
    }
}

/* At least: by the log, and where that is not whole, by the layout that has stored most. */
static uint64_t sold(const struct audit *audit, const struct audit_coupon *coupon)
{
    uint64_t most = 0;
    for (size_t i = 0; i < audit->layout_count; i++)
        most = larger(most, coupon->not_folded[i]);
    return coupon->ok + most;
}

static void check_sold(struct audit *audit, const struct audit_coupon *coupon)
{
    const struct coupon *row = &coupon->row;
    const uint64_t ok = sold(audit, coupon);
    char expected[AUDIT_WORDS_MAX];
    snprintf(expected, sizeof expected, "at most its total, %" PRIu64, row->total);
    check_number(audit, 1, "oversold", row->coupon_id, ok <= row->total, "OK grabs", (int64_t)ok, expected);
    check_number(audit, 1, "sold_unopened", row->coupon_id, row->opened > 0 || ok == 0, "OK grabs", (int64_t)ok,
                 "none: it was never opened");
}

/* At rest what is left and the log say the same; under load what is left and the claims do. */
static void check_left(struct audit *audit, const struct audit_coupon *coupon)
{
    const struct audit_look *look = &coupon->look;
    const uint64_t id = coupon->row.coupon_id;
    const int64_t total = (int64_t)look->total;
    const int64_t entries = look->entries >= 0 ? look->entries : (int64_t)coupon->claims;
    char expected[AUDIT_WORDS_MAX];
    snprintf(expected, sizeof expected, "the total, %" PRId64, total);
    check_number(audit, 1, "stock_below_zero", id, look->left >= 0, "left in Redis", look->left, "0 at least");
    if (look->entries >= 0 || audit->at_rest)
        check_number(audit, 5, "stock_differs", id, look->left + entries == total, "left and claimed in Redis together",
                     look->left + entries, expected);
    if (!audit->at_rest)
        return;
    check_number(audit, 5, "sold_differs", id, look->left + (int64_t)coupon->ok == total,
                 "left in Redis and OK in the log together", look->left + (int64_t)coupon->ok, expected);
    snprintf(expected, sizeof expected, "the catalog's, %" PRIu64, coupon->row.total);
    check_number(audit, 5, "total_differs", id, look->total == coupon->row.total, "in total, says Redis", total,
                 expected);
}

void audit_check_stock(struct audit *audit)
{
    if (!audit->all_whole)
        add_not_folded(audit);
    for (size_t i = 0; i < audit->coupon_count; i++) {
        const struct audit_coupon *coupon = &audit->coupons[i];
        if (coupon->row.broken)
            continue;
        check_sold(audit, coupon);
        if (coupon->stock == AUDIT_STOCK_VALID)
            check_left(audit, coupon);
    }
}
