/* One typed value: a cell of a row on its way to or from a table. Text is borrowed: it lives as long as what it points
 * into. */
#ifndef WEIR_CORE_VALUE_H
#define WEIR_CORE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum value_type { VALUE_NULL, VALUE_I64, VALUE_U64, VALUE_F64, VALUE_TEXT, VALUE_TIME_MS };

struct value {
    enum value_type type;
    size_t len; /* of text, bytes */
    union {
        int64_t i64; /* also VALUE_TIME_MS: realtime ms, stored as DATETIME(3) in UTC */
        uint64_t u64;
        double f64;
        const char *text;
    };
};

static inline struct value value_null(void)
{
    return (struct value){.type = VALUE_NULL};
}
static inline struct value value_u64(uint64_t n)
{
    return (struct value){.type = VALUE_U64, .u64 = n};
}
static inline struct value value_i64(int64_t n)
{
    return (struct value){.type = VALUE_I64, .i64 = n};
}
static inline struct value value_f64(double n)
{
    return (struct value){.type = VALUE_F64, .f64 = n};
}
static inline struct value value_text(const char *text, size_t len)
{
    return (struct value){.type = VALUE_TEXT, .text = text, .len = len};
}
static inline struct value value_time_ms(int64_t ms)
{
    return (struct value){.type = VALUE_TIME_MS, .i64 = ms};
}

/* "u64", "text" …: for error texts. Static. */
const char *value_type_name(enum value_type type);
/* Same type and same content; two NULLs are equal, and so are two NaNs of the same bits. */
bool value_equal(struct value a, struct value b);

#endif
