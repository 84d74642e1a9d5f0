/* weir: the command line tool. Settings, then the command's own file. */
#include "core/log.h"
#include "ops/cli/cli.h"
#include "schemas/stream.h"

#include <stdio.h>
#include <string.h>

const struct cli_command *const cli_commands[] = {&cmd_init,   &cmd_seed,  &cmd_status, &cmd_coupon,
                                                  &cmd_tables, &cmd_audit, NULL};

static const struct cli_command *command_find(const char *name)
{
    for (size_t i = 0; cli_commands[i]; i++)
        if (strcmp(cli_commands[i]->name, name) == 0)
            return cli_commands[i];
    return NULL;
}

static int fail_command(const char *name)
{
    if (name)
        fprintf(stderr, "weir: \"%.40s\" is no command; the commands are:\n", name);
    else
        fprintf(stderr,
                "usage: weir [settings] COMMAND [options]; weir --help lists the settings; the commands are:\n");
    for (size_t i = 0; cli_commands[i]; i++)
        fprintf(stderr, "  %-8s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
    return 2;
}

static bool start(const struct cli_config *config, struct err *err)
{
    size_t count;
    const struct stream *const *streams = stream_all(&count);
    for (size_t i = 0; i < count; i++)
        if (!stream_check(streams[i], err))
            return false;
    return log_open("weir", config->log_level, "kv", err);
}

int main(int argc, char **argv)
{
    struct cli_config config = {0};
    struct err err = {0};
    int rest = argc, code;

    config_load_or_exit(&cli_program, argc, argv, &config, &rest);
    const struct cli_command *command = rest < argc ? command_find(argv[rest]) : NULL;
    if (!command)
        code = fail_command(rest < argc ? argv[rest] : NULL);
    else if (!start(&config, &err))
        code = cli_fail(command, &err);
    else
        code = command->run(&config, command, argc - rest, argv + rest);
    config_free(&cli_program, &config);
    return cli_end(code);
}
