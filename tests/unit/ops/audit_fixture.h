/* An audit in memory: two partitions on one shard, both layouts, one coupon (7, of 10 units, limit 1). Records go in
 * one by one; the tables are what the fold says until a test changes them. */
#ifndef WEIR_TESTS_UNIT_OPS_AUDIT_FIXTURE_H
#define WEIR_TESTS_UNIT_OPS_AUDIT_FIXTURE_H

#include "ops/cli/audit.h"
#include "protocol/ids.h"
#include "schemas/codec.h"
#include "schemas/partition.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIXTURE_PARTITIONS = 2, FIXTURE_LAYOUTS = 2, FIXTURE_COUPON = 7, FIXTURE_TOTAL = 10, FIXTURE_RECORDS_MAX = 64 };
#define FIXTURE_NOON_MS INT64_C(1795176000000) /* 2026-11-20T12:00:00Z */

struct fixture {
    struct audit audit;
    struct audit_options options;
    int64_t next[FIXTURE_PARTITIONS];
};

static inline void fixture_open(struct fixture *fixture)
{
    struct audit *audit = &fixture->audit;
    *fixture = (struct fixture){.options = {.limit = 100, .memory_mb = 1}};
    audit->options = &fixture->options;
    audit->stream = &stream_grabs;
    audit->partitions = audit->meta.partitions = FIXTURE_PARTITIONS;
    audit->slices = 1;
    audit->today = day_of_ms(FIXTURE_NOON_MS, 0);
    audit->layout_count = FIXTURE_LAYOUTS;
    audit->layouts = mem_alloc(FIXTURE_LAYOUTS * sizeof *audit->layouts);
    for (size_t i = 0; i < FIXTURE_LAYOUTS; i++) {
        struct audit_layout *layout = &audit->layouts[i];
        layout->keys = &stream_grabs.layouts[i];
        layout->bit = (uint8_t)(1u << i);
        route_spread(&layout->route, &stream_grabs, layout->keys->layout, FIXTURE_PARTITIONS, 1);
        for (size_t shard = 0; shard < ROUTE_SHARDS_MAX; shard++)
            layout->first_day[shard] = shard == 0 ? audit->today : INT32_MAX;
        for (int32_t p = 0; p < FIXTURE_PARTITIONS; p++)
            layout->progress[p].found = true;
    }
    for (int32_t p = 0; p < FIXTURE_PARTITIONS; p++)
        audit->part[p].whole = true;
    audit->all_whole = true;
    audit->coupons = mem_alloc(sizeof *audit->coupons);
    audit->coupon_count = 1;
    audit->coupons[0].row = (struct coupon){
        .coupon_id = FIXTURE_COUPON, .total = FIXTURE_TOTAL, .opened = 1, .per_user_limit = 1, .hold_ms = 1000};
    audit_report_init(&audit->report, (size_t)fixture->options.limit);
    audit_grabs_init(&audit->grabs, FIXTURE_RECORDS_MAX);
}

static inline void fixture_close(struct fixture *fixture)
{
    audit_free(&fixture->audit);
}

/* The one of the test that runs: a set-up begins with fixture_new, and close_fixture is the teardown of all. */
static struct fixture *f;

static inline void fixture_new(void)
{
    f = mem_alloc(sizeof *f);
    fixture_open(f);
}

static inline int close_fixture(void **state)
{
    (void)state;
    fixture_close(f);
    free(f);
    return 0;
}

/* The n-th user whose partition is `partition`. */
static inline uint64_t user_of(int32_t partition, int n)
{
    uint64_t user = 1;
    for (;; user++)
        if (partition_of_user(user, FIXTURE_PARTITIONS) == partition && n-- == 0)
            return user;
}

static inline uint64_t fixture_id(uint32_t sequence)
{
    return id_pack(FIXTURE_NOON_MS, 5, sequence);
}

static inline void fixture_bytes(struct fixture *fixture, int32_t partition, const char *key, const char *value)
{
    struct kafka_record record = {.partition = partition,
                                  .offset = fixture->next[partition]++,
                                  .key = key,
                                  .key_len = strlen(key),
                                  .value = value,
                                  .value_len = strlen(value)};
    fixture->audit.part[partition].cut = fixture->next[partition];
    audit_fold_record(&fixture->audit, &record);
}

static inline void fixture_event(struct fixture *fixture, int32_t partition, const struct grab_event *event)
{
    struct buf key = {0}, value = {0};
    buf_append_str(&key, "");
    if (event->kind != RECORD_BARRIER)
        codec_write_key(&stream_grabs, event, &key);
    codec_write(&stream_grabs, event, &value);
    fixture_bytes(fixture, partition, key.data, value.data);
    buf_free(&key);
    buf_free(&value);
}

/* Progress of both layouts before the records go in: how far their tables will be. */
static inline void fixture_progress(struct fixture *fixture, int32_t partition, int64_t next_offset)
{
    for (size_t i = 0; i < FIXTURE_LAYOUTS; i++)
        fixture->audit.layouts[i].progress[partition].next_offset = next_offset;
}

static inline void fixture_record(struct fixture *fixture, enum record_kind kind, uint32_t sequence, uint64_t user_id,
                                  uint64_t epoch)
{
    struct grab_event event = {.kind = (uint8_t)kind,
                               .grab_id = fixture_id(sequence),
                               .user_id = user_id,
                               .coupon_id = FIXTURE_COUPON,
                               .room_id = 3,
                               .epoch = epoch};
    fixture_event(fixture, partition_of_user(user_id, FIXTURE_PARTITIONS), &event);
}

static inline void fixture_barrier(struct fixture *fixture, int32_t partition, uint64_t epoch)
{
    struct grab_event event;
    grab_event_barrier(&event, epoch, "me");
    fixture_event(fixture, partition, &event);
}

/* The table of this grab's row. */
static inline struct audit_row fixture_row(struct fixture *fixture, size_t layout, const struct audit_grab *grab,
                                           char table[TABLE_NAME_MAX])
{
    struct audit_layout *its = &fixture->audit.layouts[layout];
    struct grab_event event;
    audit_grab_event(&fixture->audit.grabs, grab, &event);
    int64_t slot = its->keys->layout->slot(&stream_grabs, grab->partition, &event, 0);
    its->keys->layout->table(&stream_grabs, slot, table);
    return (struct audit_row){.layout = its, .table = table, .slot = slot};
}

/* Its row as the fold says, and, when `change` is there, changed by it. */
static inline void fixture_see(struct fixture *fixture, size_t layout, const struct audit_grab *grab,
                               void (*change)(struct grab_event *event, struct audit_row *row))
{
    char table[TABLE_NAME_MAX];
    struct value cells[STREAM_COLUMNS_MAX];
    struct grab_event event;
    struct audit_row row = fixture_row(fixture, layout, grab, table);
    audit_grab_event(&fixture->audit.grabs, grab, &event);
    if (change)
        change(&event, &row);
    row.count = stream_cells(&stream_grabs, &event, cells);
    row.cells = cells;
    struct err err = {0};
    if (!audit_check_row(&fixture->audit, &row, &err))
        abort();
}

/* All rows of all layouts that progress has passed. */
static inline void fixture_see_all(struct fixture *fixture)
{
    for (size_t i = 0; i < fixture->audit.grabs.count; i++)
        for (size_t l = 0; l < FIXTURE_LAYOUTS; l++) {
            const struct audit_grab *grab = &fixture->audit.grabs.grabs[i];
            const struct audit_layout *layout = &fixture->audit.layouts[l];
            if ((grab->layouts & layout->bit) && grab->offset < layout->progress[grab->partition].next_offset)
                fixture_see(fixture, l, grab, NULL);
        }
}

static inline uint64_t fixture_found(const struct fixture *fixture)
{
    return audit_report_total(&fixture->audit.report);
}

/* The only finding, or the last one. */
static inline const struct audit_finding *fixture_last(const struct fixture *fixture)
{
    const struct audit_report *report = &fixture->audit.report;
    assert(report->finding_count > 0);
    return &report->findings[report->finding_count - 1];
}

#endif
