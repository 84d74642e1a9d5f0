#include "core/token.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

void token_make(char ret_token[TOKEN_LEN + 1])
{
    unsigned char bytes[TOKEN_LEN / 2];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        /* 16 bytes are never cut short once the pool is ready: getrandom(2) */
        fputs("getrandom() gave no random bytes\n", stderr);
        abort();
    }
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(ret_token + 2 * i, 3, "%02x", bytes[i]);
}
