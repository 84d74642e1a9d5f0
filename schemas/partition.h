/* Kafka's own default partitioner: murmur2 of the message key, sign bit cleared, modulo the count
 * (org.apache.kafka.common.utils.Utils#murmur2, #toPositive). */
#ifndef WEIR_SCHEMAS_PARTITION_H
#define WEIR_SCHEMAS_PARTITION_H

#include <stddef.h>
#include <stdint.h>

uint32_t partition_murmur2(const void *key, size_t len);
int32_t partition_of_key(const void *key, size_t len, int32_t partitions);
int32_t partition_of_user(uint64_t user_id, int32_t partitions); /* the key is the id in decimal */

#endif
