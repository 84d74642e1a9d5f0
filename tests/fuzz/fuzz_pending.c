/* Pending marks, as the sweep finds them in Redis. The input is a hash's field, a NUL, and its value.
 *
 * Must hold: a value is taken exactly when the scripts would take it ("P0 hint user try": digits, one blank, any try
 * key that a client may name, or none), with the same parts, and written again it is the same value, but for leading
 * zeros; a grab that is swept has an id and a user of 63 bits and a try key that fits a record. */
#include "ingest/keeper_swept.h"
#include "schemas/stock.h"
#include "tests/fuzz/fuzz.h"

#include <inttypes.h>
#include <stdio.h>

enum { HOLD_MS = 10000, GRABS_MAX = 10, DIGITS_MAX = 19, VALUE_MAX = 256 };
#define NOW_MS INT64_C(1800000000000)

/* Behind a number of 63 bits, or NULL. */
static const char *number_end(const char *text, uint64_t *ret_number)
{
    const char *significant = text + strspn(text, "0"), *end = text + strspn(text, "0123456789");
    if (end == text || end - significant > DIGITS_MAX)
        return NULL;
    *ret_number = strtoull(text, NULL, 10);
    return *ret_number <= INT64_MAX ? end : NULL;
}

static bool is_pending(const char *value)
{
    uint64_t hint, user = 0;
    if (!*value || !strchr("PC", value[0]) || !value[1] || !strchr("01", value[1]) || value[2] != ' ')
        return false;
    const char *at = number_end(value + 3, &hint);
    at = at != NULL && *at == ' ' ? number_end(at + 1, &user) : NULL;
    return at != NULL && *at == ' ' && user > 0 && (at[1] == '\0' || stock_try_key_ok(at + 1, strlen(at + 1)));
}

static void check_again(const struct stock_pending *pending)
{
    struct stock_pending again;
    char value[VALUE_MAX];
    snprintf(value, sizeof value, "%c%d %" PRId64 " %" PRIu64 " %s", pending->state, pending->shown != 0,
             pending->hint_ms, pending->user_id, pending->try_key);
    assert(stock_pending_parse(value, &again));
    assert(again.state == pending->state && again.shown == pending->shown && again.hint_ms == pending->hint_ms &&
           again.user_id == pending->user_id && strcmp(again.try_key, pending->try_key) == 0);
}

static void check_swept(const char *field, const char *value)
{
    struct swept_list list = {0};
    for (int i = 0; i < 2; i++) /* HSCAN may hand a field out twice */
        swept_add(&list, field, value, NOW_MS, HOLD_MS, GRABS_MAX);
    swept_unique(&list);
    assert(list.count <= 1);
    if (list.count == 1)
        assert(list.grab->grab_id >= 1 && list.grab->grab_id <= INT64_MAX && list.grab->user_id >= 1 &&
               list.grab->user_id <= INT64_MAX && is_pending(value));
    swept_free(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input(data, size);
    struct stock_pending pending;
    char *field = fuzz_text(&input, NULL), *value = fuzz_text(&input, NULL);
    bool taken = stock_pending_parse(value, &pending) != 0;
    assert(taken == is_pending(value));
    if (taken)
        check_again(&pending);
    check_swept(field, value);
    free(field);
    free(value);
    return 0;
}
