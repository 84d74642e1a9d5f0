/* What scanner and parser must agree on: the range of a number by its column's type, and how it is put into the event.
 * Private to the codec. */
#ifndef WEIR_SCHEMAS_CODEC_PARTS_H
#define WEIR_SCHEMAS_CODEC_PARTS_H

#include "schemas/stream.h"

#include <assert.h>
#include <string.h>

#define CODEC_TIME_MS_MAX UINT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z: the last moment of a DATETIME */

/* 63 bits and not 64: what every JSON library and every signed integer takes. */
static inline uint64_t codec_number_max(const struct column *column)
{
    switch (column->type) {
    case COLUMN_U32:
        return UINT32_MAX;
    case COLUMN_U8:
        return UINT8_MAX;
    case COLUMN_TIME_MS:
        return CODEC_TIME_MS_MAX;
    case COLUMN_U64:
    case COLUMN_F64:
    case COLUMN_TEXT:
        break;
    }
    return INT64_MAX;
}

static inline uint64_t codec_number_min(const struct column *column, enum record_kind kind)
{
    return (column->roles & COLUMN_POSITIVE) && kind != RECORD_BARRIER;
}

static inline void codec_store_number(const struct column *column, uint64_t n, void *event)
{
    char *field = (char *)event + column->offset;
    uint32_t n32 = (uint32_t)n;
    uint8_t n8 = (uint8_t)n;
    switch (column->type) {
    case COLUMN_U64:
    case COLUMN_TIME_MS: /* same bytes: never negative */
        memcpy(field, &n, sizeof n);
        return;
    case COLUMN_U32:
        memcpy(field, &n32, sizeof n32);
        return;
    case COLUMN_U8:
        memcpy(field, &n8, sizeof n8);
        return;
    case COLUMN_F64:
    case COLUMN_TEXT:
        break;
    }
    assert(false);
}

/* Characters that a text column takes, of those that need no escape in JSON. */
static inline bool codec_char_ok(const struct column *column, char c)
{
    return c <= 0x7e && c >= ((column->roles & COLUMN_ASCII) ? 0x21 : 0x20);
}

#endif
