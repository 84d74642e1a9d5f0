/* What the parts of config share: not for others. config.c loads in order, config_file.c reads YAML, config_value.c
 * turns text into fields, config_show.c prints. */
#ifndef WEIR_CORE_CONFIG_PARTS_H
#define WEIR_CORE_CONFIG_PARTS_H

#include "core/config.h"

enum { CONFIG_SAY_BYTES_MAX = 200 };

/* One load on its way. */
struct config_loading {
    const struct config_program *program;
    void *config;
    bool given[CONFIG_ROWS_MAX]; /* by file, environment or flag */
};

/* Whole content of a file, NUL-terminated, no NUL inside; the caller frees `ret_text`. The error names the file. */
WEIR_MUST_USE bool config_read_file(const char *path, struct buf *ret_text, struct err *err);
/* Reads the YAML file over what is set. */
WEIR_MUST_USE bool config_file_load(struct config_loading *loading, const char *path, struct err *err);

/* Sets one field from text. Answers NULL, or the end of a sentence ("must be 1 to 64"), which may live in `say`; the
 * field is then unchanged. */
WEIR_MUST_USE const char *config_value_set(const struct setting *row, void *config, const char *text,
                                           char say[CONFIG_SAY_BYTES_MAX]);
/* The same from a list; rows that are no list refuse it. */
WEIR_MUST_USE const char *config_value_set_items(const struct setting *row, void *config, const char *const *items,
                                                 size_t count, char say[CONFIG_SAY_BYTES_MAX]);
void config_value_free(const struct setting *row, void *config);
/* NULL when there is no such row. */
const struct setting *config_row_find(const struct config_program *program, const char *name);
/* How many edits lead from one to the other; names longer than CONFIG_NAME_BYTES_MAX are compared as far as that. */
size_t config_distance(const char *a, const char *b);
/* The row whose name is nearest to `name`; there must be one. */
const char *config_nearest(const struct config_program *program, const char *name);

/* "a|b|c" as "a, b or c". */
void config_append_choices(struct buf *text, const char *choices);
void config_show_help(const struct config_program *program, struct buf *ret_text);
void config_show_table(const struct config_program *program, struct buf *ret_text); /* Markdown */
void config_show_values(const struct config_program *program, const void *config,
                        struct buf *ret_text); /* YAML, redacted */

#endif
