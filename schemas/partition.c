#include "schemas/partition.h"

#include <assert.h>

/* Little-endian on every machine. */
static uint32_t word_at(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* MurmurHash2 (A. Appleby) with the seed that Kafka's Java client uses. */
uint32_t partition_murmur2(const void *key, size_t len)
{
    const uint32_t multiplier = 0x5bd1e995u;
    const unsigned char *at = key, *end = at + len;
    uint32_t hash = 0x9747b28cu ^ (uint32_t)len;
    for (; end - at >= 4; at += 4) {
        uint32_t word = word_at(at) * multiplier;
        word = (word ^ word >> 24) * multiplier;
        hash = (hash * multiplier) ^ word;
    }
    if (at != end) {
        uint32_t tail = 0;
        for (const unsigned char *byte = end; byte != at;)
            tail = tail << 8 | *--byte;
        hash = (hash ^ tail) * multiplier;
    }
    hash = (hash ^ hash >> 13) * multiplier;
    return hash ^ hash >> 15;
}

int32_t partition_of_key(const void *key, size_t len, int32_t partitions)
{
    assert(partitions > 0);
    return (int32_t)((partition_murmur2(key, len) & 0x7fffffffu) % (uint32_t)partitions);
}

int32_t partition_of_user(uint64_t user_id, int32_t partitions)
{
    char text[20]; /* 2^64 - 1 has 20 digits */
    size_t at = sizeof text;
    do
        text[--at] = (char)('0' + user_id % 10);
    while ((user_id /= 10) != 0);
    return partition_of_key(text + at, sizeof text - at, partitions);
}
