/* The options of a subcommand: getopt_long over its rows, a setter a type, help from the same rows. */
#include "ops/cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_BASE = 1000, VALUE_HELP = 999 };

bool cli_parse_u64(const char *text, uint64_t *ret_number)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 19 || text[digits] != '\0')
        return false;
    unsigned long long number = strtoull(text, NULL, 10);
    if (number > INT64_MAX)
        return false;
    *ret_number = number;
    return true;
}

static bool set_number(const struct cli_option *row, const char *text, int64_t *ret_number, struct err *err)
{
    uint64_t number = 0;
    if (!cli_parse_u64(text, &number) || (int64_t)number < row->min || (int64_t)number > row->max)
        return err_set(err, ERR_USAGE, "--%s: must be a whole number, %" PRId64 " to %" PRId64 ", not \"%.40s\"",
                       row->name, row->min, row->max, text);
    *ret_number = (int64_t)number;
    return true;
}

static bool set_option(const struct cli_option *row, const char *text, void *options, struct err *err)
{
    void *field = (char *)options + row->offset;
    switch (row->type) {
    case CLI_FLAG:
        *(bool *)field = true;
        return true;
    case CLI_NUMBER:
        return set_number(row, text, field, err);
    case CLI_TEXT:
        *(const char **)field = text;
        return true;
    }
    return err_set(err, ERR_INTERNAL, "--%s has a type that is not known; this is a fault of the program", row->name);
}

static void fill_long_options(const struct cli_command *command, struct option *ret_long)
{
    for (size_t i = 0; i < command->option_count; i++)
        ret_long[i] = (struct option){.name = command->options[i].name,
                                      .has_arg = command->options[i].type == CLI_FLAG ? no_argument : required_argument,
                                      .val = VALUE_BASE + (int)i};
    ret_long[command->option_count] = (struct option){.name = "help", .val = VALUE_HELP};
}

static bool fail_option(const struct cli_command *command, int found, const char *text, struct err *err)
{
    if (found == ':')
        return err_set(err, ERR_USAGE, "%.80s: needs a value", text);
    return err_set(
        err, ERR_USAGE,
        "%.80s: unknown option, or a value where none is taken; see weir %s --help. Settings stand before the command",
        text, command->name);
}

/* getopt_long takes any beginning that fits one option alone: --y would be --yes, and what somebody meant by a word that
 * is none is not ours to guess. It has just passed the word, or the word and its value. */
static bool in_full(const char *name, char **argv, struct err *err)
{
    const char *word = optarg && optarg == argv[optind - 1] ? argv[optind - 2] : argv[optind - 1];
    size_t len = strcspn(word + 2, "=");
    return (strlen(name) == len && memcmp(name, word + 2, len) == 0) ||
           err_set(err, ERR_USAGE, "%.80s: an option is given in full, here --%s", word, name);
}

static enum cli_outcome walk(const struct cli_command *command, int argc, char **argv, void *options, struct err *err)
{
    struct option long_options[CLI_OPTIONS_MAX + 2] = {0};
    fill_long_options(command, long_options);
    optind = 0; /* glibc: begin anew */
    opterr = 0;
    for (int found, at = 0; (found = getopt_long(argc, argv, ":h", long_options, &at)) != -1;) {
        if (found >= VALUE_HELP && !in_full(long_options[at].name, argv, err))
            return CLI_FAIL;
        if (found == VALUE_HELP || found == 'h') {
            struct buf text = {0};
            cli_append_help(command, &text);
            fputs(text.data, stdout);
            buf_free(&text);
            return CLI_DONE;
        }
        if (found < VALUE_BASE)
            return fail_option(command, found, argv[optind - 1], err), CLI_FAIL;
        if (!set_option(&command->options[found - VALUE_BASE], optarg, options, err))
            return CLI_FAIL;
    }
    return CLI_RUN;
}

enum cli_outcome cli_options_parse(const struct cli_command *command, int argc, char **argv, void *options,
                                   char ***ret_words, size_t *ret_count, struct err *err)
{
    enum cli_outcome outcome = walk(command, argc, argv, options, err);
    if (outcome != CLI_RUN)
        return outcome;
    size_t count = (size_t)(argc - optind);
    if (count < command->words_min || count > command->words_max) {
        bool more = count > command->words_max;
        err_set(err, ERR_USAGE, "%s%.80s%susage: weir %s [options]%s; see weir %s --help", more ? "'" : "",
                more ? argv[argc - 1] : "", more ? "' is too much; " : "", command->name, command->usage,
                command->name);
        return CLI_FAIL;
    }
    *ret_words = argv + optind;
    *ret_count = count;
    return CLI_RUN;
}

void cli_append_help(const struct cli_command *command, struct buf *ret_text)
{
    buf_printf(ret_text, "Usage: weir [settings] %s [options]%s\n%s\n\nOptions:\n", command->name, command->usage,
               command->summary);
    for (size_t i = 0; i < command->option_count; i++) {
        const struct cli_option *row = &command->options[i];
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", row->name, row->argument ? " " : "",
                 row->argument ? row->argument : "");
        buf_printf(ret_text, "  %-24s %s\n", left, row->help);
    }
    buf_append_str(ret_text,
                   "  --help                   print this and exit\n"
                   "\nSettings (weir --help lists them) stand before the command.\n"
                   "Exit codes: 0 done, 1 failed, 2 wrong usage or setting, 3 a part that is needed is away.\n");
}

int cli_end(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fputs("weir: the output could not be written, or not all of it: is the disk full?\n", stderr);
    return code == 0 ? 1 : code;
}

int cli_fail(const struct cli_command *command, const struct err *err)
{
    fflush(stdout);
    fprintf(stderr, "weir %s: %s\n", command->name, err->text);
    return err_exit_code(err);
}
