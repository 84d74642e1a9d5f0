/* A settings file that is wrong is refused with file, line, key and what would be right. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include "config_fixture.h"

static struct err err;

static bool load_bytes(const char *yaml, size_t len, char ret_path[32])
{
    struct sample config = {0};
    struct config_loading loading = {.program = &sample_program, .config = &config};
    write_file(yaml, len, ret_path);
    err = (struct err){0};
    bool done = config_file_load(&loading, ret_path, &err);
    unlink(ret_path);
    config_free(&sample_program, &config);
    return done;
}

/* `want` is what follows the file's name. */
static void fails(const char *yaml, const char *want)
{
    char path[32];
    if (load_bytes(yaml, strlen(yaml), path))
        fail_msg("was taken, instead of '%s':\n%s", want, yaml);
    assert_int_equal(err.kind, ERR_USAGE);
    assert_int_equal(strncmp(err.text, path, strlen(path)), 0);
    assert_string_equal(err.text + strlen(path), want);
}

static void passes(const char *yaml)
{
    char path[32];
    if (!load_bytes(yaml, strlen(yaml), path))
        fail_msg("%s", err.text);
}

static void right_files(void **state)
{
    (void)state;
    passes("");
    passes("# nothing but a comment\n");
    passes("---\nhttp:\n  port: 80 # with a comment\n...\n");
    passes("http:\n# port: 80\nlog:\n  format: json\n");
    passes("{http: {port: \"80\", host: 'a b'}, redis: {strict: false}}\n");
    passes("worker:\n  batch_age_ms: 9223372036854775807\n");
    passes("http: &all\n  port: 80\n");
}

static void unknown_keys_name_the_nearest(void **state)
{
    (void)state;
    fails("http:\n  port: 80\n  thread: 2\n", ":3: http.thread: unknown key; the nearest right key is http.threads");
    fails("\nhtpp:\n  port: 80\n", ":2: htpp: unknown key; the nearest right key is http.port");
    fails("http:\n  format: kv\n", ":2: http.format: unknown key; the nearest right key is http.port");
    fails("http:\n  <<: {port: 80}\n", ":2: http.<<: unknown key; the nearest right key is http.port");
    fails("http.port: 80\n",
          ":1: http.port: settings are nested here: write the section, a colon, and the rest below it, indented");
}

static void keys_twice_are_refused(void **state)
{
    (void)state;
    fails("http:\n  port: 80\n  port: 81\n", ":3: http.port: is there twice, first on line 2; keep one");
    fails("http:\n  port: 80\nlog:\n  format: kv\nhttp:\n  threads: 2\n",
          ":5: http: is there twice, first on line 1; keep one");
}

static void wrong_values_say_what_is_right(void **state)
{
    (void)state;
    fails("http:\n  threads: 65\n", ":2: http.threads: must be 1 to 64");
    fails("http:\n  threads: 0\n", ":2: http.threads: must be 1 to 64");
    fails("http:\n  threads: -1\n", ":2: http.threads: must be 1 to 64");
    fails("http:\n  threads: 99999999999999999999\n", ":2: http.threads: must be 1 to 64");
    fails("http:\n  threads: two\n", ":2: http.threads: must be a whole number in decimal digits");
    fails("http:\n  threads: 0x10\n", ":2: http.threads: must be a whole number in decimal digits");
    fails("http:\n  threads: 010\n", ":2: http.threads: must be a whole number in decimal digits");
    fails("http:\n  threads: 1_0\n", ":2: http.threads: must be a whole number in decimal digits");
    fails("http:\n  threads: 1.0\n", ":2: http.threads: must be a whole number in decimal digits");
    fails("http:\n  threads: \" 1\"\n", ":2: http.threads: must be a whole number in decimal digits");
    fails("worker:\n  batch_age_ms: -1\n", ":2: worker.batch_age_ms: must be at least 0");
    fails("redis:\n  strict: yes\n", ":2: redis.strict: must be true or false");
    fails("log:\n  format: xml\n", ":2: log.format: must be kv or json");
    fails("log:\n  format: kv|json\n", ":2: log.format: must be kv or json");
    fails("log:\n  format: \"\"\n", ":2: log.format: must be kv or json");
    fails("http:\n  host: \"\"\n", ":2: http.host: must not be empty");
    fails("http:\n  host: a/b\n", ":2: http.host: must be a host name or an address");
    fails("http:\n  host: \"a\\nb\"\n", ":2: http.host: must be UTF-8 text without control characters");
    fails("http:\n  host: \"a\\0b\"\n", ":2: http.host: must not hold a NUL character");
    fails("redis:\n  stock: 127.0.0.1:6379\n", ":2: redis.stock: must be a URL, such as redis://127.0.0.1:6379/0");
    fails("redis:\n  stock: redis://\n", ":2: redis.stock: must be a URL, such as redis://127.0.0.1:6379/0");
}

static void wrong_shapes_are_refused(void **state)
{
    (void)state;
    fails("http:\n  port:\n", ":2: http.port: has no value; write \"\" for an empty one");
    fails("http:\n  host: ~\n", ":2: http.host: has no value; write \"\" for an empty one");
    fails("http:\n  port: [80]\n", ":2: http.port: must be one value, not a list or a map");
    fails("http:\n  port: {a: 1}\n", ":2: http.port: must be one value, not a list or a map");
    fails("http: 80\n", ":1: http: must be a map of settings");
    fails("http:\n  - port\n", ":1: http: must be a map of settings");
    fails("- http\n", ":1: must be a map of sections, such as http:");
    fails("just words\n", ":1: must be a map of sections, such as http:");
    fails("http:\n  [a]: 1\n", ":2: a key must be text");
    fails("mysql:\n  shards: []\n", ":2: mysql.shards: must be a list of 1 to 64 URLs");
    fails("mysql:\n  shards: [mysql://a/0, [b]]\n", ":2: mysql.shards: must be one value, not a list or a map");
    fails("mysql:\n  shards:\n    - mysql://a/0\n    -\n",
          ":2: mysql.shards: has no value; write \"\" for an empty one");
    fails("mysql:\n  shards: {a: b}\n", ":2: mysql.shards: must be one value, not a list or a map");
    fails("http:\n  port: 80\n---\nhttp:\n  port: 81\n", ":4: begins a second document; a file holds one");
}

static void what_is_no_yaml_is_refused(void **state)
{
    (void)state;
    fails("http:\n\tport: 80\n", ":2: is not YAML: found character that cannot start any token");
    fails("http:\n  port: \"80\n", ":3: is not YAML: found unexpected end of stream");
    fails("http: {port: 80\n", ":2: is not YAML: did not find expected ',' or '}'");
    fails("http: *there\n", ":1: is not YAML: found undefined alias");
    char path[32];
    assert_false(load_bytes("http:\n  host: \xFF\n", 16, path));
    assert_non_null(strstr(err.text, "is not YAML: invalid leading UTF-8 octet"));
    assert_false(load_bytes("http:\0", 6, path));
    assert_non_null(strstr(err.text, "holds a NUL byte; it must be text"));
}

static void too_much_is_refused(void **state)
{
    (void)state;
    char path[32];
    char *big = malloc(CONFIG_FILE_BYTES_MAX + 2);
    memset(big, '#', CONFIG_FILE_BYTES_MAX + 2);
    assert_false(load_bytes(big, CONFIG_FILE_BYTES_MAX + 1, path));
    assert_non_null(strstr(err.text, ": is larger than 1048576 bytes"));
    free(big);
    struct buf text = {0};
    buf_append_str(&text, "http:\n  host: ");
    for (int at = 0; at < 4097; at++)
        buf_append_char(&text, 'x');
    fails(text.data, ":2: http.host: must be at most 4096 bytes long");
    buf_reset(&text);
    buf_append_str(&text, "mysql:\n  shards:\n");
    for (int at = 0; at < 65; at++)
        buf_append_str(&text, "    - mysql://a/0\n");
    fails(text.data, ":2: mysql.shards: must be a list of 1 to 64 URLs");
    buf_reset(&text);
    for (int at = 0; at < CONFIG_ROWS_MAX + 1; at++)
        buf_printf(&text, "key%d: 1\n", at);
    fails(text.data, ":1: has more than 128 keys");
    buf_free(&text);
}

/* Each would take libyaml minutes: what is as large as a file may be is walked no further than settings go. */
static void what_is_deep_or_long_is_refused_at_once(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_append_str(&text, "http:\n  port: ");
    while (text.len < CONFIG_FILE_BYTES_MAX)
        buf_append_char(&text, '[');
    fails(text.data, ":2: is nested deeper than any setting");
    buf_reset(&text);
    buf_append_str(&text, "http:\n");
    for (int at = 0; text.len < CONFIG_FILE_BYTES_MAX - 20; at++)
        buf_printf(&text, "- &a%d\n", at);
    fails(text.data, ":16381: holds more values than there may be settings");
    buf_reset(&text);
    for (int at = 0; text.len < CONFIG_FILE_BYTES_MAX - 60; at++)
        buf_printf(&text, "%%TAG !a%d! !\r", at);
    buf_append_str(&text, "---\nhttp:\n  port: 1\n");
    fails(text.data, ": holds more %TAG directives than any settings need");
    buf_reset(&text);
    buf_append_str(&text, "http:\n  host: \"");
    for (int at = 0; at < 20; at++)
        buf_append_str(&text, "%TAG"); /* no directive within a line */
    buf_append_str(&text, "\"\n");
    passes(text.data);
    buf_free(&text);
}

static void files_that_cannot_be_read(void **state)
{
    (void)state;
    struct sample config = {0};
    struct config_loading loading = {.program = &sample_program, .config = &config};
    assert_false(config_file_load(&loading, "/nowhere/weir.yaml", &err));
    assert_string_equal(err.text, "/nowhere/weir.yaml: cannot be read: No such file or directory");
    assert_false(config_file_load(&loading, "/tmp", &err));
    assert_string_equal(err.text, "/tmp: cannot be read: Is a directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_files),
        cmocka_unit_test(unknown_keys_name_the_nearest),
        cmocka_unit_test(keys_twice_are_refused),
        cmocka_unit_test(wrong_values_say_what_is_right),
        cmocka_unit_test(wrong_shapes_are_refused),
        cmocka_unit_test(what_is_no_yaml_is_refused),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(what_is_deep_or_long_is_refused_at_once),
        cmocka_unit_test(files_that_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
