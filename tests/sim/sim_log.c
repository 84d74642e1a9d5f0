#include "sim/sim_log.h"

#include "sim/sim_check.h"
#include "sim/sim_fault.h"
#include "sim/sim_unknown.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

enum { APPENDS_MAX = 1024 };

struct append {
    int partition;
    enum append_report says;
    struct log_record record;
    struct process *from;
    uint32_t from_life;
    report_fn report;
    void *owner;
    int64_t arg;
};

struct sim_log {
    int64_t end[SIM_PARTITIONS];
    struct log_record record[SIM_PARTITIONS][LOG_RECORDS_MAX];
    struct append append[APPENDS_MAX]; /* of a run; none is used again */
    int append_count;
};

struct sim_log *log_new(void)
{
    struct sim_log *log = calloc(1, sizeof *log);
    if (log == NULL)
        abort();
    return log;
}

void log_reset(struct world *world)
{
    world->log->append_count = 0;
    for (int p = 0; p < SIM_PARTITIONS; p++)
        world->log->end[p] = 0;
}

int log_partition(uint64_t user)
{
    return (int)(user % SIM_PARTITIONS);
}

static void on_land(struct world *world, void *what, int64_t arg)
{
    static const char *const kind[] = {
        [RECORD_DATA] = "GRAB", [RECORD_CANCEL] = "CANCEL", [RECORD_BARRIER] = "BARRIER"};
    struct append *append = what;
    struct sim_log *log = world->log;
    int p = append->partition;
    (void)arg;
    if (log->end[p] == LOG_RECORDS_MAX) {
        world_violated(world, "bound", "partition %d has %d records: something never ends", p, LOG_RECORDS_MAX);
        return;
    }
    log->record[p][log->end[p]++] = append->record;
    TRACE(world, "  log %d, offset %d: %s %" PRIu64 ", epoch %" PRIu64 ", of %s", p, (int)log->end[p] - 1,
          kind[append->record.kind], append->record.grab_id, append->record.epoch, append->from->name);
    check_landed(world, p, &append->record);
}

static void on_report(struct world *world, void *what, int64_t arg)
{
    struct append *append = what;
    (void)arg;
    append->report(world, append->owner, append->arg, append->says);
}

/* When the record lands (-1: never) and when its report comes. */
struct append_course {
    int64_t land_us, report_us;
};

static struct append_course draw_course(struct world *world, enum append_fate fate)
{
    int64_t there_us = chance_delay_us(world), hold_us = world_hold_us(world);
    struct append_course course = {.land_us = there_us, .report_us = there_us + chance_delay_us(world)};
    int64_t long_us = chance_between(world, hold_us / 2, 3 * hold_us);
    if (fate == APPEND_REFUSED || fate == APPEND_POSSIBLY_NEVER)
        course.land_us = -1;
    if (fate == APPEND_POSSIBLY_LATER)
        course.land_us = course.report_us + chance_between(world, 1, 4 * hold_us);
    if (fate == APPEND_REPORT_LATE && chance_permille(world, 500))
        course.land_us += long_us; /* it was the way there that took long */
    if (fate == APPEND_REPORT_LATE)
        course.report_us += long_us + (chance_permille(world, 500) ? chance_between(world, 0, 2 * hold_us) : 0);
    return course;
}

void log_append(struct world *world, struct process *from, enum state state, int partition,
                const struct log_record *record, report_fn report, void *owner, int64_t arg)
{
    static const enum append_report says[APPEND_FATES] = {
        [APPEND_GOES_WELL] = APPEND_PERSISTED,
        [APPEND_REFUSED] = APPEND_NOT_PERSISTED,
        [APPEND_POSSIBLY_NEVER] = APPEND_POSSIBLY_PERSISTED,
        [APPEND_POSSIBLY_LANDED] = APPEND_POSSIBLY_PERSISTED,
        [APPEND_POSSIBLY_LATER] = APPEND_POSSIBLY_PERSISTED,
        [APPEND_REPORT_LATE] = APPEND_PERSISTED,
    };
    struct sim_log *log = world->log;
    if (log->append_count == APPENDS_MAX) {
        world_violated(world, "bound", "%d appends: something never ends", APPENDS_MAX);
        return;
    }
    enum append_fate fate = fault_draw_append(world, state);
    struct append_course course = draw_course(world, fate);
    struct append *append = &log->append[log->append_count++];
    *append = (struct append){.partition = partition,
                              .says = says[fate],
                              .record = *record,
                              .from = from,
                              .from_life = from->life,
                              .report = report,
                              .owner = owner,
                              .arg = arg};
    if (course.land_us >= 0)
        world_at(world, course.land_us, NULL, on_land, append, 0);
    unknown_held(world, from, course.land_us > course.report_us ? course.land_us : course.report_us);
    world_at(world, course.report_us, from, on_report, append, 0);
    fault_draw_process(world, from, state, course.report_us);
}

int64_t log_end(const struct world *world, int partition)
{
    return world->log->end[partition];
}

const struct log_record *log_at(const struct world *world, int partition, int64_t offset)
{
    assert(offset >= 0 && offset < world->log->end[partition]);
    return &world->log->record[partition][offset];
}

int64_t log_find_barrier(const struct world *world, int partition, uint64_t by)
{
    for (int64_t at = world->log->end[partition] - 1; at >= 0; at--) {
        const struct log_record *record = &world->log->record[partition][at];
        if (record->kind == RECORD_BARRIER && record->by == by)
            return at;
    }
    return -1;
}

bool log_was_cancelled(const struct world *world, uint64_t grab_id)
{
    for (int i = 0; i < world->log->append_count; i++) {
        const struct log_record *record = &world->log->append[i].record;
        if (record->kind == RECORD_CANCEL && record->grab_id == grab_id)
            return true;
    }
    return false;
}
