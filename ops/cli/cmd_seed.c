/* weir seed: users, rooms, coupons and their details into the catalog. Rows that are there stay as they are, those that
 * are missing are made. */
#include "ops/cli/links.h"
#include "ops/cli/progress_line.h"
#include "ops/cli/seed_plan.h"
#include "schemas/catalog.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLICE_ROWS = 5000, CELLS_MAX = 9 };

struct options {
    int64_t seed, users, rooms, coupons_per_room;
    bool small;
};

static const struct cli_option option_rows[] = {
    {.name = "seed",
     .type = CLI_NUMBER,
     .offset = offsetof(struct options, seed),
     .max = INT64_MAX,
     .argument = "N",
     .help = "another seed, other rows (20241120)"},
    {.name = "users",
     .type = CLI_NUMBER,
     .offset = offsetof(struct options, users),
     .min = 1,
     .max = 10000000,
     .argument = "N",
     .help = "how many users (100000)"},
    {.name = "rooms",
     .type = CLI_NUMBER,
     .offset = offsetof(struct options, rooms),
     .min = 1,
     .max = 100000,
     .argument = "N",
     .help = "how many rooms (100); 1 to 5 are hot"},
    {.name = "coupons-per-room",
     .type = CLI_NUMBER,
     .offset = offsetof(struct options, coupons_per_room),
     .min = 1,
     .max = 1000,
     .argument = "N",
     .help = "how many coupons a room (5)"},
    {.name = "small", .type = CLI_FLAG, .offset = offsetof(struct options, small), .help = "1000 users, 10 rooms"},
};

/* One kind of rows: how a slice of missing ids becomes inserts, in one transaction. */
struct kind;
struct seeding {
    const struct seed_plan *plan;
    struct sql *catalog;
    uint64_t epoch;
    unsigned char *present; /* by id - 1 */
    uint64_t total, found, made;
    uint64_t slice[SLICE_ROWS]; /* ids */
    size_t slice_count;
    struct value *cells; /* SLICE_ROWS * CELLS_MAX */
    void *rows;          /* SLICE_ROWS of the kind's row_size: what the cells borrow from */
};
struct kind {
    const char *name; /* "users" */
    const char *ids;  /* SELECT of the ids that are there, up to a parameter */
    size_t row_size;
    bool (*insert)(struct seeding *seeding, struct err *err);
};

static struct value text_value(const char *text)
{
    return value_text(text, strlen(text));
}

static bool insert_users(struct seeding *seeding, struct err *err)
{
    static const char *const columns[] = {"user_id", "name", "level"};
    struct seed_user *users = seeding->rows;
    for (size_t i = 0; i < seeding->slice_count; i++) {
        seed_user_make(seeding->plan, seeding->slice[i], &users[i]);
        struct value *cells = &seeding->cells[i * 3];
        cells[0] = value_u64(users[i].user_id);
        cells[1] = text_value(users[i].name);
        cells[2] = text_value(users[i].level);
    }
    return sql_insert(seeding->catalog, "users", columns, 3, seeding->cells, seeding->slice_count, "", err);
}

static bool insert_rooms(struct seeding *seeding, struct err *err)
{
    static const char *const columns[] = {"room_id", "title", "hot"};
    struct seed_room *rooms = seeding->rows;
    for (size_t i = 0; i < seeding->slice_count; i++) {
        seed_room_make(seeding->plan, seeding->slice[i], &rooms[i]);
        struct value *cells = &seeding->cells[i * 3];
        cells[0] = value_u64(rooms[i].room_id);
        cells[1] = text_value(rooms[i].title);
        cells[2] = value_u64(rooms[i].hot);
    }
    return sql_insert(seeding->catalog, "live_rooms", columns, 3, seeding->cells, seeding->slice_count, "", err);
}

static bool insert_coupon_rows(struct seeding *seeding, const struct seed_coupon *coupons, struct err *err)
{
    static const char *const columns[] = {"coupon_id",      "room_id", "title",  "total",
                                          "per_user_limit", "gate",    "hold_ms"};
    for (size_t i = 0; i < seeding->slice_count; i++) {
        const struct coupon *row = &coupons[i].row;
        struct value *cells = &seeding->cells[i * 7];
        cells[0] = value_u64(row->coupon_id);
        cells[1] = value_u64(row->room_id);
        cells[2] = text_value(row->title);
        cells[3] = value_u64(row->total);
        cells[4] = value_u64(row->per_user_limit);
        cells[5] = text_value(row->gate_open ? "open" : "closed");
        cells[6] = value_i64(row->hold_ms);
    }
    return sql_insert(seeding->catalog, "coupons", columns, 7, seeding->cells, seeding->slice_count, "", err);
}

static bool insert_details(struct seeding *seeding, const struct seed_coupon *coupons, struct err *err)
{
    static const char *const columns[] = {"coupon_id", "description", "terms"};
    for (size_t i = 0; i < seeding->slice_count; i++) {
        struct value *cells = &seeding->cells[i * 3];
        cells[0] = value_u64(coupons[i].row.coupon_id);
        cells[1] = text_value(coupons[i].description);
        cells[2] = text_value(coupons[i].terms);
    }
    return sql_insert(seeding->catalog, "coupon_details", columns, 3, seeding->cells, seeding->slice_count, "", err);
}

static bool insert_stock_logs(struct seeding *seeding, const struct seed_coupon *coupons, struct err *err)
{
    static const char *const columns[] = {"coupon_id", "action", "before_total", "after_total", "epoch", "reason"};
    for (size_t i = 0; i < seeding->slice_count; i++) {
        struct value *cells = &seeding->cells[i * 6];
        cells[0] = value_u64(coupons[i].row.coupon_id);
        cells[1] = text_value("create");
        cells[2] = value_u64(0);
        cells[3] = value_u64(coupons[i].row.total);
        cells[4] = value_u64(seeding->epoch);
        cells[5] = text_value("seed");
    }
    return sql_insert(seeding->catalog, "stock_logs", columns, 6, seeding->cells, seeding->slice_count, "", err);
}

static bool insert_coupons(struct seeding *seeding, struct err *err)
{
    struct seed_coupon *coupons = seeding->rows;
    for (size_t i = 0; i < seeding->slice_count; i++)
        seed_coupon_make(seeding->plan, seeding->slice[i], &coupons[i]);
    return insert_coupon_rows(seeding, coupons, err) && insert_details(seeding, coupons, err) &&
           insert_stock_logs(seeding, coupons, err);
}

static const struct kind kind_users = {"users", "SELECT `user_id` FROM `users` WHERE `user_id` <= ?",
                                       sizeof(struct seed_user), insert_users};
static const struct kind kind_rooms = {"rooms", "SELECT `room_id` FROM `live_rooms` WHERE `room_id` <= ?",
                                       sizeof(struct seed_room), insert_rooms};
static const struct kind kind_coupons = {"coupons", "SELECT `coupon_id` FROM `coupons` WHERE `coupon_id` <= ?",
                                         sizeof(struct seed_coupon), insert_coupons};

static bool note_present(const struct value *cells, size_t count, void *arg)
{
    struct seeding *seeding = arg;
    uint64_t id = count == 1 ? (uint64_t)cell_i64(&cells[0]) : 0;
    if (id >= 1 && id <= seeding->total) {
        seeding->present[id - 1] = 1;
        seeding->found++;
    }
    return true;
}

static bool flush_slice(struct seeding *seeding, const struct kind *kind, struct err *err)
{
    if (seeding->slice_count == 0)
        return true;
    if (!sql_begin(seeding->catalog, err))
        return false;
    if (!kind->insert(seeding, err)) {
        sql_rollback(seeding->catalog);
        return false;
    }
    seeding->made += seeding->slice_count;
    seeding->slice_count = 0;
    return sql_commit(seeding->catalog, err);
}

static bool make_missing(struct seeding *seeding, const struct kind *kind, struct progress_line *line, struct err *err)
{
    for (uint64_t id = 1; id <= seeding->total; id++) {
        if (!seeding->present[id - 1])
            seeding->slice[seeding->slice_count++] = id;
        if (seeding->slice_count < SLICE_ROWS && id < seeding->total)
            continue;
        if (!flush_slice(seeding, kind, err))
            return false;
        progress_line_move(line, id);
    }
    return true;
}

static bool seed_kind(struct seeding *seeding, const struct kind *kind, uint64_t total, struct err *err)
{
    struct progress_line line;
    struct value last = value_u64(total);
    seeding->total = total;
    seeding->found = seeding->made = 0;
    seeding->slice_count = 0;
    seeding->present = mem_alloc(total);
    seeding->rows = mem_alloc(kind->row_size * SLICE_ROWS);
    progress_line_begin(&line, kind->name, total);
    bool done = sql_select(seeding->catalog, kind->ids, &last, 1, note_present, seeding, err) &&
                make_missing(seeding, kind, &line, err);
    progress_line_end(&line);
    free(seeding->present);
    free(seeding->rows);
    if (done)
        printf("%s: %" PRIu64 " made, %" PRIu64 " there already\n", kind->name, seeding->made, seeding->found);
    return done || err_prefix(err, "%s", kind->name);
}

static bool seed_all(const struct cli_config *config, const struct seed_plan *plan, struct seeding *seeding,
                     struct err *err)
{
    struct meta meta;
    uint64_t coupons = seed_coupon_count(plan), made = 0;
    if (!link_open(config, -1, &seeding->catalog, err) || !meta_read(seeding->catalog, &meta, err))
        return false;
    seeding->epoch = meta.epoch;
    if (!seed_kind(seeding, &kind_users, plan->users, err) || !seed_kind(seeding, &kind_rooms, plan->rooms, err))
        return false;
    if (!seed_kind(seeding, &kind_coupons, coupons, err))
        return false;
    made = seeding->made;
    printf("seeded: %" PRIu64 " users, %" PRIu64 " rooms, %" PRIu64 " coupons (%" PRIu64 " new), seed %" PRIu64 "\n",
           plan->users, plan->rooms, coupons, made, plan->seed);
    return true;
}

static void plan_of(const struct cli_config *config, const struct options *options, struct seed_plan *ret_plan)
{
    *ret_plan = (struct seed_plan){.seed = (uint64_t)options->seed,
                                   .users = options->users   ? (uint64_t)options->users
                                            : options->small ? 1000
                                                             : 100000,
                                   .rooms = options->rooms   ? (uint64_t)options->rooms
                                            : options->small ? 10
                                                             : 100,
                                   .coupons_per_room = (uint64_t)options->coupons_per_room,
                                   .hold_ms = config->hold_ms};
}

static int run(const struct cli_config *config, const struct cli_command *command, int argc, char **argv)
{
    struct options options = {.seed = 20241120, .coupons_per_room = 5};
    struct seed_plan plan;
    struct err err = {0};
    char **words;
    size_t count;
    enum cli_outcome outcome = cli_options_parse(command, argc, argv, &options, &words, &count, &err);
    if (outcome != CLI_RUN)
        return outcome == CLI_DONE ? 0 : cli_fail(command, &err);
    plan_of(config, &options, &plan);
    struct seeding *seeding = mem_alloc(sizeof *seeding);
    *seeding = (struct seeding){.plan = &plan, .cells = mem_alloc(sizeof(struct value) * SLICE_ROWS * CELLS_MAX)};
    bool done = seed_all(config, &plan, seeding, &err);
    sql_close(seeding->catalog);
    free(seeding->cells);
    free(seeding);
    return done ? 0 : cli_fail(command, &err);
}

const struct cli_command cmd_seed = {
    .name = "seed",
    .usage = "",
    .summary = "Fills the catalog with users, live rooms and coupons (gates open); the same seed gives the same rows, "
               "and rows that are there stay.",
    .options = option_rows,
    .option_count = sizeof option_rows / sizeof *option_rows,
    .run = run,
};
