/* weir status: the system on one screen. */
#include "core/clock.h"
#include "ops/cli/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { EXIT_AWAY = 3 };

struct options {
    const char *stream;
    int64_t interval_ms, timeout_ms;
    bool json, watch;
};

static const struct cli_option option_rows[] = {
    {.name = "stream",
     .type = CLI_TEXT,
     .offset = offsetof(struct options, stream),
     .argument = "NAME",
     .help = "which stream's lag (grabs)"},
    {.name = "json", .type = CLI_FLAG, .offset = offsetof(struct options, json), .help = "one JSON object a line"},
    {.name = "watch",
     .type = CLI_FLAG,
     .offset = offsetof(struct options, watch),
     .help = "again and again, until interrupted"},
    {.name = "interval-ms",
     .type = CLI_NUMBER,
     .offset = offsetof(struct options, interval_ms),
     .min = 100,
     .max = 3600000,
     .argument = "N",
     .help = "pause of --watch, ms (2000)"},
    {.name = "timeout-ms",
     .type = CLI_NUMBER,
     .offset = offsetof(struct options, timeout_ms),
     .min = 50,
     .max = 60000,
     .argument = "N",
     .help = "a part that takes longer is down, ms (3000)"},
};

static bool show(const struct cli_config *config, const struct stream *stream, const struct options *options,
                 struct status *status, struct err *err)
{
    struct buf text = {0};
    if (!status_gather(config, stream, status, err))
        return false;
    if (options->json)
        status_render_json(status, &text);
    else
        status_render_text(status, &text);
    const bool screen = options->watch && !options->json && isatty(STDOUT_FILENO);
    printf("%s%s%s", screen ? "\033[H\033[2J" : "", text.data, options->json ? "\n" : "");
    fflush(stdout);
    buf_free(&text);
    return true;
}

static bool show_all(const struct cli_config *config, const struct options *options, struct status *status,
                     struct err *err)
{
    const struct stream *stream = stream_find(options->stream);
    struct cli_config hurried = *config; /* borrows its texts: a screen must not wait as long as an init */
    hurried.timeout_ms = options->timeout_ms;
    if (!stream)
        return err_set(err, ERR_USAGE, "--stream: \"%.40s\" is no stream; grabs and readings are", options->stream);
    while (show(&hurried, stream, options, status, err)) {
        if (!options->watch)
            return true;
        clock_sleep_ms(options->interval_ms);
    }
    return false;
}

static int run(const struct cli_config *config, const struct cli_command *command, int argc, char **argv)
{
    struct options options = {.stream = "grabs", .interval_ms = 2000, .timeout_ms = 3000};
    struct err err = {0};
    char **words;
    size_t count;
    enum cli_outcome outcome = cli_options_parse(command, argc, argv, &options, &words, &count, &err);
    if (outcome != CLI_RUN)
        return outcome == CLI_DONE ? 0 : cli_fail(command, &err);
    struct status *status = mem_alloc(sizeof *status);
    bool done = show_all(config, &options, status, &err);
    int code = !done ? cli_fail(command, &err) : status_healthy(status) ? 0 : EXIT_AWAY;
    free(status);
    return code;
}

const struct cli_command cmd_status = {
    .name = "status",
    .usage = "",
    .summary = "Shows services, servers, shards, lag, stock and dead letters; exit code 3 when a part is down, or "
               "nobody leads.",
    .options = option_rows,
    .option_count = sizeof option_rows / sizeof *option_rows,
    .run = run,
};
