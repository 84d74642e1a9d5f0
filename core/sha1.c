#include "core/sha1.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

void sha1_hex(const void *data, size_t len, char ret_hex[41])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    if (EVP_Digest(data, len, digest, &digest_len, EVP_sha1(), NULL) != 1 || digest_len != 20)
        abort(); /* a libcrypto without SHA-1, or without memory */
    for (unsigned i = 0; i < digest_len; i++)
        snprintf(ret_hex + i * 2, 3, "%02x", digest[i]);
}
