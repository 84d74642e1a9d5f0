/* `weir`: one program, one subcommand a file (cmd_*.c). What they share: settings, the options of a subcommand, and how
 * it ends.
 *
 *     weir [--config FILE] [--section.name=VALUE] COMMAND [options of the command]
 *
 * Settings (core/config) stand before the command, options of the command behind it. Everything runs on one thread.
 */
#ifndef WEIR_OPS_CLI_CLI_H
#define WEIR_OPS_CLI_CLI_H

#include "core/config.h"
#include "core/err.h"
#include <stddef.h>
#include <stdint.h>

struct cli_config {
    char *log_level;
    char *kafka_brokers;
    char *redis_stock;
    char *mysql_catalog;
    struct config_list mysql_shards;
    char *admin_token;
    char *front_url;
    char *status_services; /* "name=url, name=url" */
    int64_t timeout_ms;    /* deadline of one call to a server */
    int64_t partitions;
    int64_t replication;
    int64_t min_insync;
    int64_t hold_ms;
    char *time_zone; /* "+08:00" */
    char *layouts;   /* "hash,daily" */
};

extern const struct config_program cli_program;

/* ---- options of a subcommand: one row each, declared once ---- */

enum cli_option_type {
    CLI_FLAG,   /* bool */
    CLI_NUMBER, /* int64_t */
    CLI_TEXT,   /* const char *, borrowed from argv */
};

struct cli_option {
    const char *name;
    enum cli_option_type type;
    size_t offset;        /* in the command's options struct, filled with its defaults by the caller */
    int64_t min, max;     /* of a number */
    const char *argument; /* its word in --help; NULL for a flag */
    const char *help;
};

enum { CLI_OPTIONS_MAX = 24 };

struct cli_command {
    const char *name;
    const char *usage; /* after "weir NAME [options]": " ID", or "" */
    const char *summary;
    const struct cli_option *options;
    size_t option_count;
    size_t words_min, words_max; /* plain words after the options */
    /* Answers the exit code; prints its own errors, once. `words` are the plain words. */
    int (*run)(const struct cli_config *config, const struct cli_command *command, int argc, char **argv);
};

/* Every command of the program, in the order of the help; ends with a NULL. */
extern const struct cli_command *const cli_commands[];

enum cli_outcome { CLI_RUN, CLI_DONE /* --help was answered */, CLI_FAIL };
/* argv[0] is the command's name. Options may stand anywhere, "--" ends them; `ret_words` points at the plain words
 * (argv is put in order). */
WEIR_MUST_USE enum cli_outcome cli_options_parse(const struct cli_command *command, int argc, char **argv,
                                                 void *options, char ***ret_words, size_t *ret_count, struct err *err);
void cli_append_help(const struct cli_command *command, struct buf *ret_text);

/* Prints "weir NAME: sentence" to stderr; answers the exit code. */
int cli_fail(const struct cli_command *command, const struct err *err);
/* The end of every command: output that was not taken (a full disk, wherever it was printed) is said on stderr, and
 * done becomes failed. Answers the exit code. */
int cli_end(int code);

/* A decimal number of a text: false when it is not digits, or passes 2^63 - 1. */
WEIR_MUST_USE bool cli_parse_u64(const char *text, uint64_t *ret_number);

extern const struct cli_command cmd_init, cmd_seed, cmd_status, cmd_coupon, cmd_tables, cmd_audit;

#endif
