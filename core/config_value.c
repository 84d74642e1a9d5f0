/* Text to fields, one setter a type. A setter answers NULL or the end of a sentence; where the text came from is the
 * caller's to say.
 *
 * Strict on purpose: a number is decimal digits, a bool is true or false. What YAML 1.1 also takes for those (yes,
 * 0x1F, 1_000) is refused. */
#include "core/config_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *field(const struct setting *row, void *config)
{
    return (char *)config + row->offset;
}

static const char *check_bytes(const char *text)
{
    size_t len = strlen(text);
    if (len > CONFIG_TEXT_BYTES_MAX)
        return "must be at most 4096 bytes long";
    for (size_t at = 0, size; at < len; at += size) {
        size = utf8_size(text + at, len - at);
        unsigned char c = (unsigned char)text[at];
        if (size == 0 || c < 0x20 || c == 0x7F)
            return "must be UTF-8 text without control characters";
    }
    return NULL;
}
_Static_assert(CONFIG_TEXT_BYTES_MAX == 4096, "the sentence in check_bytes names it");

static const char *say_range(const struct setting *row, char say[CONFIG_SAY_BYTES_MAX])
{
    if (row->max == INT64_MAX)
        (void)snprintf(say, CONFIG_SAY_BYTES_MAX, "must be at least %" PRId64, row->min);
    else
        (void)snprintf(say, CONFIG_SAY_BYTES_MAX, "must be %" PRId64 " to %" PRId64, row->min, row->max);
    return say;
}

static const char *set_int(const struct setting *row, void *config, const char *text, char say[CONFIG_SAY_BYTES_MAX])
{
    const char *digits = text + (*text == '-');
    size_t count = strspn(digits, "0123456789");
    if (count == 0 || digits[count] != '\0' || (digits[0] == '0' && count > 1))
        return "must be a whole number in decimal digits";
    errno = 0;
    long long number = strtoll(text, NULL, 10);
    if (errno == ERANGE || number < row->min || number > row->max)
        return say_range(row, say);
    const char *wrong = row->check ? row->check(text) : NULL;
    if (!wrong)
        *(int64_t *)field(row, config) = number;
    return wrong;
}

static const char *set_bool(const struct setting *row, void *config, const char *text)
{
    bool yes = strcmp(text, "true") == 0;
    if (!yes && strcmp(text, "false") != 0)
        return "must be true or false";
    *(bool *)field(row, config) = yes;
    return NULL;
}

static void text_store(const struct setting *row, void *config, const char *text)
{
    char **at = field(row, config);
    char *copy = mem_copy_str(text); /* first: `text` may be the old value */
    free(*at);
    *at = copy;
}

static const char *set_text(const struct setting *row, void *config, const char *text, char say[CONFIG_SAY_BYTES_MAX])
{
    if (row->min == 1 && !*text)
        return "must not be empty";
    if ((int64_t)strlen(text) < row->min) {
        (void)snprintf(say, CONFIG_SAY_BYTES_MAX, "must be at least %" PRId64 " bytes long", row->min);
        return say;
    }
    const char *wrong = row->check && *text ? row->check(text) : NULL;
    if (!wrong)
        text_store(row, config, text);
    return wrong;
}

/* Only the shape that all URLs share; what a part of the stack accepts, the row's own check knows. */
static const char *check_url(const char *text)
{
    size_t scheme = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789+.-");
    if (scheme == 0 || strncmp(text + scheme, "://", 3) != 0 || text[scheme + 3] == '\0')
        return "must be a URL, such as redis://127.0.0.1:6379/0";
    return strpbrk(text, " \"<>") ? "must be a URL without spaces, quotes, < and >" : NULL;
}

static const char *set_url(const struct setting *row, void *config, const char *text, char say[CONFIG_SAY_BYTES_MAX])
{
    const char *wrong = *text ? check_url(text) : NULL;
    return wrong ? wrong : set_text(row, config, text, say);
}

static const char *say_choices(const char *choices, char say[CONFIG_SAY_BYTES_MAX])
{
    struct buf text = {0};
    config_append_choices(&text, choices);
    (void)snprintf(say, CONFIG_SAY_BYTES_MAX, "must be %s", text.data);
    buf_free(&text);
    return say;
}

static const char *set_choice(const struct setting *row, void *config, const char *text, char say[CONFIG_SAY_BYTES_MAX])
{
    size_t len = strlen(text);
    for (const char *choice = row->choices; choice; choice = strchr(choice, '|')) {
        choice += *choice == '|';
        if (len > 0 && strcspn(choice, "|") == len && memcmp(choice, text, len) == 0) {
            text_store(row, config, text);
            return NULL;
        }
    }
    return say_choices(row->choices, say);
}

static void list_free(struct config_list *list)
{
    for (size_t at = 0; at < list->count; at++)
        free(list->item[at]);
    *list = (struct config_list){0};
}

static const char *check_item(const struct setting *row, const char *item, size_t at, char say[CONFIG_SAY_BYTES_MAX])
{
    const char *wrong = check_bytes(item);
    if (!wrong)
        wrong = check_url(item);
    if (!wrong && row->check)
        wrong = row->check(item);
    if (!wrong)
        return NULL;
    (void)snprintf(say, CONFIG_SAY_BYTES_MAX, "item %zu %s", at + 1, wrong);
    return say;
}

const char *config_value_set_items(const struct setting *row, void *config, const char *const *items, size_t count,
                                   char say[CONFIG_SAY_BYTES_MAX])
{
    if (row->type != SETTING_URLS)
        return "must be one value, not a list";
    if (count > CONFIG_LIST_MAX || (int64_t)count < row->min) {
        (void)snprintf(say, CONFIG_SAY_BYTES_MAX, "must be a list of %" PRId64 " to %d URLs", row->min,
                       (int)CONFIG_LIST_MAX);
        return say;
    }
    for (size_t at = 0; at < count; at++) {
        const char *wrong = check_item(row, items[at], at, say);
        if (wrong)
            return wrong;
    }
    struct config_list *list = field(row, config);
    list_free(list);
    for (size_t at = 0; at < count; at++)
        list->item[list->count++] = mem_copy_str(items[at]);
    return NULL;
}

/* "a, b" or one a line, as environment, flags and secret files have it. */
static const char *set_list(const struct setting *row, void *config, const char *text, char say[CONFIG_SAY_BYTES_MAX])
{
    const char *items[CONFIG_LIST_MAX + 1];
    size_t count = 0;
    char *copy = mem_copy_str(text), *rest = copy;
    for (char *item; *text && count <= CONFIG_LIST_MAX && (item = strsep(&rest, ",\n")) != NULL;) {
        item += strspn(item, " \t");
        size_t len = strlen(item);
        while (len > 0 && strchr(" \t\r", item[len - 1]))
            item[--len] = '\0';
        items[count++] = item;
    }
    const char *wrong = config_value_set_items(row, config, items, count, say);
    free(copy);
    return wrong;
}

const char *config_value_set(const struct setting *row, void *config, const char *text, char say[CONFIG_SAY_BYTES_MAX])
{
    const char *wrong = row->type == SETTING_URLS ? NULL : check_bytes(text);
    if (wrong)
        return wrong;
    switch (row->type) {
    case SETTING_INT:
        return set_int(row, config, text, say);
    case SETTING_BOOL:
        return set_bool(row, config, text);
    case SETTING_TEXT:
    case SETTING_SECRET:
        return set_text(row, config, text, say);
    case SETTING_URL:
        return set_url(row, config, text, say);
    case SETTING_URLS:
        return set_list(row, config, text, say);
    case SETTING_CHOICE:
        return set_choice(row, config, text, say);
    }
    return "has a type that is not known; this is a fault of the program";
}

void config_value_free(const struct setting *row, void *config)
{
    if (row->type == SETTING_URLS) {
        list_free(field(row, config));
    } else if (row->type != SETTING_INT && row->type != SETTING_BOOL) {
        char **at = field(row, config);
        free(*at);
        *at = NULL;
    }
}
