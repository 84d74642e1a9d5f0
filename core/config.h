/* Settings: one row each, declared once. Loader, --help, --print-config, --print-settings and the README's table are
 * loops over the rows.
 *
 *     static const struct setting rows[] = {
 *         {.name = "http.port", .type = SETTING_INT, .offset = offsetof(struct ingest_config, http_port),
 *          .fallback = "8081", .min = 1, .max = 65535, .help = "port of the HTTP listener"},
 *     };
 *
 * YAML file first, environment over it (WEIR_HTTP_PORT), flags over that (--http.port=8081). Secrets and URLs also from
 * a file named by WEIR_HTTP_PORT_FILE and the like. An unknown key is an error that names file, line and the nearest
 * right key.
 */
#ifndef WEIR_CORE_CONFIG_H
#define WEIR_CORE_CONFIG_H

#include "core/buf.h"
#include "core/err.h"
#include <stddef.h>
#include <stdint.h>

enum setting_type {
    SETTING_INT,    /* int64_t */
    SETTING_BOOL,   /* bool; true|false */
    SETTING_TEXT,   /* char *, owned by the config; NULL never, "" allowed only when min == 0 */
    SETTING_SECRET, /* char *, shown as "***" */
    SETTING_URL,    /* char *, its password shown as "***" */
    SETTING_URLS,   /* struct config_list: several URLs, in order */
    SETTING_CHOICE, /* char *, one of `choices`, "a|b|c" */
};

enum {
    CONFIG_LIST_MAX = 64,
    CONFIG_ROWS_MAX = 128,
    CONFIG_NAME_BYTES_MAX = 63,
    CONFIG_TEXT_BYTES_MAX = 4096,        /* of one value */
    CONFIG_FILE_BYTES_MAX = 1024 * 1024, /* of the settings file, and of a file that holds a secret */
};
struct config_list {
    size_t count;
    char *item[CONFIG_LIST_MAX];
};

struct setting {
    const char *name; /* dotted: section.name, lower case, digits and _ */
    enum setting_type type;
    size_t offset;        /* of the field in the config struct */
    const char *fallback; /* as text; NULL: it must be given */
    /* Of SETTING_INT, in the setting's unit; min is also the shortest length of texts in bytes, and the least count of
     * SETTING_URLS. */
    int64_t min, max;
    const char *choices;
    const char *help; /* one line, with the unit */
    /* Answers NULL, or the end of a sentence: "must be host:port". May be NULL. */
    const char *(*check)(const char *text);
};

struct config_program {
    const char *name;    /* "weir-ingest" */
    const char *summary; /* one line of --help */
    const char *usage;   /* rest of the usage line after the options, or "" */
    const struct setting *rows;
    size_t row_count;
    /* What no row says alone: settings that do not go together. `config` is whole. May be NULL. */
    bool (*check)(const void *config, struct err *err);
};

enum config_outcome {
    CONFIG_RUN,  /* go on */
    CONFIG_DONE, /* --help, --version, --check-config, --print-config or --print-settings has been answered: exit 0 */
    CONFIG_FAIL, /* err says why: exit 2 */
};

/* Loads all into `config` (the rows' struct, zeroed by the caller; empty again unless the answer is CONFIG_RUN).
 * `ret_rest` (may be NULL: then no argument may be left) is the index of the first argument that is not a flag. Texts
 * live until config_free(). */
WEIR_MUST_USE enum config_outcome config_load(const struct config_program *program, int argc, char **argv, void *config,
                                              int *ret_rest, struct err *err);
void config_free(const struct config_program *program, void *config);
/* The whole start of a main(): config_load, and on anything but CONFIG_RUN prints and exits with the right code. */
void config_load_or_exit(const struct config_program *program, int argc, char **argv, void *config, int *ret_rest);
/* Appends `url` with its password shown as "***": for logs, errors and dumps. */
void config_append_url(struct buf *buf, const char *url);

#endif
