/* weir init: catalog, topic, routes, shard tables and progress rows of one stream. Run again, it makes what is missing
 * and changes nothing. */
#include "ops/cli/init.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct options {
    const char *stream;
    bool at_begin;
    bool at_end;
};

static const struct cli_option option_rows[] = {
    {.name = "stream",
     .type = CLI_TEXT,
     .offset = offsetof(struct options, stream),
     .argument = "NAME",
     .help = "which stream: grabs (default) or readings"},
    {.name = "at-begin",
     .type = CLI_FLAG,
     .offset = offsetof(struct options, at_begin),
     .help = "a missing progress row begins at the first record that the log still has"},
    {.name = "at-end",
     .type = CLI_FLAG,
     .offset = offsetof(struct options, at_end),
     .help = "a missing progress row begins behind the last record"},
};

static bool make_topic(struct init *init, struct err *err)
{
    char settings[160];
    bool created = false;
    const struct cli_config *config = init->config;
    snprintf(settings, sizeof settings,
             "retention.ms=-1,unclean.leader.election.enable=false,min.insync.replicas=%" PRId64, config->min_insync);
    if (!kafka_admin_open(config->kafka_brokers, "weir-init", &init->admin, err) ||
        !kafka_admin_create_topic(init->admin, init->stream->name, (int)config->partitions, (int)config->replication,
                                  settings, config->timeout_ms, &created, err))
        return false;
    for (int32_t p = 0; p < config->partitions; p++)
        if (!kafka_admin_watermarks(init->admin, init->stream->name, p, config->timeout_ms, &init->low[p],
                                    &init->high[p], err))
            return false;
    printf("topic %s: %" PRId64 " partitions, %s\n", init->stream->name, config->partitions,
           created ? "made" : "there already");
    return true;
}

static bool make_shards(struct init *init, struct err *err)
{
    int count = (int)init->config->mysql_shards.count;
    for (int shard = 0; shard < count; shard++)
        if (!init_shard_open(init, shard, err))
            return false;
    for (int shard = 0; shard < count; shard++)
        if (!init_shard_whole(init, shard, err))
            return false;
    for (int shard = 0; shard < count; shard++) {
        if (!init_shard_tables(init, shard, err) || !init_shard_progress(init, shard, err))
            return false;
        printf("shard %d: %s\n", shard, sql_where(init->shard[shard]));
        fflush(stdout);
    }
    return true;
}

static bool make_all(struct init *init, struct err *err)
{
    if (!init_catalog(init, err))
        return false;
    printf("catalog: %s, %s\n", sql_where(init->catalog), init->meta_found ? "there already" : "made");
    if (!make_topic(init, err) || !init_meta(init, err) || !init_routes(init, err) || !make_shards(init, err))
        return false;
    printf("%s is ready: cluster %.8s, epoch %" PRIu64 ", layouts %s, %d partitions on %zu shards, %" PRIu64
           " progress rows made\n",
           init->stream->name, init->meta.cluster, init->meta.epoch, init->config->layouts, (int)init->meta.partitions,
           init->config->mysql_shards.count, init->progress_made);
    return true;
}

static void close_all(struct init *init)
{
    for (size_t i = 0; i < init->config->mysql_shards.count; i++)
        sql_close(init->shard[i]);
    sql_close(init->catalog);
    kafka_admin_close(init->admin);
}

static bool check_options(const struct options *options, const struct stream **ret_stream, struct err *err)
{
    *ret_stream = stream_find(options->stream);
    if (!*ret_stream)
        return err_set(err, ERR_USAGE, "--stream: \"%.40s\" is no stream; grabs and readings are", options->stream);
    return !(options->at_begin && options->at_end) ||
           err_set(err, ERR_USAGE, "--at-begin and --at-end exclude each other");
}

static int run(const struct cli_config *config, const struct cli_command *command, int argc, char **argv)
{
    static struct init init; /* large: the watermarks of every partition */
    struct options options = {.stream = "grabs"};
    struct err err = {0};
    char **words;
    size_t count;
    enum cli_outcome outcome = cli_options_parse(command, argc, argv, &options, &words, &count, &err);
    if (outcome == CLI_DONE)
        return 0;
    init = (struct init){.config = config};
    if (outcome == CLI_FAIL || !check_options(&options, &init.stream, &err) ||
        !init_layouts_choose(config->layouts, init.stream, init.chosen, &err))
        return cli_fail(command, &err);
    init.begin = options.at_end ? INIT_BEGIN_HIGH : options.at_begin ? INIT_BEGIN_LOW : INIT_BEGIN_ZERO;
    bool done = make_all(&init, &err);
    close_all(&init);
    return done ? 0 : cli_fail(command, &err);
}

const struct cli_command cmd_init = {
    .name = "init",
    .usage = "",
    .summary = "Makes catalog, topic, routes, tables and progress rows of a stream; leaves what is there, refuses what "
               "contradicts it.",
    .options = option_rows,
    .option_count = sizeof option_rows / sizeof *option_rows,
    .run = run,
};
