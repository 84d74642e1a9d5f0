/* Names and comparison of values. The values themselves are built inline in the header. */
#include "core/value.h"

#include <string.h>

const char *value_type_name(enum value_type type)
{
    static const char *const names[] = {
        [VALUE_NULL] = "null", [VALUE_I64] = "i64",   [VALUE_U64] = "u64",
        [VALUE_F64] = "f64",   [VALUE_TEXT] = "text", [VALUE_TIME_MS] = "time_ms",
    };
    unsigned at = (unsigned)type;
    return at < sizeof names / sizeof *names ? names[at] : "unknown";
}

bool value_equal(struct value a, struct value b)
{
    if (a.type != b.type)
        return false;
    switch (a.type) {
    case VALUE_NULL:
        return true;
    case VALUE_U64:
        return a.u64 == b.u64;
    case VALUE_F64:
        return memcmp(&a.f64, &b.f64, sizeof a.f64) == 0; /* bit for bit: NaN equals itself, 0.0 is not -0.0 */
    case VALUE_TEXT:
        return a.len == b.len && (a.len == 0 || memcmp(a.text, b.text, a.len) == 0);
    case VALUE_I64:
    case VALUE_TIME_MS:
        break;
    }
    return a.i64 == b.i64;
}
