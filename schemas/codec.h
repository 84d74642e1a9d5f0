/* Records: one JSON object <-> event struct, by the stream's column table.
 *
 * The canonical form (what we write) is read by a scanner that accepts exactly it; everything else goes to jansson
 * (strict, duplicate keys rejected), with fields in any order, unknown fields ignored. Both must answer the same.
 */
#ifndef WEIR_SCHEMAS_CODEC_H
#define WEIR_SCHEMAS_CODEC_H

#include "core/buf.h"
#include "schemas/stream.h"

/* Appends {"v":1,"type":"grab","grab_id":"…","user_id":1,…}. */
void codec_write(const struct stream *stream, const void *event, struct buf *ret_json);
/* Appends the message key in text: a user id in decimal, or a text column as it is. */
void codec_write_key(const struct stream *stream, const void *event, struct buf *ret_key);
/* A record's bytes are not NUL-terminated; `key` and `json` may be NULL (a record without).
 * Numbers have no sign and no leading zero, at most 2^63 - 1 (COLUMN_U32: 2^32 - 1); ids are at least 1 save in a
 * barrier; text is 1 byte at least, or null where that is allowed. ERR_DATA says what is wrong with it, in one
 * sentence: not JSON, a field missing, out of range, another version, unknown type. `key` must agree with the record's
 * key (barriers excepted). Fills all of `ret_event` (event_size bytes), row-only columns zeroed; what it holds after a
 * failure says nothing. */
WEIR_MUST_USE bool codec_read(const struct stream *stream, const char *key, size_t key_len, const char *json,
                              size_t len, void *ret_event, struct err *err);
/* The two ways, apart, for tests, fuzzing and bench. The scanner answers false for all that is not canonical. */
WEIR_MUST_USE bool codec_scan(const struct stream *stream, const char *json, size_t len, void *ret_event);
WEIR_MUST_USE bool codec_parse(const struct stream *stream, const char *json, size_t len, void *ret_event,
                               struct err *err);

#endif
