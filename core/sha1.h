/* SHA-1 (RFC 3174), for one thing only: Redis names its scripts by it. Not for anything that must resist an
 * attacker. */
#ifndef WEIR_CORE_SHA1_H
#define WEIR_CORE_SHA1_H

#include <stddef.h>

void sha1_hex(const void *data, size_t len, char ret_hex[41]); /* 40 lower-case hex digits and a NUL */

#endif
