#include "core/kafka_pass.h"

#include <assert.h>

void kafka_pass_begin(struct kafka_pass *pass)
{
    if (!pass->spent)
        pass->from = 0; /* all of them had their turn */
    pass->spent = pass->fresh = false;
}

bool kafka_pass_asks(const struct kafka_pass *pass, int32_t partition)
{
    assert(partition >= 0 && partition < KAFKA_PASS_PARTITIONS_MAX);
    return !pass->away[partition] || (!pass->spent && partition >= pass->from);
}

int64_t kafka_pass_wait_ms(const struct kafka_pass *pass, int32_t partition, int64_t whole_ms)
{
    return pass->fresh && !pass->away[partition] ? whole_ms / 10 : whole_ms;
}

void kafka_pass_told(struct kafka_pass *pass, int32_t partition, bool answered)
{
    assert(kafka_pass_asks(pass, partition) || answered);
    if (pass->away[partition] && !answered) {
        pass->spent = true;
        pass->from = partition + 1;
    }
    pass->fresh = pass->fresh || (!answered && !pass->away[partition]);
    pass->away_count += (answered ? 0 : 1) - (pass->away[partition] ? 1 : 0);
    pass->away[partition] = !answered;
}
