/* The bodies of the admin requests: a new coupon, and a restock; the input is the body.
 *
 * Must hold: a coupon that is taken has every number in the range that the catalog and the stock's scripts count on, a
 * title, and a window that ends after it opens; text is whole (its end was not cut) and at most as long as its column;
 * what is refused has a status of a client's fault, a code and a sentence. */
#include "ingest/admin_request.h"
#include "tests/fuzz/fuzz.h"

static void check_fault(const struct request_fault *fault)
{
    assert(fault->status == 400 || fault->status == 422);
    assert(fault->code[0] != '\0' && fault->detail[0] != '\0');
}

static void check_text(const json_t *body, const char *name, const char *text, size_t bytes_max)
{
    const json_t *value = json_object_get(body, name);
    const char *want = json_is_string(value) ? json_string_value(value) : "";
    assert(strlen(text) <= bytes_max && strcmp(text, want) == 0);
    assert(!json_is_string(value) || json_string_length(value) == strlen(text));
}

static void check_create(const struct admin_create *create, const json_t *body)
{
    const struct coupon *coupon = &create->coupon;
    assert(coupon->coupon_id <= INT64_MAX && coupon->total >= 1 && coupon->total <= ADMIN_TOTAL_MAX);
    assert(coupon->per_user_limit >= 1 && coupon->per_user_limit <= 1000);
    assert(coupon->hold_ms >= (int64_t)ADMIN_HOLD_MS_MIN && coupon->hold_ms <= (int64_t)ADMIN_HOLD_MS_MAX);
    assert(coupon->opens_at_ms >= 0 && coupon->ends_at_ms >= 0);
    assert(coupon->ends_at_ms == 0 || coupon->ends_at_ms > coupon->opens_at_ms);
    assert(coupon->title[0] != '\0');
    check_text(body, "title", coupon->title, COUPON_TITLE_MAX);
    check_text(body, "description", create->description, ADMIN_TEXT_BYTES_MAX);
    check_text(body, "terms", create->terms, ADMIN_TEXT_BYTES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct admin_create create;
    struct request_fault fault = {0};
    uint64_t add = 0;
    char *body = fuzz_bytes(data, size);
    if (admin_create_parse(body, size, &create, &fault)) {
        json_t *root = json_loadb(body, size, JSON_REJECT_DUPLICATES, NULL);
        assert(root != NULL);
        check_create(&create, root);
        json_decref(root);
    } else {
        check_fault(&fault);
    }
    if (admin_restock_parse(body, size, &add, &fault))
        assert(add >= 1 && add <= ADMIN_TOTAL_MAX);
    else
        check_fault(&fault);
    free(body);
    return 0;
}
