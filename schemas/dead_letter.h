/* A dead letter whose record is longer than its shard takes holds the beginning of it, and at the end of its reason
 * what tells the whole record: lengths and checksum (kafka_record_checksum). Pure. */
#ifndef WEIR_SCHEMAS_DEAD_LETTER_H
#define WEIR_SCHEMAS_DEAD_LETTER_H

#include "core/buf.h"
#include <stdbool.h>
#include <stdint.h>

enum { DEAD_LETTER_CUT_BYTES_MAX = 160 }; /* of what is appended */

/* Key and value were cut to `bytes_max` each; their lengths, and the checksum, are the whole record's. */
void dead_letter_cut_append(struct buf *reason, size_t bytes_max, size_t key_len, size_t value_len, uint64_t checksum);
/* False: this letter was not cut. */
WEIR_MUST_USE bool dead_letter_cut_read(const char *reason, size_t len, uint64_t *ret_checksum);

#endif
