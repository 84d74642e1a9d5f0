/* The log: where each partition begins and ends, and its records in order. Readers are opened some at a time: a short
 * log would else be a row of waits for first fetches, and a long one would fill the memory with what is read ahead. */
#include "ops/cli/audit.h"

#include <stdio.h>
#include <string.h>

enum { TOGETHER_RECORDS_MAX = 50000, TAKE_MS = 200, LOOK_EVERY = 4096 };

static bool read_ends(struct audit *audit, int64_t *ret_low, int64_t *ret_high, struct err *err)
{
    struct kafka_admin *admin = NULL;
    int64_t timeout_ms = audit->config->timeout_ms;
    int partitions = 0;
    bool good = kafka_admin_open(audit->config->kafka_brokers, "weir-audit", &admin, err) &&
                kafka_admin_partitions(admin, audit->stream->name, timeout_ms, &partitions, err);
    if (good && partitions != audit->meta.partitions)
        good = err_set(err, ERR_CONFLICT, "The topic %s has %d partitions where the catalog says %d",
                       audit->stream->name, partitions, (int)audit->meta.partitions);
    for (int32_t p = 0; good && p < partitions; p++)
        good = kafka_admin_watermarks(admin, audit->stream->name, p, timeout_ms, &ret_low[p], &ret_high[p], err);
    kafka_admin_close(admin);
    return good;
}

bool audit_log_cut(struct audit *audit, struct err *err)
{
    int64_t low[ROUTE_PARTITIONS_MAX], high[ROUTE_PARTITIONS_MAX];
    if (!read_ends(audit, low, high, err))
        return false;
    audit->all_whole = true;
    for (int32_t p = 0; p < audit->partitions; p++) {
        audit->part[p] = (struct audit_part){.whole = low[p] == 0, .low = low[p], .cut = high[p]};
        audit->records += (uint64_t)(low[p] == 0 ? high[p] : 0);
        if (low[p] == 0)
            continue;
        audit->all_whole = false;
        audit_report_note(&audit->report,
                          "the log of partition %d begins at offset %lld: its rows are counted, and held against its "
                          "totals and its progress alone",
                          (int)p, (long long)low[p]);
        audit_report_unchecked(&audit->report, "partition %d (its log begins at offset %lld)", (int)p,
                               (long long)low[p]);
    }
    return true;
}

bool audit_log_ends(struct audit *audit, int64_t *ret_ends, struct err *err)
{
    int64_t low[ROUTE_PARTITIONS_MAX];
    return read_ends(audit, low, ret_ends, err);
}

bool audit_log_moved(struct audit *audit, bool *ret_moved, struct err *err)
{
    int64_t high[ROUTE_PARTITIONS_MAX];
    if (!audit_log_ends(audit, high, err))
        return false;
    *ret_moved = false;
    for (int32_t p = 0; p < audit->partitions; p++)
        *ret_moved = *ret_moved || high[p] != audit->part[p].cut;
    return true;
}

/* None within tool.timeout_ms, though the log's end says that there are some. */
static bool no_record(const struct audit *audit, int32_t partition, int64_t end, struct err *err)
{
    return err_set(err, ERR_OUTAGE,
                   "Kafka gave no record of partition %d at offset %lld within %lld ms, though its end is %lld",
                   (int)partition, (long long)audit->part[partition].folded_to, (long long)audit->config->timeout_ms,
                   (long long)end);
}

static void fold_one(struct audit *audit, struct kafka_record *record, int64_t end)
{
    if (record->offset < end)
        audit->take(audit, record);
    else
        audit->part[record->partition].folded_to = end; /* a marker of a transaction stood at the end */
    if (record->offset % LOOK_EVERY == 0)
        audit_work(audit, LOOK_EVERY);
    kafka_record_free(record);
}

/* Records from where the fold is to `end`. */
static bool fold_partition(struct audit *audit, struct kafka_reader *reader, int32_t partition, int64_t end,
                           struct err *err)
{
    int64_t waited_ms = 0;
    while (audit->part[partition].folded_to < end) {
        struct kafka_record record;
        int got = kafka_reader_take(reader, TAKE_MS, &record, err);
        if (got < 0)
            return false;
        waited_ms = got == 0 ? waited_ms + TAKE_MS : 0;
        if (waited_ms > audit->config->timeout_ms)
            return no_record(audit, partition, end, err);
        if (got == 1)
            fold_one(audit, &record, end);
    }
    return true;
}

struct group {
    int32_t partition[ROUTE_PARTITIONS_MAX];
    struct kafka_reader *reader[ROUTE_PARTITIONS_MAX];
    size_t count;
};

/* Opens readers from `first` on, as many as belong together; answers the partition behind them, or -1. */
static int32_t group_open(struct audit *audit, int32_t first, const int64_t *ends, struct group *group, struct err *err)
{
    int64_t records = 0;
    int32_t p = first;
    group->count = 0;
    for (; p < audit->partitions && (group->count == 0 || records < TOGETHER_RECORDS_MAX); p++) {
        int64_t from = audit->part[p].folded_to;
        if (ends[p] <= from)
            continue;
        if (!kafka_reader_open(audit->config->kafka_brokers, "weir-audit", audit->stream->name, p, from,
                               &group->reader[group->count], err))
            return -1;
        group->partition[group->count++] = p;
        records += ends[p] - from;
    }
    return p;
}

/* Each partition up to its end. */
static bool fold_to(struct audit *audit, const int64_t *ends, struct err *err)
{
    struct group group;
    for (int32_t next = 0; next < audit->partitions;) {
        next = group_open(audit, next, ends, &group, err);
        bool good = next >= 0;
        for (size_t i = 0; i < group.count; i++) {
            good = good && fold_partition(audit, group.reader[i], group.partition[i], ends[group.partition[i]], err);
            kafka_reader_close(group.reader[i]);
        }
        if (!good)
            return false;
    }
    return true;
}

bool audit_log_fold(struct audit *audit, struct err *err)
{
    int64_t ends[ROUTE_PARTITIONS_MAX];
    audit->take = audit_fold_record;
    for (int32_t p = 0; p < audit->partitions; p++) {
        audit->part[p].fold = (struct fold_state){0};
        audit->part[p].folded_to = 0;
        ends[p] = audit->part[p].whole ? audit->part[p].cut : 0;
    }
    return fold_to(audit, ends, err);
}

bool audit_log_tail(struct audit *audit, const bool *partitions, audit_record_fn take, struct err *err)
{
    int64_t low[ROUTE_PARTITIONS_MAX], ends[ROUTE_PARTITIONS_MAX];
    if (!read_ends(audit, low, ends, err))
        return false;
    audit->take = take;
    for (int32_t p = 0; p < audit->partitions; p++)
        if (!partitions[p] || !audit->part[p].whole)
            ends[p] = 0;
    return fold_to(audit, ends, err);
}
