/* weir tables: the day tables of every shard; list them, or drop those past the retention. Dropping is a dry run until
 * --yes. */
#include "core/clock.h"
#include "ops/cli/tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    const char *stream, *before, *keeper_layout;
    bool yes, json;
};

static const struct cli_option option_rows[] = {
    {.name = "stream",
     .type = CLI_TEXT,
     .offset = offsetof(struct options, stream),
     .argument = "NAME",
     .help = "whose tables (grabs)"},
    {.name = "before",
     .type = CLI_TEXT,
     .offset = offsetof(struct options, before),
     .argument = "DAY",
     .help = "drop: tables of days before it, as 2026-11-01"},
    {.name = "keeper-layout",
     .type = CLI_TEXT,
     .offset = offsetof(struct options, keeper_layout),
     .argument = "NAME",
     .help = "drop: what the keepers read, their keeper.layout; must be another layout"},
    {.name = "yes",
     .type = CLI_FLAG,
     .offset = offsetof(struct options, yes),
     .help = "drop: do it; without it only what would go is shown"},
    {.name = "json",
     .type = CLI_FLAG,
     .offset = offsetof(struct options, json),
     .help = "print the tables as one JSON array"},
};

struct work {
    const struct cli_config *config;
    const struct stream *stream;
    const struct layout *layout; /* the one with day tables */
    const struct options *options;
    struct day_tables tables;
    int32_t before; /* drop: days since 1970 */
    bool dropping;
    struct meta meta; /* drop: whose shards they must be */
};

/* The lag says nothing of a shard that no route names: it may be another cluster's, and its tables are not ours. */
static bool open_shard(const struct work *work, int shard, struct sql **ret_sql, struct err *err)
{
    return link_open(work->config, shard, ret_sql, err) &&
           (!work->dropping || identity_check(*ret_sql, shard, &work->meta, err));
}

static bool read_all(struct work *work, struct err *err)
{
    for (size_t shard = 0; shard < work->config->mysql_shards.count; shard++) {
        struct sql *sql = NULL;
        bool done = open_shard(work, (int)shard, &sql, err) &&
                    tables_read(sql, (int)shard, work->stream, work->layout, &work->tables, err);
        sql_close(sql);
        if (!done)
            return false;
    }
    return true;
}

static void keep_older(struct day_tables *tables, int32_t before)
{
    size_t kept = 0;
    for (size_t i = 0; i < tables->count; i++)
        if (tables->item[i].day < before)
            tables->item[kept++] = tables->item[i];
    tables->count = kept;
}

static void show(const struct work *work)
{
    struct buf text = {0};
    if (work->options->json)
        tables_render_json(&work->tables, &text);
    else
        tables_render_text(&work->tables, &text);
    printf("%s%s", text.data, work->options->json ? "\n" : "");
    fflush(stdout);
    buf_free(&text);
}

static bool drop_table(struct sql *sql, const struct day_table *table, struct err *err)
{
    struct buf text = {0};
    buf_printf(&text, "DROP TABLE IF EXISTS `%s`", table->name); /* a name that the layout itself has parsed */
    bool done = sql_run_text(sql, text.data, err);
    buf_free(&text);
    return done;
}

static bool drop_of_shard(const struct work *work, int shard, struct err *err)
{
    struct sql *sql = NULL;
    bool done = open_shard(work, shard, &sql, err);
    for (size_t i = 0; done && i < work->tables.count; i++)
        if (work->tables.item[i].shard == shard)
            done = drop_table(sql, &work->tables.item[i], err);
    sql_close(sql);
    return done;
}

static bool check_drop(struct work *work, struct err *err)
{
    struct sql *catalog = NULL;
    struct status *status = mem_alloc(sizeof *status);
    size_t at = 0;
    status_gather_lag(work->config, work->stream, status, &catalog);
    sql_close(catalog);
    while (work->stream->layouts[at].layout != work->layout)
        at++;
    work->meta = status->meta; /* read, when the layout's lag is known */
    int32_t today = day_of_ms(clock_realtime_ms(), status->meta.offset_min);
    bool done = tables_check_drop(work->before, today, &status->layout[at], err) &&
                tables_check_keeper(status, work->layout, work->options->keeper_layout, err);
    free(status);
    return done;
}

static bool drop(struct work *work, struct err *err)
{
    if (!check_drop(work, err))
        return false;
    if (!read_all(work, err))
        return err_prefix(err, "nothing is dropped");
    keep_older(&work->tables, work->before);
    show(work);
    for (size_t shard = 0; work->options->yes && shard < work->config->mysql_shards.count; shard++)
        if (!drop_of_shard(work, (int)shard, err))
            return err_prefix(err, "some tables may be gone already; run it again");
    if (!work->options->json)
        printf("%zu table%s %s\n", work->tables.count, work->tables.count == 1 ? "" : "s",
               work->options->yes ? "dropped" : "would be dropped; give --yes to do it");
    return true;
}

static bool list(struct work *work, struct err *err)
{
    if (!read_all(work, err))
        return false;
    show(work);
    return true;
}

static bool prepare(struct work *work, const char *verb, struct err *err)
{
    const bool dropping = work->dropping = strcmp(verb, "drop") == 0;
    work->stream = stream_find(work->options->stream);
    if (!work->stream)
        return err_set(err, ERR_USAGE, "--stream: \"%.40s\" is no stream; grabs and readings are",
                       work->options->stream);
    for (size_t i = 0; i < work->stream->layout_count; i++)
        if (work->stream->layouts[i].layout->by_day)
            work->layout = work->stream->layouts[i].layout;
    if (!work->layout)
        return err_set(err, ERR_USAGE, "The stream %s has no layout with day tables", work->stream->name);
    if (!dropping && strcmp(verb, "list") != 0)
        return err_set(err, ERR_USAGE, "\"%.40s\" is neither list nor drop", verb);
    if (!dropping && (work->options->before || work->options->keeper_layout || work->options->yes))
        return err_set(err, ERR_USAGE, "--before, --keeper-layout and --yes belong to drop");
    if (dropping && (!work->options->before || !day_parse(work->options->before, '-', &work->before)))
        return err_set(err, ERR_USAGE, "drop needs --before DAY, a day as 2026-11-01");
    return true;
}

static int run(const struct cli_config *config, const struct cli_command *command, int argc, char **argv)
{
    struct options options = {.stream = "grabs"};
    struct work work = {.config = config, .options = &options};
    struct err err = {0};
    char **words;
    size_t count;
    enum cli_outcome outcome = cli_options_parse(command, argc, argv, &options, &words, &count, &err);
    if (outcome != CLI_RUN)
        return outcome == CLI_DONE ? 0 : cli_fail(command, &err);
    bool done = prepare(&work, words[0], &err) && (work.dropping ? drop(&work, &err) : list(&work, &err));
    tables_free(&work.tables);
    return done ? 0 : cli_fail(command, &err);
}

const struct cli_command cmd_tables = {
    .name = "tables",
    .usage = " list | drop --before DAY --keeper-layout NAME [--yes]",
    .summary =
        "Lists the day tables of every shard, or drops old ones; never while progress is behind the log, nor what a "
        "keeper reads.",
    .options = option_rows,
    .option_count = sizeof option_rows / sizeof *option_rows,
    .words_min = 1,
    .words_max = 1,
    .run = run,
};
