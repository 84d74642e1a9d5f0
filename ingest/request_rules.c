/* Bodies are read strictly: what is ambiguous (duplicate keys, trailing bytes) is refused, never guessed. */
#include "ingest/request_rules.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

bool request_fault_set(struct request_fault *fault, int status, const char *code, const char *format, ...)
{
    fault->status = status;
    fault->code = code;
    va_list args;
    va_start(args, format);
    vsnprintf(fault->detail, sizeof fault->detail, format, args);
    va_end(args);
    return false;
}

static bool load_fault(const json_error_t *error, struct request_fault *fault)
{
    switch (json_error_code(error)) {
    case json_error_duplicate_key:
        return request_fault_set(fault, 400, "duplicate_key", "The body names a key twice: %s.", error->text);
    case json_error_numeric_overflow:
        return request_fault_set(fault, 422, "bad_field", "A number of the body is out of range, at byte %d.",
                                 error->position);
    default:
        return request_fault_set(fault, 400, "not_json", "The body is not JSON: %s, at byte %d.", error->text,
                                 error->position);
    }
}

json_t *request_json(const char *body, size_t len, struct request_fault *fault)
{
    if (len == 0) {
        (void)request_fault_set(fault, 400, "not_json", "The body is empty; send a JSON object.");
        return NULL;
    }
    json_error_t error;
    json_t *root = json_loadb(body, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (root == NULL) {
        (void)load_fault(&error, fault);
        return NULL;
    }
    if (!json_is_object(root)) {
        json_decref(root);
        (void)request_fault_set(fault, 400, "not_an_object", "The body is JSON, but not an object.");
        return NULL;
    }
    return root;
}

/* Decimal digits only; leading zeros say nothing, so they are let through. */
static bool digits_read(const char *text, size_t len, uint64_t *ret_number)
{
    uint64_t number = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || number > INT64_MAX / 10)
            return false;
        number = number * 10 + (uint64_t)(text[i] - '0');
    }
    *ret_number = number;
    return len > 0;
}

static bool number_of(const json_t *value, uint64_t *ret_number)
{
    if (json_is_string(value))
        return digits_read(json_string_value(value), json_string_length(value), ret_number);
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *ret_number = (uint64_t)json_integer_value(value);
    return true;
}

bool request_number(const json_t *object, const struct number_field *field, uint64_t *ret_number, bool *ret_given,
                    struct request_fault *fault)
{
    const json_t *value = json_object_get(object, field->name);
    bool given = value != NULL && !json_is_null(value);
    if (!given && field->required)
        return request_fault_set(fault, 422, "missing_field", "The field %s is missing.", field->name);
    uint64_t number = 0;
    if (given && (!number_of(value, &number) || number < field->min || number > field->max))
        return request_fault_set(fault, 422, "bad_field",
                                 "The field %s must be a whole number, or its digits as text, from %" PRIu64
                                 " to %" PRIu64 ".",
                                 field->name, field->min, field->max);
    if (given)
        *ret_number = number;
    if (ret_given != NULL)
        *ret_given = given;
    return true;
}

bool request_text(const json_t *object, const char *name, size_t bytes_min, size_t bytes_max, const char **ret_text,
                  struct request_fault *fault)
{
    const json_t *value = json_object_get(object, name);
    if ((value == NULL || json_is_null(value)) && bytes_min == 0) {
        *ret_text = "";
        return true;
    }
    if (value == NULL)
        return request_fault_set(fault, 422, "missing_field", "The field %s is missing.", name);
    size_t len = json_string_length(value); /* 0 when it is no string */
    if (!json_is_string(value) || len < bytes_min || len > bytes_max)
        return request_fault_set(fault, 422, "bad_field", "The field %s must be text of %zu to %zu bytes.", name,
                                 bytes_min, bytes_max);
    *ret_text = json_string_value(value);
    return true;
}

bool request_is_json(const char *content_type, size_t len)
{
    static const char want[] = "application/json";
    const size_t want_len = sizeof want - 1;
    while (len > 0 && (*content_type == ' ' || *content_type == '\t')) {
        content_type++;
        len--;
    }
    if (len < want_len || strncasecmp(content_type, want, want_len) != 0)
        return false;
    size_t at = want_len;
    while (at < len && (content_type[at] == ' ' || content_type[at] == '\t'))
        at++;
    return at == len || content_type[at] == ';';
}

bool request_is_traceparent(const char *text, size_t len)
{
    static const char shape[] = "xx-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx";
    const size_t shape_len = sizeof shape - 1;
    if (len < shape_len || len > 64 || memcmp(text, "ff", 2) == 0)
        return false;
    for (size_t i = 0; i < shape_len; i++) {
        bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
        if (shape[i] == 'x' ? !hex : text[i] != '-')
            return false;
    }
    for (size_t i = shape_len; i < len; i++) /* a later version may add to it: visible ASCII only */
        if (!isgraph((unsigned char)text[i]))
            return false;
    return len == shape_len || text[shape_len] == '-';
}
