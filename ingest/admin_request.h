/* The bodies and the token of the admin requests. Pure. */
#ifndef WEIR_INGEST_ADMIN_REQUEST_H
#define WEIR_INGEST_ADMIN_REQUEST_H

#include "ingest/request_rules.h"
#include "schemas/catalog.h"

enum { ADMIN_TEXT_BYTES_MAX = 8000 };
#define ADMIN_TOTAL_MAX   UINT64_C(1000000000000) /* units; Lua's numbers are exact far beyond it */
#define ADMIN_HOLD_MS_MIN UINT64_C(1000)
#define ADMIN_HOLD_MS_MAX UINT64_C(600000)

/* {"coupon_id"?, "room_id", "title", "total", "per_user_limit"? (1), "opens_at"?, "ends_at"? (RFC 3339),
 *  "gate"? (open|closed; open), "hold_ms"? (10000), "description"?, "terms"?} */
struct admin_create {
    struct coupon coupon; /* coupon_id 0: the catalog takes the next one */
    char description[ADMIN_TEXT_BYTES_MAX + 1];
    char terms[ADMIN_TEXT_BYTES_MAX + 1];
};
WEIR_MUST_USE bool admin_create_parse(const char *body, size_t len, struct admin_create *ret_create,
                                      struct request_fault *fault);
/* {"add": n} */
WEIR_MUST_USE bool admin_restock_parse(const char *body, size_t len, uint64_t *ret_add, struct request_fault *fault);

/* "Bearer <token>" (RFC 6750), compared in a time that does not depend on where they differ. Never true when `token` is
 * empty. */
bool admin_token_ok(const char *header, size_t len, const char *token);

/* RFC 3339, as "2026-11-20T12:00:00.123+08:00" -> ms since 1970; years from 1970 on. */
WEIR_MUST_USE bool admin_time_parse(const char *text, int64_t *ret_ms);

#endif
