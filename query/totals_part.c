#include "query/totals_part.h"

#include "query/plan.h"
#include <stdlib.h>

struct totals_part {
    struct scatter_part part;
    struct totals_question question;
    struct totals totals;
};

static void totals_part_free(struct scatter_part *base)
{
    struct totals_part *part = (struct totals_part *)base;
    totals_free(&part->totals);
    free(part);
}

static bool totals_run(struct pool_job *job, struct sql *sql, struct err *err)
{
    struct totals_part *part = (struct totals_part *)job;
    return totals_select(&part->totals, part->part.scatter->map->stream, part->question.layout, part->part.shard,
                         part->question.by, part->question.subject, sql, err);
}

void totals_part_add_all(struct scatter *scatter, const struct totals_question *question)
{
    int shards[ROUTE_SHARDS_MAX];
    size_t count = plan_all_shards(question->layout, shards);
    for (size_t i = 0; i < count; i++) {
        struct scatter_part *part = scatter_add(scatter, shards[i], sizeof(struct totals_part), totals_run);
        ((struct totals_part *)part)->question = *question;
        part->free = totals_part_free;
    }
}

void totals_part_gather(const struct scatter *scatter, struct totals *ret_totals)
{
    for (size_t i = 0; i < scatter->count; i++) {
        const struct scatter_part *part = scatter->part[i];
        if (part->state == PART_GOOD && part->shard != SCATTER_CATALOG)
            totals_add_all(ret_totals, &((const struct totals_part *)part)->totals);
    }
}
