/* What every request body and header must be, and how a fault is named: shared by grab, batch and admin. Pure. */
#ifndef WEIR_INGEST_REQUEST_RULES_H
#define WEIR_INGEST_REQUEST_RULES_H

#include "core/err.h"
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* Becomes a problem (RFC 9457). */
struct request_fault {
    int status;       /* 400, 415 or 422 */
    const char *code; /* a literal: not_json, not_an_object, duplicate_key, missing_field, bad_field ... */
    char detail[200]; /* one sentence */
};

/* Fills the fault and returns false. */
bool request_fault_set(struct request_fault *fault, int status, const char *code, const char *format, ...)
    WEIR_PRINTF(4, 5);

/* One JSON object and nothing else; json_decref is the caller's. NULL with the fault: empty, not JSON, duplicate keys,
 * trailing bytes, not an object (400), or a number that no field could take (422). */
WEIR_MUST_USE json_t *request_json(const char *body, size_t len, struct request_fault *fault);

/* A whole number min..max, or the same as a string of decimal digits. */
struct number_field {
    const char *name;
    uint64_t min, max;
    bool required; /* else missing and null leave *ret_number as it is */
};
WEIR_MUST_USE bool request_number(const json_t *object, const struct number_field *field, uint64_t *ret_number,
                                  bool *ret_given, struct request_fault *fault);
/* Text of min..max bytes, borrowed from the object; missing or null: "" (a fault when min > 0). */
WEIR_MUST_USE bool request_text(const json_t *object, const char *name, size_t bytes_min, size_t bytes_max,
                                const char **ret_text, struct request_fault *fault);

/* "application/json", parameters allowed, any case. */
bool request_is_json(const char *content_type, size_t len);
/* A W3C traceparent of 55 to 64 bytes (www.w3.org/TR/trace-context, section 3.2); anything else is not passed on. */
bool request_is_traceparent(const char *text, size_t len);

#endif
