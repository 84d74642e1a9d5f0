/* The settings file: YAML, a map of sections, each a map of settings.
 *
 *     config_file_load -> config_read_file -> check_bounds -> yaml_parser_load -> load_root -> load_section
 *                      -> load_pair -> config_value_set
 *
 * Not accepted, though YAML has it: a second document, deeper maps, a key twice, a key that is no text, an empty value
 * without quotes. */
#include "core/config_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

enum {
    TAGS_MAX = 8,
    DEPTH_MAX = 8,                                     /* a setting's list of URLs is at three */
    EVENTS_MAX = 2 * CONFIG_ROWS_MAX * CONFIG_LIST_MAX /* of both ends of maps and lists, keys and values */
};

struct reading {
    struct config_loading *loading;
    yaml_document_t *document;
    const char *path;
    struct err *err;
};

/* Reads until the end or past the bound. */
static bool read_all(int fd, struct buf *text)
{
    while (text->len <= CONFIG_FILE_BYTES_MAX) {
        buf_reserve(text, 4096);
        ssize_t got = read(fd, text->data + text->len, text->cap - text->len - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        text->len += (size_t)got;
        text->data[text->len] = '\0';
    }
    return true;
}

bool config_read_file(const char *path, struct buf *ret_text, struct err *err)
{
    struct buf text = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool done = fd >= 0 && read_all(fd, &text);
    int why = errno;
    if (fd >= 0)
        (void)close(fd);
    if (!done)
        err_set(err, ERR_USAGE, "%s: cannot be read: %s", path, strerror(why));
    else if (text.len > CONFIG_FILE_BYTES_MAX)
        done = err_set(err, ERR_USAGE, "%s: is larger than %d bytes", path, (int)CONFIG_FILE_BYTES_MAX);
    else if (text.len && memchr(text.data, '\0', text.len))
        done = err_set(err, ERR_USAGE, "%s: holds a NUL byte; it must be text", path);
    if (done)
        *ret_text = text;
    else
        buf_free(&text);
    return done;
}

static size_t line_of(const yaml_node_t *node)
{
    return node->start_mark.line + 1;
}

static const char *text_of(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

static bool fail_at(struct reading *reading, const yaml_node_t *node, const char *key, const char *what)
{
    return err_set(reading->err, ERR_USAGE, "%s:%zu: %s: %s", reading->path, line_of(node), key, what);
}

/* A key as text; NULL, with the error set, when it is none. */
static const char *key_text(struct reading *reading, const yaml_node_t *key)
{
    if (key->type == YAML_SCALAR_NODE && strlen(text_of(key)) == key->data.scalar.length)
        return text_of(key);
    err_set(reading->err, ERR_USAGE, "%s:%zu: a key must be text", reading->path, line_of(key));
    return NULL;
}

/* Fails when a key of `map` is there twice; libyaml does not look. Maps are small: the rows bound what is accepted. */
static bool keys_are_unique(struct reading *reading, const yaml_node_t *map, const char *section)
{
    yaml_node_pair_t *start = map->data.mapping.pairs.start, *top = map->data.mapping.pairs.top;
    if (top - start > CONFIG_ROWS_MAX)
        return err_set(reading->err, ERR_USAGE, "%s:%zu: has more than %d keys", reading->path, line_of(map),
                       (int)CONFIG_ROWS_MAX);
    for (yaml_node_pair_t *pair = start; pair < top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(reading->document, pair->key);
        const char *text = key_text(reading, key);
        if (!text)
            return false;
        for (yaml_node_pair_t *old = start; old < pair; old++) {
            const yaml_node_t *first = yaml_document_get_node(reading->document, old->key);
            if (strcmp(text_of(first), text) == 0)
                return err_set(reading->err, ERR_USAGE, "%s:%zu: %s%s: is there twice, first on line %zu; keep one",
                               reading->path, line_of(key), section, text, line_of(first));
        }
    }
    return true;
}

static bool node_is_null(const yaml_node_t *node)
{
    if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    const char *text = text_of(node);
    return !*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0;
}

/* What is wrong with one value as YAML has it, or NULL. */
static const char *scalar_fault(const yaml_node_t *node)
{
    if (node->type != YAML_SCALAR_NODE)
        return "must be one value, not a list or a map";
    if (node_is_null(node))
        return "has no value; write \"\" for an empty one";
    return strlen(text_of(node)) != node->data.scalar.length ? "must not hold a NUL character" : NULL;
}

static const char *set_sequence(struct reading *reading, const struct setting *row, const yaml_node_t *list,
                                char say[CONFIG_SAY_BYTES_MAX])
{
    const char *items[CONFIG_LIST_MAX + 1];
    size_t count = 0;
    yaml_node_item_t *item = list->data.sequence.items.start;
    for (; item < list->data.sequence.items.top && count <= CONFIG_LIST_MAX; item++) {
        const yaml_node_t *node = yaml_document_get_node(reading->document, *item);
        const char *fault = scalar_fault(node);
        if (fault)
            return fault;
        items[count++] = text_of(node);
    }
    return config_value_set_items(row, reading->loading->config, items, count, say);
}

static bool load_value(struct reading *reading, const struct setting *row, const yaml_node_t *key,
                       const yaml_node_t *value)
{
    char say[CONFIG_SAY_BYTES_MAX];
    const char *wrong;
    if (value->type == YAML_SEQUENCE_NODE && row->type == SETTING_URLS)
        wrong = set_sequence(reading, row, value, say);
    else if (!(wrong = scalar_fault(value)))
        wrong = config_value_set(row, reading->loading->config, text_of(value), say);
    if (wrong)
        return fail_at(reading, key, row->name, wrong);
    reading->loading->given[row - reading->loading->program->rows] = true;
    return true;
}

static bool fail_unknown(struct reading *reading, const yaml_node_t *key, const char *name)
{
    return err_set(reading->err, ERR_USAGE, "%s:%zu: %.80s: unknown key; the nearest right key is %s", reading->path,
                   line_of(key), name, config_nearest(reading->loading->program, name));
}

/* One setting of a section: `prefix` is "http.". */
static bool load_pair(struct reading *reading, const char *prefix, const yaml_node_t *key, const yaml_node_t *value)
{
    struct buf name = {0};
    buf_printf(&name, "%s%s", prefix, text_of(key));
    const struct setting *row = config_row_find(reading->loading->program, name.data);
    bool done = row ? load_value(reading, row, key, value) : fail_unknown(reading, key, name.data);
    buf_free(&name);
    return done;
}

static bool section_is_known(const struct config_program *program, const char *section)
{
    size_t len = strlen(section);
    for (size_t at = 0; at < program->row_count; at++)
        if (strncmp(program->rows[at].name, section, len) == 0 && program->rows[at].name[len] == '.')
            return true;
    return false;
}

static bool load_section(struct reading *reading, const yaml_node_t *key, const yaml_node_t *map)
{
    const struct config_program *program = reading->loading->program;
    const char *section = text_of(key);
    if (!section_is_known(program, section) && config_row_find(program, section))
        return fail_at(reading, key, section,
                       "settings are nested here: write the section, a colon, and the rest below it, indented");
    if (!section_is_known(program, section))
        return fail_unknown(reading, key, section);
    if (node_is_null(map))
        return true; /* all of its settings are commented out */
    if (map->type != YAML_MAPPING_NODE)
        return fail_at(reading, key, section, "must be a map of settings");
    struct buf prefix = {0};
    buf_printf(&prefix, "%s.", section);
    bool done = keys_are_unique(reading, map, prefix.data);
    for (yaml_node_pair_t *pair = map->data.mapping.pairs.start; done && pair < map->data.mapping.pairs.top; pair++)
        done = load_pair(reading, prefix.data, yaml_document_get_node(reading->document, pair->key),
                         yaml_document_get_node(reading->document, pair->value));
    buf_free(&prefix);
    return done;
}

static bool load_root(struct reading *reading, const yaml_node_t *root)
{
    if (node_is_null(root))
        return true;
    if (root->type != YAML_MAPPING_NODE)
        return err_set(reading->err, ERR_USAGE, "%s:%zu: must be a map of sections, such as http:", reading->path,
                       line_of(root));
    bool done = keys_are_unique(reading, root, "");
    for (yaml_node_pair_t *pair = root->data.mapping.pairs.start; done && pair < root->data.mapping.pairs.top; pair++)
        done = load_section(reading, yaml_document_get_node(reading->document, pair->key),
                            yaml_document_get_node(reading->document, pair->value));
    return done;
}

static bool fail_syntax(struct reading *reading, const yaml_parser_t *parser)
{
    bool scanned = parser->error == YAML_SCANNER_ERROR || parser->error == YAML_PARSER_ERROR ||
                   parser->error == YAML_COMPOSER_ERROR;
    size_t line = scanned ? parser->problem_mark.line + 1 : parser->mark.line + 1;
    return err_set(reading->err, ERR_USAGE, "%s:%zu: is not YAML: %s", reading->path, line,
                   parser->problem ? parser->problem : "no memory");
}

/* The next document of the file; the error tells `expect_none` apart: a file holds one. */
static bool load_document(struct reading *reading, yaml_parser_t *parser, bool expect_none)
{
    yaml_document_t document;
    if (!yaml_parser_load(parser, &document))
        return fail_syntax(reading, parser);
    reading->document = &document;
    const yaml_node_t *root = yaml_document_get_root_node(&document);
    bool done = true;
    if (root && expect_none)
        done = err_set(reading->err, ERR_USAGE, "%s:%zu: begins a second document; a file holds one", reading->path,
                       line_of(root));
    else if (root)
        done = load_root(reading, root);
    yaml_document_delete(&document);
    return done;
}

static bool parser_begin(struct reading *reading, const struct buf *text, yaml_parser_t *ret_parser)
{
    if (!yaml_parser_initialize(ret_parser))
        return err_set(reading->err, ERR_INTERNAL, "%s: the YAML parser cannot be made", reading->path);
    yaml_parser_set_input_string(ret_parser, (const unsigned char *)(text->data ? text->data : ""), text->len);
    return true;
}

struct walk {
    size_t depth, count;
    size_t line; /* of the event that was counted last */
};

/* Counts an event in; false at the end, or when it is no YAML from here on, which load_document says better. */
static bool walk_on(yaml_parser_t *parser, struct walk *walk)
{
    yaml_event_t event;
    if (!yaml_parser_parse(parser, &event))
        return false;
    walk->depth += event.type == YAML_MAPPING_START_EVENT || event.type == YAML_SEQUENCE_START_EVENT;
    walk->depth -= event.type == YAML_MAPPING_END_EVENT || event.type == YAML_SEQUENCE_END_EVENT;
    walk->count++;
    walk->line = event.start_mark.line + 1;
    bool more = event.type != YAML_STREAM_END_EVENT;
    yaml_event_delete(&event);
    return more;
}

/* Behind a line break of YAML 1.1 (5.4): LF, CR, U+0085, U+2028, U+2029. */
static bool begins_line(const struct buf *text, const char *at)
{
    static const char *const breaks[] = {"\n", "\r", "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9"};
    const size_t before = (size_t)(at - text->data);
    for (size_t i = 0; i < sizeof breaks / sizeof *breaks; i++) {
        const size_t len = strlen(breaks[i]);
        if (before >= len && memcmp(at - len, breaks[i], len) == 0)
            return true;
    }
    return before == 0;
}

/* Only at the begin of a line is it a directive; a value may hold it. */
static bool has_many_tags(const struct buf *text)
{
    static const char word[] = "%TAG";
    const char *at = text->data;
    int count = 0;
    while (at && (at = memmem(at, (size_t)(text->data + text->len - at), word, strlen(word)))) {
        count += begins_line(text, at);
        at += strlen(word);
    }
    return count > TAGS_MAX;
}

/* libyaml's time grows with the square of the depth, of the anchors and of the directives: of brackets alone, a file as
 * large as it may be would keep a start busy for an hour. So it is walked once before it is loaded, and no further than
 * settings go. */
static bool check_bounds(struct reading *reading, const struct buf *text)
{
    struct walk walk = {0};
    yaml_parser_t parser;
    if (has_many_tags(text)) /* all of them are read before the first event */
        return err_set(reading->err, ERR_USAGE, "%s: holds more %%TAG directives than any settings need",
                       reading->path);
    if (!parser_begin(reading, text, &parser))
        return false;
    while (walk_on(&parser, &walk) && walk.depth <= DEPTH_MAX && walk.count <= EVENTS_MAX)
        ;
    yaml_parser_delete(&parser);
    if (walk.depth > DEPTH_MAX)
        return err_set(reading->err, ERR_USAGE, "%s:%zu: is nested deeper than any setting", reading->path, walk.line);
    if (walk.count > EVENTS_MAX)
        return err_set(reading->err, ERR_USAGE, "%s:%zu: holds more values than there may be settings", reading->path,
                       walk.line);
    return true;
}

bool config_file_load(struct config_loading *loading, const char *path, struct err *err)
{
    struct buf text = {0};
    if (!config_read_file(path, &text, err))
        return false;
    struct reading reading = {.loading = loading, .path = path, .err = err};
    yaml_parser_t parser;
    bool done = check_bounds(&reading, &text) && parser_begin(&reading, &text, &parser);
    if (done) {
        done = load_document(&reading, &parser, false) && load_document(&reading, &parser, true);
        yaml_parser_delete(&parser);
    }
    buf_free(&text);
    return done;
}
