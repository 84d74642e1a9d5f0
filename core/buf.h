/* A byte buffer that grows. `data` is NUL-terminated at `len` for the convenience of printing; the NUL is not counted.
 *
 * Invariant: data == NULL && cap == 0, or len < cap. Memory that cannot be had ends the process with a sentence: no
 * caller could go on.
 */
#ifndef WEIR_CORE_BUF_H
#define WEIR_CORE_BUF_H

#include "core/err.h"
#include <stddef.h>
#include <stdint.h>

struct buf {
    char *data;
    size_t len;
    size_t cap;
};

void buf_reserve(struct buf *buf, size_t more);
void buf_append(struct buf *buf, const void *data, size_t len);
void buf_append_str(struct buf *buf, const char *text);
void buf_append_char(struct buf *buf, char c);
void buf_append_u64(struct buf *buf, uint64_t n);
void buf_append_i64(struct buf *buf, int64_t n);
void buf_printf(struct buf *buf, const char *format, ...) WEIR_PRINTF(2, 3);
/* Appends `text` as a JSON string with its quotes (RFC 8259), which is one of YAML 1.1, too; bytes that are not UTF-8
 * become U+FFFD. */
void buf_append_json(struct buf *buf, const char *text, size_t len);
/* The bytes of the UTF-8 character that `text` begins with (1..4), or 0 when it begins with none (RFC 3629). */
size_t utf8_size(const char *text, size_t len);
void buf_reset(struct buf *buf); /* len 0, memory kept */
void buf_free(struct buf *buf);  /* back to {0} */

/* malloc family that never answers NULL (see above). */
void *mem_alloc(size_t size); /* zeroed */
void *mem_grow(void *old, size_t size);
char *mem_copy_str(const char *text);

#endif
