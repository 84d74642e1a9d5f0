/* Printing the rows: --help, the Markdown table, and the values in effect with secrets as "***". */
#include "core/config_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void config_append_url(struct buf *buf, const char *url)
{
    const char *user = strstr(url, "://");
    user = user ? user + 3 : url;
    const char *at = strrchr(user, '@'); /* the last: a password that should have been escaped must not show either */
    const char *colon = at ? memchr(user, ':', (size_t)(at - user)) : NULL;
    if (!colon) {
        buf_append_str(buf, url);
        return;
    }
    buf_append(buf, url, (size_t)(colon + 1 - url));
    buf_append_str(buf, "***");
    buf_append_str(buf, at);
}

void config_append_choices(struct buf *text, const char *choices)
{
    const char *last = strrchr(choices, '|');
    for (const char *c = choices; *c; c++) {
        if (*c == '|')
            buf_append_str(text, c == last ? " or " : ", ");
        else
            buf_append_char(text, *c);
    }
}

static void append_int_range(struct buf *text, const struct setting *row)
{
    if (row->max == INT64_MAX)
        buf_printf(text, "whole number, at least %" PRId64, row->min);
    else
        buf_printf(text, "whole number, %" PRId64 " to %" PRId64, row->min, row->max);
}

static void append_type(struct buf *text, const struct setting *row)
{
    static const char *const words[] = {
        [SETTING_BOOL] = "true or false", [SETTING_TEXT] = "text", [SETTING_SECRET] = "secret", [SETTING_URL] = "URL",
        [SETTING_URLS] = "list of URLs",
    };
    if (row->type == SETTING_INT)
        append_int_range(text, row);
    else if (row->type == SETTING_CHOICE)
        config_append_choices(text, row->choices);
    else
        buf_append_str(text, words[row->type]);
}

static void append_list_redacted(struct buf *text, const char *list)
{
    char *copy = mem_copy_str(list), *rest = copy;
    const char *item;
    for (bool first = true; (item = strsep(&rest, ",\n")) != NULL; first = false) {
        if (!first)
            buf_append_char(text, ',');
        config_append_url(text, item);
    }
    free(copy);
}

static void append_fallback(struct buf *text, const struct setting *row)
{
    if (row->type == SETTING_SECRET && *row->fallback)
        buf_append_str(text, "***");
    else if (row->type == SETTING_URL || row->type == SETTING_URLS)
        append_list_redacted(text, row->fallback);
    else
        buf_append_str(text, row->fallback);
}

static void append_help_row(struct buf *text, const struct setting *row)
{
    buf_printf(text, "  --%s=VALUE\n        %s (", row->name, row->help);
    append_type(text, row);
    if (!row->fallback) {
        buf_append_str(text, "; must be given)\n");
        return;
    }
    buf_append_str(text, "; default ");
    if (*row->fallback)
        append_fallback(text, row);
    else
        buf_append_str(text, "empty");
    buf_append_str(text, ")\n");
}

void config_show_help(const struct config_program *program, struct buf *ret_text)
{
    buf_printf(ret_text, "Usage: %s [flags]%s%s\n%s\n\n", program->name, *program->usage ? " " : "", program->usage,
               program->summary);
    buf_append_str(ret_text,
                   "Flags:\n"
                   "  --config=FILE       read settings from this YAML file\n"
                   "  --check-config      check all settings and exit\n"
                   "  --print-config      print the settings in effect, secrets hidden, and exit\n"
                   "  --print-settings    print all settings as a Markdown table and exit\n"
                   "  --version           print the version and exit\n"
                   "  --help              print this and exit\n\n"
                   "Settings (a flag goes over the environment, that over the file; section.name is WEIR_SECTION_NAME\n"
                   "in the environment, and secrets and URLs may stand in a file named by WEIR_SECTION_NAME_FILE):\n");
    for (size_t at = 0; at < program->row_count; at++)
        append_help_row(ret_text, &program->rows[at]);
}

/* One cell of a Markdown table: a bar would end it. */
static void append_cell(struct buf *text, const char *cell)
{
    for (; *cell; cell++) {
        if (*cell == '|')
            buf_append_char(text, '\\');
        buf_append_char(text, *cell);
    }
}

static void append_table_row(struct buf *text, const struct setting *row)
{
    struct buf cell = {0};
    append_type(&cell, row);
    buf_printf(text, "| `%s` | ", row->name);
    append_cell(text, cell.data);
    buf_append_str(text, " | ");
    buf_reset(&cell);
    if (row->fallback && *row->fallback) {
        buf_append_char(&cell, '`');
        append_fallback(&cell, row);
        buf_append_char(&cell, '`');
    } else {
        buf_append_str(&cell, row->fallback ? "empty" : "must be given");
    }
    append_cell(text, cell.data);
    buf_append_str(text, " | ");
    append_cell(text, row->help);
    buf_append_str(text, " |\n");
    buf_free(&cell);
}

void config_show_table(const struct config_program *program, struct buf *ret_text)
{
    buf_append_str(ret_text, "| setting | type | default | what it is |\n|---|---|---|---|\n");
    for (size_t at = 0; at < program->row_count; at++)
        append_table_row(ret_text, &program->rows[at]);
}

/* In double quotes: a JSON string is a YAML string. */
static void append_quoted_url(struct buf *text, const char *url)
{
    struct buf shown = {0};
    config_append_url(&shown, url);
    buf_append_json(text, shown.data, shown.len);
    buf_free(&shown);
}

static void append_url_list(struct buf *text, const struct config_list *list)
{
    buf_append_char(text, '[');
    for (size_t at = 0; at < list->count; at++) {
        if (at)
            buf_append_str(text, ", ");
        append_quoted_url(text, list->item[at]);
    }
    buf_append_char(text, ']');
}

static void append_value(struct buf *text, const struct setting *row, const void *config)
{
    const void *at = (const char *)config + row->offset;
    if (row->type == SETTING_INT) {
        buf_append_i64(text, *(const int64_t *)at);
    } else if (row->type == SETTING_BOOL) {
        buf_append_str(text, *(const bool *)at ? "true" : "false");
    } else if (row->type == SETTING_URLS) {
        append_url_list(text, at);
    } else {
        const char *value = *(char *const *)at;
        if (row->type == SETTING_SECRET)
            buf_append_str(text, *value ? "\"***\"" : "\"\"");
        else if (row->type == SETTING_URL)
            append_quoted_url(text, value);
        else
            buf_append_json(text, value, strlen(value));
    }
}

static size_t section_len(const struct setting *row)
{
    return strcspn(row->name, ".") + 1;
}

static bool same_section(const struct setting *a, const struct setting *b)
{
    return section_len(a) == section_len(b) && memcmp(a->name, b->name, section_len(a)) == 0;
}

/* The section of row `first`, unless an earlier row has shown it. */
static void append_section(struct buf *text, const struct config_program *program, size_t first, const void *config)
{
    const struct setting *head = &program->rows[first];
    for (size_t at = 0; at < first; at++)
        if (same_section(&program->rows[at], head))
            return;
    buf_append(text, head->name, section_len(head) - 1);
    buf_append_str(text, ":\n");
    for (size_t at = first; at < program->row_count; at++) {
        const struct setting *row = &program->rows[at];
        if (!same_section(row, head))
            continue;
        buf_printf(text, "  %s: ", row->name + section_len(row));
        append_value(text, row, config);
        buf_append_char(text, '\n');
    }
}

void config_show_values(const struct config_program *program, const void *config, struct buf *ret_text)
{
    for (size_t first = 0; first < program->row_count; first++)
        append_section(ret_text, program, first, config);
}
