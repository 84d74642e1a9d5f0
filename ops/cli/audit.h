/* weir audit: I1 to I8 from outside, of the log, the tables, Redis and the catalog alone. Nothing of the services is
 * asked, and nothing is changed.
 *
 *     audit_shards   SNAPSHOT of every shard: progress, totals, dead letters and rows, all of one moment
 *     audit_log      CUT: the end of each partition; then FOLD from the begin to the cut, by protocol/fold.h
 *     audit_strays   what a shard holds of partitions that are not its own                        I7
 *     audit_rows     each row against the fold up to that shard's progress, and what has no row   I7, I2
 *     audit_stock    each coupon's keys in Redis; audit_claims, audit_pending: its hashes         I4, I5, I6
 *     audit_workers  whether progress is behind the log, where something is pending for too long  I4
 *     audit_sales    what was sold of a coupon and to whom                                        I1, I5, I6
 *     audit_history  what clients were told (--history)                                           I2, I3
 *     audit_unknown  of that, what was open at the cut                                            I4
 *     audit_sums     counts, epochs, checksums, totals, dead letters of each partition            I7, I8
 *
 * What is said while load goes on, and why it is sound.
 *
 * Tables: rows and progress of a shard are read in one snapshot, and progress moves with the rows; so they must be
 * equal to the fold up to that progress, whatever is written meanwhile. The cut is read after the snapshots.
 *
 * I1, I6: a grab's verdict is final from its first record on, and totals, which only grow, are read after the cut.
 *
 * Left + claims = total, all three read by one script: RESERVE, RELEASE, sweep, carry and rebuild keep it at any
 * moment. (Claims of many users whose limit is above 1 are not counted in one script: at rest only.)
 *
 * An OK grab whose record is before the cut has its claim: the claim was there before the record, and nothing takes it
 * away but a RELEASE or a sweep of a grab that has no OK record. The scan comes after the cut, and a scan returns what
 * is there from its begin to its end.
 *
 * A claim that is not pending has an OK record: it is settled after the delivery report only. A claim that the fold
 * does not know is looked at again behind the scan: not pending, and after that still there, it was settled; its record
 * is before an end of the log that is read then, and the fold goes on to there.
 *
 * A history is read before the cut: the record of a success that it tells of was there before the answer, so it is
 * before the cut. It holds all that its users asked of a coupon; so an answer tells of each OK grab of theirs.
 *
 * A pending mark older than two holds (Redis's clock) when the passes have ended must be gone two holds later; that is
 * waited for when there is one. Age and time are both counted from one look at the clocks, just before the marks are
 * read: however long the passes took, and whatever was away meanwhile, each has its time. A sweep waits for its grab's
 * row; so a mark that stays while the workers of its partition are behind the log is not judged. An unknown of the
 * history that is open at the cut is waited for, too: by an end of the log that is read after those two holds it is OK
 * or VOID. At rest nothing is pending that could still end it, so that nothing is waited for.
 *
 * All of Redis is judged for coupons alone whose mark is valid, under one epoch, before and behind the scan of claims; a
 * rebuild that begins later takes pending marks away with it.
 *
 * At rest (nothing pending, every progress at the cut, ends of the log and stock the same before and behind) it must
 * also hold that left + OK grabs = total, and then the tables are the whole log.
 *
 * Memory is bounded: when the log is longer than memory holds, several passes are made, each over the users of one
 * slice (a hash of the user id). The snapshots and the cut stay the same. (A grab_id that two users share, which Weir
 * never makes, is then seen as two grabs.) A history is held whole, 40 bytes a line.
 *
 * A partition whose log does not begin at offset 0 cannot be folded. Its rows are counted in the fold's stead: they,
 * the totals and progress must agree, all of one snapshot; and what the totals count is sold, at least, so that I1 is
 * judged all the same. The rest of it is not, and an audit that left something out never says that all agrees.
 */
#ifndef WEIR_OPS_CLI_AUDIT_H
#define WEIR_OPS_CLI_AUDIT_H

#include "core/kafka.h"
#include "core/redis.h"
#include "ops/cli/audit_grabs.h"
#include "ops/cli/audit_report.h"
#include "ops/cli/links.h"
#include "ops/cli/progress_line.h"
#include "schemas/catalog.h"

struct audit_options {
    int64_t memory_mb;
    int64_t limit;
    int64_t wait_s;
    const char *history; /* NULL: none */
    bool json, rest;
};

/* A partition in one layout: what its progress row says, and what the fold up to there says. */
struct audit_progress {
    bool found, met_last; /* the row; its last record */
    int64_t next_offset;
    struct fold_state stored, folded;
    uint64_t checksum, last_checksum; /* of the row; of that record */
    struct fold_counts counts, fold_counts;
};

struct audit_layout {
    const struct stream_layout *keys;
    uint8_t bit;
    struct route route; /* no partitions: the layout is not in use */
    struct audit_progress progress[ROUTE_PARTITIONS_MAX];
    int32_t first_day[ROUTE_SHARDS_MAX]; /* by_day: of the shard's tables; INT32_MAX: it has none, or is no shard */
    uint64_t rows, dropped, elsewhere;   /* read; past the retention; where an older route had them */
};

struct audit_part {
    bool whole; /* its log begins at offset 0 */
    int64_t low, cut;
    struct fold_state fold; /* of this pass */
    int64_t folded_to;      /* of this pass: next offset */
};

/* One row of the totals, and the fold's. */
struct audit_total {
    uint64_t coupon_id;
    int32_t day;
    uint16_t partition;
    uint8_t layout, shard;                     /* layout: place + 1; 0: a free slot */
    uint64_t ok, voided, fold_ok, fold_voided; /* fold: its rows, where the partition cannot be folded */
};
struct audit_totals {
    struct audit_total *slot;
    size_t count, size;
};

struct audit_letter {
    int64_t offset;
    uint64_t checksum; /* of the record's key and value; where the letter was cut, as its reason says */
    uint16_t partition;
    uint8_t layout; /* place */
    bool met;
};

/* Of a shard, as they were when its snapshot was taken. */
struct audit_tables {
    char (*name)[TABLE_NAME_MAX];
    size_t count;
};

enum audit_stock_state { AUDIT_STOCK_UNSEEN, AUDIT_STOCK_VALID, AUDIT_STOCK_ODD };

/* What one script call saw of a coupon. */
struct audit_look {
    bool valid;
    uint64_t epoch, total, limit, version;
    int64_t hold_ms, left, users, entries /* -1: not counted */, pending;
    char why[200]; /* not valid: because */
};

struct audit_coupon {
    struct coupon row;
    uint64_t ok;                             /* by the fold up to the cut */
    uint64_t not_folded[STREAM_LAYOUTS_MAX]; /* OK, of partitions that cannot be folded, by a layout's totals or rows */
    enum audit_stock_state stock;
    struct audit_look look; /* the first of the run */
    uint64_t claims;        /* entries that the scans met */
    bool moved;             /* left or pending were not the same behind a scan */
};

/* A claim that the fold did not know when it was met. */
struct audit_claim {
    uint64_t coupon_id, user_id, grab_id;
};

struct audit_overdue {
    uint64_t coupon_id, grab_id;
    int64_t age_ms;
    int32_t partition;
};

enum audit_told { AUDIT_TOLD_SUCCESS, AUDIT_TOLD_REFUSED, AUDIT_TOLD_UNKNOWN, AUDIT_TOLD_NOTHING };
struct audit_line {
    uint64_t coupon_id, user_id, grab_id, epoch;
    enum audit_told told;
    bool done; /* told nothing: a grab is put down to it; unknown: its grab is OK or VOID */
};

struct audit;
typedef void (*audit_record_fn)(struct audit *audit, const struct kafka_record *record);

struct audit {
    const struct cli_config *config;
    const struct audit_options *options;
    const struct stream *stream;
    struct audit_report report;
    struct meta meta;
    struct sql *catalog, *shard[ROUTE_SHARDS_MAX]; /* shards: inside their snapshots */
    struct audit_tables tables[ROUTE_SHARDS_MAX];
    struct redis_sync *redis;
    struct audit_layout *layouts; /* [stream->layout_count] */
    size_t layout_count;
    struct audit_part part[ROUTE_PARTITIONS_MAX];
    int32_t partitions;
    struct audit_totals totals;
    struct audit_letter *letters; /* sorted by (partition, offset, layout) */
    size_t letter_count;
    uint64_t cut_letters;         /* of them, that hold the beginning of a record alone */
    struct audit_coupon *coupons; /* sorted by id */
    size_t coupon_count;
    struct audit_grabs grabs; /* of this pass */
    struct audit_claim *suspects;
    size_t suspect_count;
    struct audit_overdue *overdue;
    size_t overdue_count;
    struct audit_line *lines; /* of the history, sorted by (coupon, user) */
    size_t line_count;
    struct audit_line *unknown; /* of them, that were open at the cut */
    size_t unknown_count;
    uint32_t slices, slice; /* passes, and which one this is */
    int32_t today;
    int64_t redis_now_ms; /* Redis's clock when marks were looked at */
    bool again;           /* it is run again unless it finds rest: nothing is waited for */
    int64_t asked_ms;     /* CLOCK_BOOTTIME of the same moment: all parts had answered */
    audit_record_fn take; /* what the log's records are given to */
    uint64_t records, claims, foreign, refused_foreign, misplaced_foreign;
    bool all_whole, at_rest;
    char why_not[200]; /* not at rest: because */
    struct progress_line line;
    uint64_t work_done;
};

/* ---- pure: audit_fold.c ---- */

/* Passes that so many records need: each holds its users' grabs, at what they cost at most. */
uint32_t audit_slices(uint64_t records, int64_t memory_mb);
bool audit_in_slice(const struct audit *audit, uint64_t user_id);
struct audit_coupon *audit_coupon(const struct audit *audit, uint64_t coupon_id); /* NULL: not in the catalog */
struct audit_total *audit_total(struct audit_totals *totals,
                                const struct audit_total *key); /* made when it is not there */
void audit_letters_sort(struct audit *audit);
/* One record of the log, in order; also what it means for counts, totals, dead letters, and sales. */
void audit_fold_record(struct audit *audit, const struct kafka_record *record);

/* ---- pure: audit_rows.c, audit_strays.c, audit_sums.c, audit_sales.c, audit_history.c, audit_unknown.c ---- */

struct audit_row {
    struct audit_layout *layout;
    int shard;
    const char *table;
    int64_t slot;
    const struct value *cells; /* of stream_row_columns */
    size_t count;
};
/* False: the table's columns are not as init made them; nothing can be said of its rows. */
WEIR_MUST_USE bool audit_check_row(struct audit *audit, const struct audit_row *row, struct err *err);
/* Past days are dropped by command: is the table of this day, which is not there, none that is missing? */
bool audit_day_dropped(const struct audit *audit, const struct audit_layout *layout, int32_t day);
void audit_check_missing(struct audit *audit); /* after all rows of the pass */
void audit_check_sums(struct audit *audit);    /* after all passes */
void audit_check_sales(struct audit *audit);   /* I6, of the pass */
void audit_check_stock(struct audit *audit);   /* I1, I5, after all passes */
bool audit_routed_here(const struct audit_layout *layout, int64_t partition, int shard);
/* `place` holds `count` things, `what` they are ("rows"), of a partition that is not routed to its shard. */
void audit_stray(struct audit *audit, const struct audit_layout *layout, const struct audit_place *place,
                 uint64_t count, const char *what);
void audit_unrouted(struct audit *audit, const char *name, int shard); /* this layout has progress on this shard */
WEIR_MUST_USE bool audit_history_line(const char *text, size_t len, struct audit_line *ret_line, struct err *err);
void audit_check_history(struct audit *audit); /* of the pass; lines are sorted */
int audit_line_compare(const void *a, const void *b);
void audit_unknown_note(struct audit *audit, const struct audit_line *line);
void audit_unknown_sort(struct audit *audit); /* after all notes, before the first record */
void audit_unknown_record(struct audit *audit, const struct kafka_record *record); /* of the log behind the cut */
void audit_unknown_drop(struct audit *audit);   /* those that are OK or VOID by now */
void audit_unknown_report(struct audit *audit); /* those that are left */
/* Of this hold, how long after the parts are back nothing of it is open or pending any more (README, I4). */
int64_t audit_due_ms(int64_t hold_ms);

/* ---- servers: audit_shards.c, audit_log.c, audit_stock.c, audit_pending.c, audit_workers.c, audit_history.c,
 * audit_unknown.c ---- */

WEIR_MUST_USE bool audit_shards_open(struct audit *audit, struct err *err); /* snapshots, and all but the rows */
WEIR_MUST_USE bool audit_shards_rows(struct audit *audit, struct err *err);
WEIR_MUST_USE bool audit_log_cut(struct audit *audit, struct err *err);
WEIR_MUST_USE bool audit_log_ends(struct audit *audit, int64_t *ret_ends, struct err *err); /* now, of each partition */
WEIR_MUST_USE bool audit_log_moved(struct audit *audit, bool *ret_moved, struct err *err);  /* since the cut */
WEIR_MUST_USE bool audit_log_fold(struct audit *audit, struct err *err); /* each partition to its cut */
/* From where each of these partitions was read to, to the end of now; `take` moves folded_to. */
WEIR_MUST_USE bool audit_log_tail(struct audit *audit, const bool *partitions, audit_record_fn take, struct err *err);
WEIR_MUST_USE bool audit_stock_look(struct audit *audit, struct err *err);   /* each coupon once, before the passes */
WEIR_MUST_USE bool audit_stock_scan(struct audit *audit, struct err *err);   /* claims of the pass */
WEIR_MUST_USE bool audit_pending_wait(struct audit *audit, struct err *err); /* after all passes: for overdue marks */
WEIR_MUST_USE bool audit_unknown_wait(struct audit *audit, struct err *err); /* after audit_pending_wait */
/* Sets `behind` of each partition where a layout's progress does not come to the end that the log has now, within a
 * second; leaves the others as they are. */
WEIR_MUST_USE bool audit_workers_behind(struct audit *audit, bool *behind, struct err *err);
WEIR_MUST_USE bool audit_history_read(struct audit *audit, const char *path, struct err *err);

/* All of it, once: fills the report. The caller has zeroed `audit` and set config and options, and frees it. */
WEIR_MUST_USE bool audit_run(struct audit *audit, struct err *err);
void audit_free(struct audit *audit);
void audit_work(struct audit *audit, uint64_t more); /* moves the progress line */

#endif
