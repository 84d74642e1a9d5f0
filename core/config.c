/* Loading settings, in this order, each over the one before: fallbacks, YAML file, environment, flags.
 *
 *     config_load -> rows_check, scan_flags (finds --config and the questions)
 *                 -> answer, or load_all -> what must be given is given -> the program's own check
 *
 * A wrong value is an error wherever it stands, even where a later source would replace it. Variables WEIR_* that name
 * no row of this program are left alone: programs of one stack share an environment. */
#include "core/config_parts.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum flag_kind { FLAG_SETTING, FLAG_CONFIG, FLAG_HELP, FLAG_VERSION, FLAG_CHECK, FLAG_PRINT, FLAG_TABLE };

/* The flags that are no settings. */
static const struct {
    const char *name;
    enum flag_kind kind;
} own_flags[] = {
    {"config", FLAG_CONFIG},      {"help", FLAG_HELP},          {"version", FLAG_VERSION},
    {"check-config", FLAG_CHECK}, {"print-config", FLAG_PRINT}, {"print-settings", FLAG_TABLE},
};
enum { OWN_FLAGS = sizeof own_flags / sizeof *own_flags };

struct flag {
    enum flag_kind kind;
    const struct setting *row; /* of FLAG_SETTING */
    const char *value;         /* of FLAG_SETTING and FLAG_CONFIG; borrowed from argv */
};

/* What the command line asks for beside settings. */
struct asked {
    const char *file;
    enum flag_kind question; /* FLAG_SETTING: none */
    int rest;                /* index of the first argument that is no flag */
};

static bool fail_unknown_flag(const struct config_program *program, const char *name, struct err *err)
{
    const char *nearest = config_nearest(program, name);
    for (size_t at = 0; at < OWN_FLAGS; at++)
        if (config_distance(own_flags[at].name, name) < config_distance(nearest, name))
            nearest = own_flags[at].name;
    return err_set(err, ERR_USAGE, "--%.80s: unknown flag; the nearest right one is --%s", name, nearest);
}

static bool flag_name_find(const struct config_program *program, const char *name, struct flag *ret_flag,
                           struct err *err)
{
    for (size_t at = 0; at < OWN_FLAGS; at++) {
        if (strcmp(own_flags[at].name, name) != 0)
            continue;
        *ret_flag = (struct flag){.kind = own_flags[at].kind};
        return true;
    }
    const struct setting *row = config_row_find(program, name);
    if (!row)
        return fail_unknown_flag(program, name, err);
    *ret_flag = (struct flag){.kind = FLAG_SETTING, .row = row};
    return true;
}

static bool flag_value_find(const char *name, const char *equals, char **argv, int *at, struct flag *ret_flag,
                            struct err *err)
{
    bool takes_value = ret_flag->kind == FLAG_SETTING || ret_flag->kind == FLAG_CONFIG;
    if (!takes_value)
        return !equals || err_set(err, ERR_USAGE, "--%s: takes no value", name);
    if (equals) {
        ret_flag->value = equals + 1;
        return true;
    }
    const char *next = argv[*at + 1];
    if (!next || strncmp(next, "--", 2) == 0)
        return err_set(err, ERR_USAGE, "--%s: needs a value, as in --%s=VALUE", name, name);
    ret_flag->value = next;
    (*at)++;
    return true;
}

/* Reads the flag at argv[*at], and its value if that is the next argument; leaves *at at the last one used. */
static bool flag_read(const struct config_program *program, char **argv, int *at, struct flag *ret_flag,
                      struct err *err)
{
    const char *text = argv[*at];
    if (strcmp(text, "-h") == 0)
        text = "--help";
    if (strncmp(text, "--", 2) != 0)
        return err_set(err, ERR_USAGE, "%.80s: unknown flag; flags begin with --, see --help", text);
    const char *equals = strchr(text, '=');
    size_t len = equals ? (size_t)(equals - text) - 2 : strlen(text) - 2;
    struct buf name = {0};
    buf_append(&name, text + 2, len);
    bool done = flag_name_find(program, name.data, ret_flag, err) &&
                flag_value_find(name.data, equals, argv, at, ret_flag, err);
    buf_free(&name);
    return done;
}

/* Goes over the flags; with `loading` NULL only to learn what is asked. */
static bool flags_walk(const struct config_program *program, int argc, char **argv, struct config_loading *loading,
                       struct asked *ret_asked, struct err *err)
{
    int at = 1;
    for (; at < argc && argv[at][0] == '-' && argv[at][1] != '\0'; at++) {
        struct flag flag = {0};
        char say[CONFIG_SAY_BYTES_MAX];
        if (strcmp(argv[at], "--") == 0) {
            at++;
            break;
        }
        if (!flag_read(program, argv, &at, &flag, err))
            return false;
        if (flag.kind == FLAG_CONFIG)
            ret_asked->file = flag.value;
        else if (flag.kind != FLAG_SETTING && ret_asked->question == FLAG_SETTING)
            ret_asked->question = flag.kind;
        if (flag.kind != FLAG_SETTING || !loading)
            continue;
        const char *wrong = config_value_set(flag.row, loading->config, flag.value, say);
        if (wrong)
            return err_set(err, ERR_USAGE, "--%s: %s", flag.row->name, wrong);
        loading->given[flag.row - program->rows] = true;
    }
    ret_asked->rest = at;
    return true;
}

/* "http.port" as "WEIR_HTTP_PORT" + suffix. */
static void append_variable(struct buf *name, const struct setting *row, const char *suffix)
{
    buf_append_str(name, "WEIR_");
    for (const char *c = row->name; *c; c++)
        buf_append_char(name, *c == '.' ? '_' : (char)toupper((unsigned char)*c));
    buf_append_str(name, suffix);
}

static bool variable_set(struct config_loading *loading, const struct setting *row, const char *variable,
                         const char *text, struct err *err)
{
    char say[CONFIG_SAY_BYTES_MAX];
    const char *wrong = config_value_set(row, loading->config, text, say);
    if (wrong)
        return err_set(err, ERR_USAGE, "%s: %s", variable, wrong);
    loading->given[row - loading->program->rows] = true;
    return true;
}

/* A secret from the file that `variable` names; an editor's newline at its end is not part of it. */
static bool variable_file_set(struct config_loading *loading, const struct setting *row, const char *variable,
                              const char *path, struct err *err)
{
    struct buf text = {0};
    if (!config_read_file(path, &text, err))
        return err_prefix(err, "%s", variable);
    while (text.len > 0 && strchr("\r\n", text.data[text.len - 1]))
        text.data[--text.len] = '\0';
    bool done = variable_set(loading, row, variable, text.data ? text.data : "", err);
    if (text.data)
        explicit_bzero(text.data, text.cap);
    buf_free(&text);
    return done || err_prefix(err, "%s", path);
}

static bool row_takes_file(const struct setting *row)
{
    return row->type == SETTING_SECRET || row->type == SETTING_URL || row->type == SETTING_URLS;
}

static bool environment_row(struct config_loading *loading, const struct setting *row, struct err *err)
{
    struct buf variable = {0}, variable_file = {0};
    append_variable(&variable, row, "");
    append_variable(&variable_file, row, "_FILE");
    const char *text = getenv(variable.data);
    const char *path = row_takes_file(row) ? getenv(variable_file.data) : NULL;
    bool done = true;
    if (text && path)
        done = err_set(err, ERR_USAGE, "%s and %s are both set; keep one", variable.data, variable_file.data);
    else if (text)
        done = variable_set(loading, row, variable.data, text, err);
    else if (path)
        done = variable_file_set(loading, row, variable_file.data, path, err);
    buf_free(&variable);
    buf_free(&variable_file);
    return done;
}

static bool environment_load(struct config_loading *loading, struct err *err)
{
    for (size_t at = 0; at < loading->program->row_count; at++)
        if (!environment_row(loading, &loading->program->rows[at], err))
            return false;
    return true;
}

static bool fallbacks_set(struct config_loading *loading, struct err *err)
{
    for (size_t at = 0; at < loading->program->row_count; at++) {
        const struct setting *row = &loading->program->rows[at];
        char say[CONFIG_SAY_BYTES_MAX];
        const char *wrong = row->fallback ? config_value_set(row, loading->config, row->fallback, say) : NULL;
        if (wrong)
            return err_set(err, ERR_INTERNAL, "the fallback of %s %s; this is a fault of the program", row->name,
                           wrong);
    }
    return true;
}

static bool required_are_given(const struct config_loading *loading, const char *file, struct err *err)
{
    for (size_t at = 0; at < loading->program->row_count; at++) {
        const struct setting *row = &loading->program->rows[at];
        if (row->fallback || loading->given[at])
            continue;
        struct buf variable = {0};
        append_variable(&variable, row, row_takes_file(row) ? "[_FILE]" : "");
        err_set(err, ERR_USAGE, "%s: must be given, in %s, as %s or as --%s", row->name,
                file ? file : "a file named by --config", variable.data, row->name);
        buf_free(&variable);
        return false;
    }
    return true;
}

static bool row_is_sound(const struct config_program *program, const struct setting *row)
{
    const char *dot = strchr(row->name, '.');
    size_t len = strlen(row->name);
    return dot && dot != row->name && dot[1] && strspn(row->name, "abcdefghijklmnopqrstuvwxyz0123456789_.") == len &&
           !strchr(dot + 1, '.') && len <= CONFIG_NAME_BYTES_MAX && row->help &&
           config_row_find(program, row->name) == row && (row->type != SETTING_CHOICE || row->choices) &&
           (row->type != SETTING_INT || row->min <= row->max);
}

static bool rows_check(const struct config_program *program, struct err *err)
{
    if (program->row_count == 0 || program->row_count > CONFIG_ROWS_MAX)
        return err_set(err, ERR_INTERNAL, "%s declares no settings, or more than %d", program->name,
                       (int)CONFIG_ROWS_MAX);
    for (size_t at = 0; at < program->row_count; at++)
        if (!row_is_sound(program, &program->rows[at]))
            return err_set(err, ERR_INTERNAL,
                           "the row of %s is not right: name section.name once, help, choices, min <= max",
                           program->rows[at].name);
    return true;
}

static bool load_all(struct config_loading *loading, int argc, char **argv, struct asked *asked, struct err *err)
{
    return fallbacks_set(loading, err) && (!asked->file || config_file_load(loading, asked->file, err)) &&
           environment_load(loading, err) && flags_walk(loading->program, argc, argv, loading, asked, err) &&
           required_are_given(loading, asked->file, err) &&
           (!loading->program->check || loading->program->check(loading->config, err));
}

/* Writes the answer to stdout. */
static bool answer(const struct config_program *program, const struct asked *asked, const void *config, struct err *err)
{
    struct buf text = {0};
    switch (asked->question) {
    case FLAG_HELP:
        config_show_help(program, &text);
        break;
    case FLAG_VERSION:
        buf_printf(&text, "%s %s\n", program->name, WEIR_VERSION);
        break;
    case FLAG_TABLE:
        config_show_table(program, &text);
        break;
    case FLAG_PRINT:
        config_show_values(program, config, &text);
        break;
    default:
        buf_printf(&text, "%s: the settings are right\n", program->name);
        break;
    }
    bool done = fwrite(text.data, 1, text.len, stdout) == text.len && fflush(stdout) == 0;
    buf_free(&text);
    return done || err_set(err, ERR_INTERNAL, "the answer cannot be written to standard output");
}

enum config_outcome config_load(const struct config_program *program, int argc, char **argv, void *config,
                                int *ret_rest, struct err *err)
{
    struct config_loading loading = {.program = program, .config = config};
    struct asked asked = {.question = FLAG_SETTING};
    if (!rows_check(program, err) || !flags_walk(program, argc, argv, NULL, &asked, err))
        return CONFIG_FAIL;
    if (asked.question == FLAG_HELP || asked.question == FLAG_VERSION || asked.question == FLAG_TABLE)
        return answer(program, &asked, config, err) ? CONFIG_DONE : CONFIG_FAIL;
    bool done = load_all(&loading, argc, argv, &asked, err);
    if (done && !ret_rest && asked.rest < argc)
        done =
            err_set(err, ERR_USAGE, "%.80s: is left over; this program takes flags only, see --help", argv[asked.rest]);
    if (done && asked.question == FLAG_SETTING) {
        if (ret_rest)
            *ret_rest = asked.rest;
        return CONFIG_RUN;
    }
    done = done && answer(program, &asked, config, err);
    config_free(program, config);
    return done ? CONFIG_DONE : CONFIG_FAIL;
}

void config_free(const struct config_program *program, void *config)
{
    for (size_t at = 0; at < program->row_count; at++)
        config_value_free(&program->rows[at], config);
}

void config_load_or_exit(const struct config_program *program, int argc, char **argv, void *config, int *ret_rest)
{
    struct err err = {0};
    enum config_outcome outcome = config_load(program, argc, argv, config, ret_rest, &err);
    if (outcome == CONFIG_RUN)
        return;
    if (outcome == CONFIG_FAIL)
        fprintf(stderr, "%s: %s\n", program->name, err.text);
    exit(outcome == CONFIG_DONE ? 0 : err_exit_code(&err));
}
