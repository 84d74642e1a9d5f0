#include "ingest/admin_request.h"

#include "schemas/layout.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

bool admin_token_ok(const char *header, size_t len, const char *token)
{
    static const char scheme[] = "Bearer ";
    const size_t scheme_len = sizeof scheme - 1, token_len = strlen(token);
    if (token_len == 0 || len != scheme_len + token_len || strncasecmp(header, scheme, scheme_len) != 0)
        return false;
    volatile unsigned char differ = 0;
    for (size_t i = 0; i < token_len; i++)
        differ |= (unsigned char)(header[scheme_len + i] ^ token[i]);
    return differ == 0;
}

/* "Z", "+08:00" or "-05:30", and nothing behind. */
static bool zone_parse(const char *text, int *ret_offset_min)
{
    *ret_offset_min = 0;
    if ((text[0] == 'Z' || text[0] == 'z') && text[1] == '\0')
        return true;
    return offset_parse(text, ret_offset_min);
}

/* ".123" and finer: what is below a millisecond is cut. Answers how many bytes were read. */
static size_t fraction_parse(const char *text, int *ret_ms)
{
    int ms = 0;
    size_t digits = 0;
    *ret_ms = 0;
    if (text[0] != '.')
        return 0;
    while (text[1 + digits] >= '0' && text[1 + digits] <= '9') {
        if (digits < 3)
            ms = ms * 10 + (text[1 + digits] - '0');
        digits++;
    }
    for (size_t i = digits; i < 3; i++)
        ms *= 10;
    *ret_ms = ms;
    return digits > 0 ? 1 + digits : 0; /* a dot alone is left for the zone to refuse */
}

static bool clock_digits(const char *text, int ret_part[3])
{
    static const char shape[] = "dd:dd:dd";
    for (size_t i = 0; i < sizeof shape - 1; i++)
        if (shape[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
            return false;
    for (int i = 0; i < 3; i++)
        ret_part[i] = (text[3 * i] - '0') * 10 + (text[3 * i + 1] - '0');
    return ret_part[0] < 24 && ret_part[1] < 60 && ret_part[2] < 60;
}

bool admin_time_parse(const char *text, int64_t *ret_ms)
{
    enum { DATE_BYTES = 10, CLOCK_AT = 11, CLOCK_BYTES = 8 };
    char date[DATE_BYTES + 1];
    int32_t day;
    int part[3], ms, offset_min;
    if (strlen(text) < CLOCK_AT + CLOCK_BYTES + 1 || (text[DATE_BYTES] != 'T' && text[DATE_BYTES] != 't'))
        return false;
    memcpy(date, text, DATE_BYTES);
    date[DATE_BYTES] = '\0';
    if (!day_parse(date, '-', &day) || !clock_digits(text + CLOCK_AT, part))
        return false;
    const char *rest = text + CLOCK_AT + CLOCK_BYTES;
    rest += fraction_parse(rest, &ms);
    if (!zone_parse(rest, &offset_min))
        return false;
    int64_t minutes = (int64_t)day * 1440 + part[0] * 60 + part[1] - offset_min;
    if (minutes < 0)
        return false;
    *ret_ms = (minutes * 60 + part[2]) * 1000 + ms;
    return true;
}

static bool read_time(const json_t *object, const char *name, int64_t *ret_ms, struct request_fault *fault)
{
    const char *text;
    if (!request_text(object, name, 0, 64, &text, fault))
        return false;
    if (text[0] != '\0' && !admin_time_parse(text, ret_ms))
        return request_fault_set(fault, 422, "bad_field",
                                 "The field %s must be a time like 2026-11-20T12:00:00Z (RFC 3339).", name);
    return true;
}

static bool read_numbers(const json_t *object, struct coupon *coupon, struct request_fault *fault)
{
    static const struct number_field id = {.name = "coupon_id", .min = 1, .max = COUPON_ID_CHOSEN_MAX};
    static const struct number_field room = {.name = "room_id", .min = 0, .max = UINT32_MAX, .required = true};
    static const struct number_field total = {.name = "total", .min = 1, .max = ADMIN_TOTAL_MAX, .required = true};
    static const struct number_field limit = {.name = "per_user_limit", .min = 1, .max = 1000};
    static const struct number_field hold = {.name = "hold_ms", .min = ADMIN_HOLD_MS_MIN, .max = ADMIN_HOLD_MS_MAX};
    uint64_t room_id = 0, per_user_limit = 1, hold_ms = 10000;
    if (!request_number(object, &id, &coupon->coupon_id, NULL, fault) ||
        !request_number(object, &room, &room_id, NULL, fault) ||
        !request_number(object, &total, &coupon->total, NULL, fault) ||
        !request_number(object, &limit, &per_user_limit, NULL, fault) ||
        !request_number(object, &hold, &hold_ms, NULL, fault))
        return false;
    coupon->room_id = (uint32_t)room_id;
    coupon->per_user_limit = (uint32_t)per_user_limit;
    coupon->hold_ms = (int64_t)hold_ms;
    return true;
}

static bool read_gate(const json_t *object, bool *ret_open, struct request_fault *fault)
{
    const char *gate;
    if (!request_text(object, "gate", 0, 16, &gate, fault))
        return false;
    *ret_open = gate[0] == '\0' || strcmp(gate, "open") == 0;
    if (!*ret_open && strcmp(gate, "closed") != 0)
        return request_fault_set(fault, 422, "bad_field", "The field gate must be open or closed.");
    return true;
}

static bool read_window(const json_t *object, struct coupon *coupon, struct request_fault *fault)
{
    if (!read_time(object, "opens_at", &coupon->opens_at_ms, fault) ||
        !read_time(object, "ends_at", &coupon->ends_at_ms, fault))
        return false;
    if (coupon->ends_at_ms != 0 && coupon->ends_at_ms <= coupon->opens_at_ms)
        return request_fault_set(fault, 422, "bad_field", "The field ends_at must be later than opens_at.");
    return true;
}

static bool create_from_json(const json_t *object, struct admin_create *create, struct request_fault *fault)
{
    const char *title, *description, *terms;
    struct coupon *coupon = &create->coupon;
    if (!read_numbers(object, coupon, fault) || !read_gate(object, &coupon->gate_open, fault) ||
        !read_window(object, coupon, fault) || !request_text(object, "title", 1, COUPON_TITLE_MAX, &title, fault) ||
        !request_text(object, "description", 0, ADMIN_TEXT_BYTES_MAX, &description, fault) ||
        !request_text(object, "terms", 0, ADMIN_TEXT_BYTES_MAX, &terms, fault))
        return false;
    snprintf(coupon->title, sizeof coupon->title, "%s", title);
    snprintf(create->description, sizeof create->description, "%s", description);
    snprintf(create->terms, sizeof create->terms, "%s", terms);
    return true;
}

bool admin_create_parse(const char *body, size_t len, struct admin_create *ret_create, struct request_fault *fault)
{
    json_t *root = request_json(body, len, fault);
    if (root == NULL)
        return false;
    *ret_create = (struct admin_create){0};
    bool good = create_from_json(root, ret_create, fault);
    json_decref(root);
    return good;
}

bool admin_restock_parse(const char *body, size_t len, uint64_t *ret_add, struct request_fault *fault)
{
    static const struct number_field add = {.name = "add", .min = 1, .max = ADMIN_TOTAL_MAX, .required = true};
    json_t *root = request_json(body, len, fault);
    if (root == NULL)
        return false;
    bool good = request_number(root, &add, ret_add, NULL, fault);
    json_decref(root);
    return good;
}
