/* SHA-1 over one block of memory, as RFC 3174 describes it (method 1). Not incremental, not fast: it runs once a script
 * at start. */
#include "core/sha1.h"
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK_BYTES = 64, LENGTH_BYTES = 8 };

static uint32_t rotate(uint32_t word, int bits)
{
    return word << bits | word >> (32 - bits);
}

static uint32_t round_value(int t, const uint32_t h[5])
{
    if (t < 20)
        return ((h[1] & h[2]) | (~h[1] & h[3])) + 0x5a827999u;
    if (t < 40)
        return (h[1] ^ h[2] ^ h[3]) + 0x6ed9eba1u;
    if (t < 60)
        return ((h[1] & h[2]) | (h[1] & h[3]) | (h[2] & h[3])) + 0x8f1bbcdcu;
    return (h[1] ^ h[2] ^ h[3]) + 0xca62c1d6u;
}

static void block_add(uint32_t sum[5], const unsigned char block[BLOCK_BYTES])
{
    uint32_t w[80];
    for (int t = 0; t < 16; t++)
        w[t] = (uint32_t)block[4 * t] << 24 | (uint32_t)block[4 * t + 1] << 16 | (uint32_t)block[4 * t + 2] << 8 |
               block[4 * t + 3];
    for (int t = 16; t < 80; t++)
        w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    uint32_t h[5];
    memcpy(h, sum, sizeof h);
    for (int t = 0; t < 80; t++) {
        uint32_t next = rotate(h[0], 5) + round_value(t, h) + h[4] + w[t];
        h[4] = h[3];
        h[3] = h[2];
        h[2] = rotate(h[1], 30);
        h[1] = h[0];
        h[0] = next;
    }
    for (int i = 0; i < 5; i++)
        sum[i] += h[i];
}

void sha1_hex(const void *data, size_t len, char ret_hex[41])
{
    uint32_t sum[5] = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u, 0xc3d2e1f0u};
    const unsigned char *at = data;
    size_t left = len;
    for (; left >= BLOCK_BYTES; left -= BLOCK_BYTES, at += BLOCK_BYTES)
        block_add(sum, at);

    unsigned char tail[2 * BLOCK_BYTES] = {0};
    if (left > 0)
        memcpy(tail, at, left);
    tail[left] = 0x80;
    size_t tail_len = left + 1 + LENGTH_BYTES <= BLOCK_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES;
    for (size_t i = 0; i < LENGTH_BYTES; i++)
        tail[tail_len - 1 - i] = (unsigned char)((uint64_t)len * 8 >> (8 * i));
    for (size_t i = 0; i < tail_len; i += BLOCK_BYTES)
        block_add(sum, tail + i);
    for (int i = 0; i < 5; i++)
        snprintf(ret_hex + 8 * i, 9, "%08x", sum[i]);
}
