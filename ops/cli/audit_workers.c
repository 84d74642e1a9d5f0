/* Are the workers at the log's end? Progress is read past the snapshots of the audit, as it is now. A shard that does not
 * answer by now has no worker that goes on, so that its partitions are behind. */
#include "core/clock.h"
#include "ops/cli/audit.h"
#include "schemas/ddl.h"

#include <string.h>

enum { CATCH_UP_MS = 1000 /* what a batch may take under load */, STEP_MS = 200 };

struct reading {
    const struct audit *audit;
    int shard;
    const int64_t *ends;
    uint8_t *passed; /* [partitions]: bit of each layout that has come to the end */
};

/* The cells of sql_progress_all. */
static bool take_progress(const struct value *cells, size_t count, void *arg)
{
    const struct reading *reading = arg;
    const struct audit *audit = reading->audit;
    char name[LAYOUT_NAME_MAX], topic[64];
    if (count < 4)
        return false;
    cell_text(&cells[0], name, sizeof name);
    cell_text(&cells[1], topic, sizeof topic);
    const int64_t partition = cell_i64(&cells[2]);
    for (size_t i = 0; i < audit->layout_count && strcmp(topic, audit->stream->name) == 0; i++) {
        const struct audit_layout *layout = &audit->layouts[i];
        if (strcmp(name, layout->keys->layout->name) == 0 && audit_routed_here(layout, partition, reading->shard) &&
            cell_i64(&cells[3]) >= reading->ends[partition])
            reading->passed[partition] |= layout->bit;
    }
    return true;
}

static void read_shard(struct reading *reading)
{
    struct sql *sql = NULL;
    struct err err = {0};
    const bool told = link_open(reading->audit->config, reading->shard, &sql, &err) &&
                      sql_select(sql, sql_progress_all, NULL, 0, take_progress, reading, &err);
    (void)told; /* what it did not tell is behind */
    sql_close(sql);
}

static bool all_passed(const struct audit *audit, const uint8_t *passed)
{
    bool all = true;
    for (int32_t p = 0; p < audit->partitions; p++)
        all = all && passed[p] == (1u << audit->layout_count) - 1;
    return all;
}

bool audit_workers_behind(struct audit *audit, bool *behind, struct err *err)
{
    int64_t ends[ROUTE_PARTITIONS_MAX];
    uint8_t passed[ROUTE_PARTITIONS_MAX] = {0};
    struct reading reading = {.audit = audit, .ends = ends, .passed = passed};
    if (!audit_log_ends(audit, ends, err))
        return false;
    const int64_t until_ms = clock_boottime_ms() + CATCH_UP_MS;
    for (;;) {
        const bool over = clock_boottime_ms() >= until_ms;
        for (reading.shard = 0; reading.shard < (int)audit->config->mysql_shards.count; reading.shard++)
            read_shard(&reading);
        if (over || all_passed(audit, passed))
            break;
        clock_sleep_ms(STEP_MS);
    }
    for (int32_t p = 0; p < audit->partitions; p++)
        behind[p] = behind[p] || passed[p] != (1u << audit->layout_count) - 1;
    return true;
}
