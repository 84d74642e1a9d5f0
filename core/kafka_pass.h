/* Passes over the partitions of a topic, again and again, by one who asks each of them something. One whose leader is out
 * of reach costs a whole timeout; so of those that did not answer before, some are asked in a pass until one again does
 * not, and the next pass goes on behind it. When one newly fails to answer its broker may have many: all behind it have a
 * tenth of the time, in that pass.
 *
 *     kafka_pass_begin -> of each partition, rising: kafka_pass_asks -> ask -> kafka_pass_told
 *
 * Pure. One thread. Begins zeroed. */
#ifndef WEIR_CORE_KAFKA_PASS_H
#define WEIR_CORE_KAFKA_PASS_H

#include <stdbool.h>
#include <stdint.h>

enum { KAFKA_PASS_PARTITIONS_MAX = 1024 };

struct kafka_pass {
    bool away[KAFKA_PASS_PARTITIONS_MAX]; /* did not answer when it was asked last */
    int32_t away_count;
    int32_t from; /* the first of those away that is asked in this pass */
    bool spent;   /* one of them did not answer in this pass either */
    bool fresh;   /* one that answered before did not in this pass */
};

void kafka_pass_begin(struct kafka_pass *pass);
bool kafka_pass_asks(const struct kafka_pass *pass, int32_t partition);
int64_t kafka_pass_wait_ms(const struct kafka_pass *pass, int32_t partition, int64_t whole_ms);
void kafka_pass_told(struct kafka_pass *pass, int32_t partition, bool answered);

#endif
