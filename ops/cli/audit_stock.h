/* What the three parts of the audit of Redis share: looks and passes (audit_stock.c), claims (audit_claims.c), marks of
 * pending grabs (audit_pending.c). One thread. */
#ifndef WEIR_OPS_CLI_AUDIT_STOCK_H
#define WEIR_OPS_CLI_AUDIT_STOCK_H

#include "ops/cli/audit.h"
#include "schemas/stock.h"

#include <string.h>

static inline struct redis_arg audit_arg(const char *text)
{
    return (struct redis_arg){.data = text, .len = strlen(text)};
}

/* A scan of one of a coupon's hashes. */
struct audit_scan {
    struct audit *audit;
    struct audit_coupon *coupon;
};
typedef void (*audit_scan_fn)(const char *field, size_t field_len, const char *value, size_t value_len, void *scan);
/* Hands each field and value of a hash to `fn`: those there from begin to end surely, others perhaps. */
WEIR_MUST_USE bool audit_scan_hash(struct audit_scan *scan, const char *key, audit_scan_fn fn, struct err *err);

/* A disagreement (I5) of what Redis holds of one grab. */
void audit_stock_differs(struct audit *audit, uint64_t coupon_id, uint64_t user_id, uint64_t grab_id, const char *kind,
                         const char *found, const char *expected);

/* Claims of the pass against the fold; those that it does not know and that are settled become suspects. */
WEIR_MUST_USE bool audit_claims_scan(struct audit_scan *scan, const struct stock_keys *keys, struct err *err);
/* The suspects of all coupons: the fold goes on to an end of the log that is read only now. */
WEIR_MUST_USE bool audit_claims_settle(struct audit *audit, struct err *err);

#endif
