/* The shards: one snapshot each, held until the end, and what is read in it. */
#include "ops/cli/audit.h"

#include "schemas/ddl.h"
#include "schemas/dead_letter.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SNAPSHOT_TRIES = 5, ROWS_LOOK_EVERY = 4096 };

/* ---- tables ---- */

static bool take_table(const struct value *cells, size_t count, void *arg)
{
    struct audit_tables *list = arg;
    if (count < 1 || cells[0].type != VALUE_TEXT || cells[0].len >= TABLE_NAME_MAX)
        return true;
    list->name = mem_grow(list->name, (list->count + 1) * sizeof *list->name);
    memset(list->name[list->count], 0, sizeof *list->name); /* so that lists compare as memory */
    cell_text(&cells[0], list->name[list->count++], TABLE_NAME_MAX);
    return true;
}

static bool list_tables(struct sql *sql, struct audit_tables *ret_list, struct err *err)
{
    *ret_list = (struct audit_tables){0};
    return sql_select(sql, "SHOW TABLES", NULL, 0, take_table, ret_list, err); /* sorted, as both servers do */
}

static bool same_tables(const struct audit_tables *a, const struct audit_tables *b)
{
    return a->count == b->count && (a->count == 0 || memcmp(a->name, b->name, a->count * sizeof *a->name) == 0);
}

static bool take_snapshot(struct sql *sql, struct audit_tables *tables, bool *ret_same, struct err *err)
{
    struct audit_tables after = {0};
    free(tables->name);
    bool good = list_tables(sql, tables, err) &&
                sql_run_text(sql, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", err) &&
                sql_run_text(sql, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", err) &&
                list_tables(sql, &after, err);
    *ret_same = good && same_tables(tables, &after);
    free(after.name);
    return good;
}

/* The session would be closed after half a minute without a statement, and the fold of a long log takes longer. A
 * snapshot holds no lock; it costs the server its undo log, so there is a bound all the same. MySQL has no such setting
 * and reads a comment. */
static bool may_be_idle(struct sql *sql, struct err *err)
{
    return sql_run_text(sql, "SET @weir_audit = 1 /*M!100300 , SESSION idle_transaction_timeout = 3600 */", err);
}

/* A table that is made while the snapshot is taken could be in one of them and not in the other. */
static bool shard_snapshot(struct sql *sql, struct audit_tables *tables, struct err *err)
{
    bool same = false;
    for (int i = 0; i < SNAPSHOT_TRIES && !same; i++) {
        if (i > 0)
            sql_rollback(sql);
        if (!take_snapshot(sql, tables, &same, err))
            return false;
    }
    return same ||
           err_set(err, ERR_CONFLICT, "Tables come and go at %s: run the audit again when they do not", sql_where(sql));
}

/* ---- progress, totals, dead letters ---- */

struct reading {
    struct audit *audit;
    int shard;
    size_t layout;
    int32_t partition;
    struct err err;
};

static struct audit_place place_of(const struct reading *reading, const char *table, int64_t partition)
{
    struct audit_place place = AUDIT_NOWHERE;
    place.layout = reading->audit->layouts[reading->layout].keys->layout->name;
    place.shard = reading->shard;
    place.table = table;
    place.partition = (int32_t)partition;
    return place;
}

/* The cells of sql_progress_read. */
static bool take_progress(const struct value *cells, size_t count, void *arg)
{
    struct reading *reading = arg;
    struct audit_progress *progress = &reading->audit->layouts[reading->layout].progress[reading->partition];
    if (count != 10)
        return !err_set(&reading->err, ERR_INTERNAL, "a progress row has another shape than this program knows");
    *progress = (struct audit_progress){.found = true,
                                        .next_offset = cell_i64(&cells[0]),
                                        .stored.epoch = (uint64_t)cell_i64(&cells[2]),
                                        .checksum = (uint64_t)cell_i64(&cells[3]),
                                        .counts = {.records = (uint64_t)cell_i64(&cells[4]),
                                                   .ok = (uint64_t)cell_i64(&cells[5]),
                                                   .voided = (uint64_t)cell_i64(&cells[6]),
                                                   .duplicates = (uint64_t)cell_i64(&cells[7]),
                                                   .dead_letters = (uint64_t)cell_i64(&cells[8]),
                                                   .barriers = (uint64_t)cell_i64(&cells[9])}};
    return false;
}

static bool read_progress(struct audit *audit, int shard, size_t at, int32_t partition, struct err *err)
{
    const char *layout = audit->layouts[at].keys->layout->name, *topic = audit->stream->name;
    struct value values[] = {value_text(layout, strlen(layout)), value_text(topic, strlen(topic)),
                             value_i64(partition)};
    struct reading reading = {.audit = audit, .shard = shard, .layout = at, .partition = partition};
    if (!sql_select(audit->shard[shard], sql_progress_read, values, 3, take_progress, &reading, err))
        return false;
    if (reading.err.kind != ERR_NONE)
        *err = reading.err;
    return reading.err.kind == ERR_NONE;
}

static bool take_total(const struct value *cells, size_t count, void *arg)
{
    struct reading *reading = arg;
    struct audit *audit = reading->audit;
    const struct audit_layout *layout = &audit->layouts[reading->layout];
    const int64_t partition = count == 5 ? cell_i64(&cells[0]) : -1;
    char day[11];
    struct audit_total key = {.layout = (uint8_t)(reading->layout + 1), .shard = (uint8_t)reading->shard};
    if (count != 5)
        return true;
    if (!audit_routed_here(layout, partition, reading->shard)) {
        struct audit_place place = place_of(reading, audit->stream->totals_table, partition);
        place.coupon_id = (uint64_t)cell_i64(&cells[2]);
        audit_stray(audit, layout, &place, (uint64_t)(cell_i64(&cells[3]) + cell_i64(&cells[4])), "rows counted");
        return true;
    }
    cell_text(&cells[1], day, sizeof day);
    if (!day_parse(day, '-', &key.day))
        return !err_set(&reading->err, ERR_DATA, "\"%s\" is no day", day);
    key.partition = (uint16_t)partition;
    key.coupon_id = (uint64_t)cell_i64(&cells[2]);
    struct audit_total *total = audit_total(&audit->totals, &key);
    total->ok = (uint64_t)cell_i64(&cells[3]);
    total->voided = (uint64_t)cell_i64(&cells[4]);
    return true;
}

static bool take_letter(const struct value *cells, size_t count, void *arg)
{
    struct reading *reading = arg;
    struct audit *audit = reading->audit;
    const int64_t partition = count == 5 ? cell_i64(&cells[0]) : -1;
    if (count != 5)
        return true;
    if (!audit_routed_here(&audit->layouts[reading->layout], partition, reading->shard)) {
        struct audit_place place = place_of(reading, "dead_letters", partition);
        place.offset = cell_i64(&cells[1]);
        audit_stray(audit, &audit->layouts[reading->layout], &place, 1, "dead letter");
        return true;
    }
    struct kafka_record record = {0};
    if (cells[2].type == VALUE_TEXT)
        record.key = cells[2].text, record.key_len = cells[2].len;
    if (cells[3].type == VALUE_TEXT)
        record.value = cells[3].text, record.value_len = cells[3].len;
    uint64_t checksum = kafka_record_checksum(&record);
    if (cells[4].type == VALUE_TEXT && dead_letter_cut_read(cells[4].text, cells[4].len, &checksum))
        audit->cut_letters++;
    if ((audit->letter_count & (audit->letter_count - 1)) == 0) /* grows at powers of two */
        audit->letters =
            mem_grow(audit->letters, (audit->letter_count ? audit->letter_count * 2 : 1) * sizeof *audit->letters);
    audit->letters[audit->letter_count++] = (struct audit_letter){.offset = cell_i64(&cells[1]),
                                                                  .checksum = checksum,
                                                                  .partition = (uint16_t)partition,
                                                                  .layout = (uint8_t)reading->layout};
    return true;
}

/* ---- what is not this shard's ---- */

static bool take_stray(const struct value *cells, size_t count, void *arg)
{
    struct reading *reading = arg;
    const struct audit_layout *layout = &reading->audit->layouts[reading->layout];
    const int64_t partition = count == 2 ? cell_i64(&cells[0]) : -1;
    if (count != 2 || audit_routed_here(layout, partition, reading->shard))
        return true;
    struct audit_place place = place_of(reading, "progress", partition);
    audit_stray(reading->audit, layout, &place, (uint64_t)cell_i64(&cells[1]), "records passed");
    return true;
}

static bool take_layout(const struct value *cells, size_t count, void *arg)
{
    const struct reading *reading = arg;
    char name[LAYOUT_NAME_MAX];
    if (count < 1 || cells[0].type != VALUE_TEXT)
        return true;
    cell_text(&cells[0], name, sizeof name);
    audit_unrouted(reading->audit, name, reading->shard);
    return true;
}

static bool take_count(const struct value *cells, size_t count, void *arg)
{
    *(uint64_t *)arg = count > 0 ? (uint64_t)cell_i64(&cells[0]) : 0;
    return false;
}

static bool count_rows(struct reading *reading, const char *table, int64_t slot, struct err *err)
{
    char text[100];
    uint64_t rows = 0;
    const struct audit_place place = place_of(reading, table, slot);
    snprintf(text, sizeof text, "SELECT COUNT(*) FROM `%s`", table);
    if (!sql_select(reading->audit->shard[reading->shard], text, NULL, 0, take_count, &rows, err))
        return false;
    audit_stray(reading->audit, &reading->audit->layouts[reading->layout], &place, rows, "rows");
    return true;
}

/* Of tables by day each row is looked at, with the others. */
static bool stray_tables(struct reading *reading, struct err *err)
{
    const struct audit *audit = reading->audit;
    const struct audit_layout *layout = &audit->layouts[reading->layout];
    const struct audit_tables *tables = &audit->tables[reading->shard];
    const struct layout *way = layout->keys->layout;
    int64_t slot;
    for (size_t i = 0; i < tables->count && !way->by_day; i++)
        if (way->parse(audit->stream, tables->name[i], &slot) && !audit_routed_here(layout, slot, reading->shard) &&
            !count_rows(reading, tables->name[i], slot, err))
            return false;
    return true;
}

static bool read_strays(struct audit *audit, int shard, size_t at, struct err *err)
{
    struct reading reading = {.audit = audit, .shard = shard, .layout = at};
    const char *layout = audit->layouts[at].keys->layout->name, *topic = audit->stream->name;
    struct value values[] = {value_text(layout, strlen(layout)), value_text(topic, strlen(topic))};
    if (audit->layouts[at].route.version > 1)
        return true;
    return sql_select(audit->shard[shard],
                      "SELECT `partition`, `next_offset` FROM `progress` WHERE `layout` = ? AND `topic` = ?", values, 2,
                      take_stray, &reading, err) &&
           stray_tables(&reading, err);
}

static bool read_unrouted(struct audit *audit, int shard, struct err *err)
{
    struct reading reading = {.audit = audit, .shard = shard};
    struct value topic = value_text(audit->stream->name, strlen(audit->stream->name));
    return sql_select(audit->shard[shard], "SELECT DISTINCT `layout` FROM `progress` WHERE `topic` = ?", &topic, 1,
                      take_layout, &reading, err);
}

static bool read_of_layout(struct audit *audit, int shard, size_t at, struct err *err)
{
    char text[300];
    struct reading reading = {.audit = audit, .shard = shard, .layout = at};
    const char *layout = audit->layouts[at].keys->layout->name, *topic = audit->stream->name;
    struct value values[] = {value_text(layout, strlen(layout)), value_text(topic, strlen(topic))};
    for (int32_t p = 0; p < audit->partitions; p++)
        if (audit_routed_here(&audit->layouts[at], p, shard) && !read_progress(audit, shard, at, p, err))
            return false;
    snprintf(text, sizeof text,
             "SELECT `partition`, CAST(`day` AS CHAR), `%s`, `ok_rows`, `void_rows` FROM `%s` WHERE `layout` = ?",
             audit->stream->totals_column, audit->stream->totals_table);
    bool good =
        sql_select(audit->shard[shard], text, values, 1, take_total, &reading, err) &&
        sql_select(audit->shard[shard],
                   "SELECT `partition`, `offset`, `key`, `value`, `reason` FROM `dead_letters` WHERE `layout` = ? "
                   "AND `topic` = ?",
                   values, 2, take_letter, &reading, err);
    if (good && reading.err.kind != ERR_NONE)
        *err = reading.err;
    return good && reading.err.kind == ERR_NONE;
}

static bool shard_open(struct audit *audit, int shard, struct err *err)
{
    if (!link_open(audit->config, shard, &audit->shard[shard], err) ||
        !identity_check(audit->shard[shard], shard, &audit->meta, err) || !may_be_idle(audit->shard[shard], err) ||
        !shard_snapshot(audit->shard[shard], &audit->tables[shard], err))
        return false;
    for (size_t i = 0; i < audit->layout_count; i++)
        if (!read_of_layout(audit, shard, i, err) || !read_strays(audit, shard, i, err))
            return err_prefix(err, "shard %d", shard);
    return read_unrouted(audit, shard, err) || err_prefix(err, "shard %d", shard);
}

bool audit_shards_open(struct audit *audit, struct err *err)
{
    for (size_t shard = 0; shard < audit->config->mysql_shards.count; shard++)
        if (!shard_open(audit, (int)shard, err))
            return false;
    audit_letters_sort(audit);
    return true;
}

/* ---- rows ---- */

struct row_reading {
    struct audit *audit;
    struct audit_row row;
    uint64_t read;
    struct err err;
};

static bool take_row(const struct value *cells, size_t count, void *arg)
{
    struct row_reading *reading = arg;
    reading->row.cells = cells;
    reading->row.count = count;
    if (!audit_check_row(reading->audit, &reading->row, &reading->err))
        return false;
    if (++reading->read % ROWS_LOOK_EVERY == 0)
        audit_work(reading->audit, ROWS_LOOK_EVERY);
    return true;
}

static void append_select(const struct stream *stream, const char *table, struct buf *text)
{
    const struct column *columns[STREAM_COLUMNS_MAX];
    size_t count = stream_row_columns(stream, columns);
    for (size_t i = 0; i < count; i++)
        buf_printf(text, "%s`%s`", i == 0 ? "SELECT " : ", ", columns[i]->name);
    buf_printf(text, " FROM `%s`", table);
}

static bool read_table(struct audit *audit, struct audit_layout *layout, int shard, const char *table, int64_t slot,
                       struct err *err)
{
    struct row_reading reading = {.audit = audit,
                                  .row = {.layout = layout, .shard = shard, .table = table, .slot = slot}};
    struct buf text = {0};
    append_select(audit->stream, table, &text);
    bool good = sql_select(audit->shard[shard], text.data, NULL, 0, take_row, &reading, err);
    buf_free(&text);
    if (good && reading.err.kind != ERR_NONE) {
        *err = reading.err;
        good = false;
    }
    return good || err_prefix(err, "shard %d", shard);
}

static bool read_tables(struct audit *audit, struct audit_layout *layout, int shard, const struct audit_tables *tables,
                        struct err *err)
{
    layout->first_day[shard] = INT32_MAX;
    for (size_t i = 0; i < tables->count; i++) {
        int64_t slot;
        const struct layout *way = layout->keys->layout;
        if (!way->parse(audit->stream, tables->name[i], &slot) ||
            (!way->by_day && !audit_routed_here(layout, slot, shard)))
            continue;
        if (way->by_day && slot < layout->first_day[shard])
            layout->first_day[shard] = (int32_t)slot;
        if (!read_table(audit, layout, shard, tables->name[i], slot, err))
            return false;
    }
    return true;
}

bool audit_shards_rows(struct audit *audit, struct err *err)
{
    for (size_t shard = 0; shard < audit->config->mysql_shards.count; shard++)
        for (size_t i = 0; i < audit->layout_count; i++)
            if (!read_tables(audit, &audit->layouts[i], (int)shard, &audit->tables[shard], err))
                return false;
    return true;
}
